"""Cron expressions: which are refused, and when they are due, also on the days on which a clock is changed."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.events.cron import MAX_LENGTH, check_cron, next_cron, zone_named
from callboard.events.errors import InvalidValueError

BERLIN = "Europe/Berlin"
FORWARD, BACK = "2026-03-29", "2026-10-25"
"""In Berlin the clock goes from 02:00 to 03:00 on the one, and from 03:00 to 02:00 on the other."""

ZONES = [BERLIN, "America/New_York", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca", "Asia/Kolkata"]
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 7, tzinfo=UTC),
    datetime(2026, 11, 1, 6, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2026, 10, 3, 15, 30, tzinfo=UTC),
    datetime(2026, 2, 15, 2, tzinfo=UTC),
]


def due(cron: str, day: str, zone: str = BERLIN, *, days: int = 1) -> list[str]:
    """Return the local times at which ``cron`` is due from the beginning of ``day`` on, for ``days`` days."""
    place = ZoneInfo(zone)
    start = datetime.fromisoformat(day).replace(tzinfo=place).astimezone(UTC) - timedelta(seconds=1)
    end = (datetime.fromisoformat(day) + timedelta(days=days)).replace(tzinfo=place).astimezone(UTC)
    found, after = [], start
    while (moment := next_cron(cron, place, after)) is not None and moment < end:
        assert after < moment, "expected to get on"
        assert moment.tzinfo is UTC
        found.append(moment.astimezone(place).strftime("%H:%M:%S%z"))
        after = moment
    return found


def test_a_time_that_the_clock_skips_is_made_up_for_when_it_is_set_forward() -> None:
    assert due("30 2 * * *", FORWARD) == ["03:00:00+0200"]
    assert due("0 30 2 * * *", FORWARD) == ["03:00:00+0200"]


def test_several_skipped_times_are_made_up_for_once() -> None:
    assert due("0,20,40 2 * * *", FORWARD) == ["03:00:00+0200"]


def test_a_time_that_comes_twice_counts_the_first_time() -> None:
    assert due("30 2 * * *", BACK) == ["02:30:00+0200"]
    assert due("0 30 2 * * *", BACK) == ["02:30:00+0200"]


def test_a_fixed_time_that_is_no_part_of_the_change_comes_once_on_either_day() -> None:
    assert due("0 9 * * *", FORWARD) == ["09:00:00+0200"]
    assert due("0 9 * * *", BACK) == ["09:00:00+0100"]
    assert due("0 3 * * *", FORWARD) == ["03:00:00+0200"]
    assert due("59 1 * * *", FORWARD) == ["01:59:00+0100"]


def test_what_runs_all_the_time_is_due_by_the_clock() -> None:
    assert len(due("0 * * * *", FORWARD)) == 23
    assert len(due("0 * * * *", BACK)) == 25
    assert due("*/30 2 * * *", FORWARD) == []
    assert due("*/30 2 * * *", BACK) == ["02:00:00+0200", "02:30:00+0200", "02:00:00+0100", "02:30:00+0100"]


def test_every_second_goes_on_through_both_changes() -> None:
    for day, hour in ((FORWARD, 1), (BACK, 0)):
        moment = datetime.fromisoformat(day).replace(hour=hour, minute=59, second=58, tzinfo=UTC)
        for _ in range(5):
            following = next_cron("* * * * * *", ZoneInfo(BERLIN), moment)
            assert following == moment + timedelta(seconds=1)
            moment = following


def test_half_an_hour_is_enough_of_a_change() -> None:
    assert due("15 2 * * *", "2026-10-04", "Australia/Lord_Howe") == ["02:30:00+1100"]
    assert due("45 1 * * *", "2026-04-05", "Australia/Lord_Howe") == ["01:45:00+1100"]
    assert due("*/15 1 * * *", "2026-04-05", "Australia/Lord_Howe") == [
        "01:00:00+1100", "01:15:00+1100", "01:30:00+1100", "01:45:00+1100", "01:30:00+1030", "01:45:00+1030",
    ]  # fmt: skip


def test_a_midnight_that_does_not_exist_is_made_up_for() -> None:
    assert due("0 0 * * *", "2026-04-24", "Africa/Cairo", days=2) == ["01:00:00+0300", "00:00:00+0300"]


def test_days_and_months_count_in_the_zone() -> None:
    tokyo = ZoneInfo("Asia/Tokyo")
    assert next_cron("0 9 1 * *", tokyo, datetime(2026, 1, 31, 23, 59, tzinfo=UTC)) == datetime(2026, 2, 1, tzinfo=UTC)
    assert next_cron("0 0 29 2 *", tokyo, datetime(2026, 3, 1, tzinfo=UTC)) == datetime(2028, 2, 28, 15, tzinfo=UTC)


def test_a_moment_at_which_it_is_due_is_not_after_itself() -> None:
    nine = datetime(2026, 5, 1, 9, tzinfo=UTC)
    assert next_cron("0 9 * * *", ZoneInfo("UTC"), nine) == nine + timedelta(days=1)
    assert next_cron("0 9 * * *", ZoneInfo("UTC"), nine - timedelta(microseconds=1)) == nine


def test_at_the_end_of_the_calendar_nothing_is_due_any_more() -> None:
    for zone in ("UTC", BERLIN):
        for cron in ("0 9 * * *", "* * * * *", "0 0 1 1 *"):
            assert next_cron(cron, ZoneInfo(zone), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) is None


def _matches(local: datetime, minutes: set[int], hours: set[int]) -> bool:
    return local.second == 0 and local.minute in minutes and local.hour in hours


def _first_by_the_clock(minutes: set[int], hours: set[int], zone: ZoneInfo, after: datetime) -> datetime:
    """Look at every minute after ``after``."""
    moment = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while not _matches(moment.astimezone(zone), minutes, hours):
        moment += timedelta(minutes=1)
    return moment


def _first_fixed(minutes: set[int], hours: set[int], zone: ZoneInfo, after: datetime) -> datetime:
    """Look at every time of day around ``after``, whether the clock shows it or not."""
    day = after.astimezone(zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
    found = []
    for number in range(5 * 24 * 60):
        local = day + timedelta(minutes=number)
        if not _matches(local, minutes, hours):
            continue
        while local.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
            local += timedelta(minutes=1)
        found.append(local.replace(tzinfo=zone).astimezone(UTC))
    return min(moment for moment in found if moment > after)


near_a_change = st.builds(
    lambda change, seconds: change + timedelta(seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-3 * 3600, 3 * 3600),
)
some_minutes = st.sets(st.integers(0, 59), min_size=1, max_size=4)
some_hours = st.sets(st.integers(0, 3), min_size=1, max_size=3)


@given(some_minutes, some_hours, st.sampled_from(ZONES), near_a_change)
def test_fixed_times_are_what_looking_at_every_time_of_day_finds(
    minutes: set[int], hours: set[int], zone: str, after: datetime
) -> None:
    cron = f"{','.join(map(str, minutes))} {','.join(map(str, hours))} * * *"
    place = ZoneInfo(zone)
    assert next_cron(cron, place, after) == _first_fixed(minutes, hours, place, after)
    assert next_cron(f"0 {cron}", place, after) == _first_fixed(minutes, hours, place, after)


@given(st.sampled_from([1, 7, 15, 30]), some_hours, st.sampled_from(ZONES), near_a_change)
def test_running_times_are_what_looking_at_the_clock_every_minute_finds(
    step: int, hours: set[int], zone: str, after: datetime
) -> None:
    minutes, place = set(range(0, 60, step)), ZoneInfo(zone)
    found = next_cron(f"*/{step} {','.join(map(str, hours))} * * *", place, after)
    assert found == _first_by_the_clock(minutes, hours, place, after)


@pytest.mark.parametrize(
    "cron",
    [
        "", "* * * *", "* * * * * * *", "@daily", "61 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8",
        "*/0 * * * *", "5-1 * * * *", "1.5 * * * *", "a * * * *", "* * * * MOND", "* * * * ²", "-1 * * * *",
        "1,, * * * *",
    ],
)  # fmt: skip
def test_what_is_no_cron_expression_is_refused(cron: str) -> None:
    with pytest.raises(InvalidValueError, match="expected cron to") as refused:
        check_cron(cron)
    assert refused.value.field == "cron"


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 2,4,6 *", "* * */20 * 1L"])
def test_what_never_comes_due_is_refused(cron: str) -> None:
    with pytest.raises(InvalidValueError, match="expected cron to") as refused:
        check_cron(cron)
    assert refused.value.field == "cron"


def test_a_long_expression_is_refused_before_anybody_reads_it() -> None:
    with pytest.raises(InvalidValueError, match="at most 256 characters"):
        check_cron("0," * MAX_LENGTH + "0 * * * *")
    with pytest.raises(InvalidValueError, match="expected cron"):
        check_cron("9" * 240 + " * * * *")


@given(st.text(alphabet="0123456789*/,-#L?W MON@", max_size=40))
def test_any_text_is_a_cron_expression_or_is_refused(text: str) -> None:
    try:
        check_cron(text)
    except InvalidValueError:
        return
    assert next_cron(text, ZoneInfo(BERLIN), datetime(2026, 1, 1, tzinfo=UTC)) is not None


@pytest.mark.parametrize("cron", ["* * * * *", "*/5 9-17 * * MON-FRI", "0 9 L * *", "30 0 9 * * *", "0 0 * * 1#2"])
def test_what_cron_knows_is_taken(cron: str) -> None:
    check_cron(cron)


@pytest.mark.parametrize(
    "name", ["", "Mars/Base", "../etc/passwd", "/etc/localtime", "localtime", "America", "GMT+5", "UTC\n", "a" * 200]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(InvalidValueError, match="expected timezone to be a name of the IANA database") as refused:
        zone_named(name)
    assert refused.value.field == "timezone"


@pytest.mark.parametrize("name", ["UTC", BERLIN, "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_a_zone_of_the_database_is_taken(name: str) -> None:
    assert zone_named(name).key == name
