"""A subject that may not be published to is known as such whatever else the server complains of, and not for ever."""

from callboard.events.denials import LASTING_SECONDS, MOST, Denials


def denied(subject: str) -> str:
    return f'nats: permissions violation for publish to "{subject}"'


def test_complaints_about_other_things_push_nothing_out() -> None:
    denials = Denials()
    denials.hear(denied("callboard.Request"))
    for number in range(10 * MOST):
        denials.hear(f"nats: slow consumer, messages dropped {number}")
        denials.hear(f'nats: permissions violation for subscription to "no.{number}"')
        denials.hear(denied("no.other"))

    assert denials.about("callboard.Request")
    assert denials.about("no.other")
    assert not denials.about("no.1")
    assert not denials.about("callboard")


def test_of_very_many_subjects_the_newest_are_known() -> None:
    denials = Denials()
    for number in range(3 * MOST):
        denials.hear(denied(f"no.{number}"))
        denials.hear(denied("no.0"))
    assert denials.about("no.0")
    assert denials.about(f"no.{3 * MOST - 1}")
    assert not denials.about(f"no.{MOST}")


def test_what_was_denied_long_ago_may_be_granted_by_now() -> None:
    now = 5.0
    denials = Denials(lambda: now)
    denials.hear(denied("no"))
    now += LASTING_SECONDS
    assert denials.about("no")
    now += 1
    assert not denials.about("no")
