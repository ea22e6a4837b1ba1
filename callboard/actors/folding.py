"""The form of a text in which words are compared: no case, no accents, one space around each word.

A word is a run of letters and digits. Scripts that write no spaces between words (Chinese, Japanese, Thai …), and
Korean, which glues particles to its words, have no such boundary, so there each character stands as a word of its own:
a keyword of such a script then matches as a substring, by the same comparison as all others. So does each symbol, for
`C++`, `€` or an emoji; punctuation separates words and is dropped.
"""

import unicodedata
from collections.abc import Callable
from typing import Final

_KEPT_PUNCTUATION: Final = frozenset("#%&@")
_SYMBOLS: Final = frozenset({"Sm", "Sc", "So"})
_DROPPED: Final = frozenset({"Cf", "Me"})
_VARIATION_SELECTORS: Final = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))
_LETTERS: Final = str.maketrans(
    {
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",  # Turkish: its capital is a plain I, whose small letter is i
        "ł": "l",  # letters that Unicode does not take apart into a letter and an accent, from here on
        "ø": "o",
        "đ": "d",
        "ħ": "h",
        "ŧ": "t",
        "æ": "ae",
        "œ": "oe",
        "\N{ARABIC TATWEEL}": "",  # stretches a word, for looks only
    }
)
_SPACED_BEFORE: Final = str.maketrans(
    {
        "™": " ",  # decomposed, it would glue TM to its word
        "℠": " ",
        "\N{ZERO WIDTH SPACE}": " ",
    }
)
_ACCENTS: Final = (range(1, 2), range(10, 37), range(202, 241))
"""Combining classes of marks that a reader may leave out: accents, Hebrew points, Arabic vowel signs.

Not among them: voicing marks of kana, nuktas and viramas, and Thai and Lao vowels and tones; they make other words.
"""

_UNSPACED: Final = (
    range(0x0E00, 0x10A0),  # Thai, Lao, Tibetan, Myanmar
    range(0x1100, 0x1200),  # Hangul letters
    range(0x1780, 0x1800),  # Khmer
    range(0x1950, 0x1AB0),  # Tai scripts, Khmer symbols, Buginese
    range(0x1B00, 0x1B80),  # Balinese
    range(0x2E80, 0xA4D0),  # CJK radicals and ideographs, kana, Bopomofo, Hangul letters, Yi
    range(0xA960, 0xAAE0),  # Hangul letters, Javanese, Myanmar, Cham, Tai Viet
    range(0xAC00, 0xD800),  # Hangul
    range(0xF900, 0xFB00),  # CJK compatibility ideographs
    range(0x1AFF0, 0x1B170),  # kana
    range(0x20000, 0x40000),  # CJK ideographs
)
_MAX_MEMO: Final = 20_000


class _Table(dict[int, str]):
    """A table for str.translate that works out a character's replacement when it first meets it."""

    def __init__(self, replacement: Callable[[str], str]) -> None:
        self._replacement = replacement

    def __missing__(self, codepoint: int) -> str:
        if len(self) >= _MAX_MEMO:  # somebody sends all of Unicode
            self.clear()
        found = self[codepoint] = self._replacement(chr(codepoint))
        return found


def fold(text: str) -> str:
    """Return ``text`` as words in the form in which they are compared, with one space between them.

    Two texts that a reader takes for the same words, whatever their case, accents, width or punctuation, fold to the
    same; a text without letters, digits or symbols folds to nothing.
    """
    plain = text.lower() if text.isascii() else _plain(text)
    return " ".join(plain.translate(_places).split())


def _plain(text: str) -> str:
    """Return ``text`` without case and accents, composed again where marks are part of the letter."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_SPACED_BEFORE))
    folded = decomposed.translate(_accents).casefold().translate(_LETTERS)
    return unicodedata.normalize("NFC", folded)


def _without_accent(character: str) -> str:
    combining = unicodedata.combining(character)
    return "" if any(combining in classes for classes in _ACCENTS) else character


def _place(character: str) -> str:
    """Return a character with the spaces it takes: none in a word, both sides where it is a word of its own."""
    category = unicodedata.category(character)
    if category in _DROPPED or any(ord(character) in block for block in _VARIATION_SELECTORS):
        return ""
    if category[0] in "LNM":
        unspaced = any(ord(character) in block for block in _UNSPACED)
        return f" {character} " if unspaced else character
    symbol = category in _SYMBOLS or character in _KEPT_PUNCTUATION
    return f" {character} " if symbol else " "


_accents: Final = _Table(_without_accent)
_places: Final = _Table(_place)
