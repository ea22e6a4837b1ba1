"""When two texts are the same words: case, accents, width and punctuation do not count, in any script."""

# ruff: noqa: RUF001 - letters that look alike are the point

import unicodedata
from typing import Literal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callboard.actors.folding import fold
from callboard.actors.keywords import MAX_CHARACTERS, Keywords, words_of


def found(keyword: str, text: str) -> bool:
    """Tell whether one keyword is found in one text."""
    return bool(Keywords([keyword]).found_in(words_of(text)))


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("refund", "A REFUND, please!"),
        ("credit card", "my Credit-Card\nwas declined"),
        ("credit card", "credit   card"),
        ("invoice", "see invoice_2026 (attached)"),
        ("facture", "l'facture"),
        ("résumé", "RESUME"),
        ("resume", "my re\u0301sume\u0301"),
        ("Łódź", "lodz"),
        ("smørrebrød", "SMORREBROD"),
        ("straße", "STRASSE"),
        ("STRASSE", "Straße"),
        ("Rückerstattung", "RÜCKERSTATTUNG bitte"),
        ("iade", "FATURA İADE"),
        ("iade", "FATURA IADE"),
        ("ısı", "ISI"),
        ("λόγος", "ΛΟΓΟΣ"),
        ("ΛΟΓΟΣ", "ο λόγος"),
        ("возврат", "ВОЗВРАТ денег"),
        ("еще", "ещё"),
        ("كتاب", "كِتَابٌ"),
        ("احمد", "أحمد"),
        ("سلام", "ســـلام"),
        ("שלום", "שָׁלוֹם"),
        ("फ़ोन", "मेरा फ़ोन"),
        ("退款", "我要退款!"),
        ("退款", "請問退\n款"),
        ("払い戻し", "注文の払い戻しをお願いします"),
        ("ガス", "ｶﾞｽ料金"),
        ("환불", "환불을 요청합니다"),
        ("คืนเงิน", "ขอคืนเงินหน่อย"),
        ("iPhone手机", "买iphone手机吗"),
        ("app", "打开app看看"),
        ("ＩＮＶＯＩＣＥ", "invoice"),
        ("acme", "Acme™ products"),
        ("c++", "I love C++!"),
        ("C#", "in c# please"),
        ("R&D", "the R&D team"),
        ("€", "costs 5€"),
        ("👍", "ok 👍🏽"),
        ("❤", "❤️"),
        ("office", "the o\ufb03ce"),
        ("soft hyphen", "soft\u00ad hy\u00adphen"),
    ],
)
def test_these_are_the_same_words(keyword: str, text: str) -> None:
    assert found(keyword, text)


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("refund", "refunded"),
        ("refund", "prerefund"),
        ("art", "start the party"),
        ("credit card", "credit and card"),
        ("c++", "vitamin c"),
        ("c", "cc"),
        ("かき", "かぎ"),
        ("ไม่", "ไหม"),
        ("पिता", "पता"),
        ("возврат", "возвраты"),
        ("退款", "退货款"),
        ("كتاب", "مكتاب"),
        ("1", "12"),
    ],
)
def test_these_are_not(keyword: str, text: str) -> None:
    assert not found(keyword, text)


def test_texts_are_looked_for_everywhere_but_in_the_keys() -> None:
    value = {"refund": 1, "order": {"lines": [{"note": "one Invoice"}, 3, None, True]}, "lang": "en"}
    keywords = Keywords(["refund", "invoice", "en"])
    assert keywords.found_in(words_of(value)) == ("invoice", "en")


def test_a_phrase_does_not_reach_from_one_text_into_the_next() -> None:
    assert not Keywords(["credit card"]).found_in(words_of(["credit", "card"]))


@pytest.mark.parametrize("value", [None, 3, True, [], {}, "", "...", [[[]]]])
def test_an_input_without_words_has_none(value: object) -> None:
    assert Keywords(["a", "1"]).found_in(words_of(value)) == ()


def test_keywords_that_are_the_same_words_count_once() -> None:
    keywords = Keywords(["Refund", "refund", "REFÜND", "invoice"])
    assert len(keywords) == 2
    assert keywords.found_in(words_of("refund")) == ("Refund",)


def test_a_deep_input_is_no_trouble() -> None:
    value: object = "refund"
    for _ in range(100_000):
        value = [value]
    assert Keywords(["refund"]).found_in(words_of(value)) == ("refund",)
    while isinstance(value, list):  # or freeing it would go as deep
        value = value.pop()


def test_only_the_beginning_of_a_huge_input_is_searched() -> None:
    text = "x " * MAX_CHARACTERS + "refund"
    assert not found("refund", text)
    assert not Keywords(["refund"]).found_in(words_of(["x " * MAX_CHARACTERS, "refund"]))
    assert not Keywords(["refund"]).found_in(words_of(["x"] * 1_000_000 + ["refund"]))
    assert found("refund", "refund " + text)


words = st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8)


@given(st.text())
@example("\u0345")
@example("ŉ İ ß ﬁ ½")
def test_folding_twice_changes_nothing(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert folded == folded.strip()
    assert "  " not in folded


@given(st.text(), st.sampled_from(["NFC", "NFD"]))
def test_the_normal_form_of_a_text_does_not_matter(text: str, form: Literal["NFC", "NFD"]) -> None:
    assert fold(unicodedata.normalize(form, text)) == fold(text)


@given(st.text(st.characters(codec="ascii")))
def test_ascii_needs_no_normal_form_but_folds_like_the_rest(text: str) -> None:
    assert f"{fold(text)} e".strip() == fold(f"{text} é")


@given(words, st.text(max_size=20), st.text(max_size=20))
def test_a_keyword_with_something_readable_is_found_between_spaces(keyword: str, before: str, after: str) -> None:
    if fold(keyword):
        assert found(keyword, f"{before} {keyword} {after}")


@given(st.text(st.sampled_from("abcxyz"), min_size=1), st.sampled_from("abcxyz019"), st.booleans())
def test_a_word_is_not_found_inside_a_longer_one(keyword: str, letter: str, behind: bool) -> None:  # noqa: FBT001
    assert not found(keyword, keyword + letter if behind else letter + keyword)
