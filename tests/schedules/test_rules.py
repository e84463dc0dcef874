"""When schedules fire: across clock changes, and after an outage."""

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest
from cronsim import CronSim

from models.schedules.recurrence import Recurrence
from models.schedules.rules import CatchUp, Timing, check_timing, due, fires_after, fires_until, preview


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("timing", "after", "fires"),
    [
        pytest.param(
            Timing("Asia/Jerusalem", cron="0 7 * * *"), "2026-03-26T00:00", ["2026-03-26T05:00", "2026-03-27T04:00"],
            id="seven stays seven when clocks go forward",
        ),
        pytest.param(
            Timing("Europe/Berlin", cron="0 7 * * *"), "2026-10-24T00:00", ["2026-10-24T05:00", "2026-10-25T06:00"],
            id="and back",
        ),
        pytest.param(
            Timing("Australia/Sydney", cron="0 7 * * *"), "2026-10-03T00:00", ["2026-10-03T20:00", "2026-10-04T20:00"],
            id="southern hemisphere",
        ),
        pytest.param(
            Timing("Europe/Berlin", cron="30 2 * * *"), "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"],
            id="cron in the gap fires right after it",
        ),
        pytest.param(
            Timing("Europe/Berlin", rrule="FREQ=DAILY", starts_at=wall("2026-03-01T02:30")), "2026-03-28T12:00",
            ["2026-03-29T01:30", "2026-03-30T00:30"], id="a rule in the gap moves forward by the gap",
        ),
        pytest.param(
            Timing("Europe/Berlin", rrule="FREQ=DAILY", starts_at=wall("2026-03-01T02:30")), "2026-10-24T12:00",
            ["2026-10-25T00:30", "2026-10-26T01:30"], id="a time that happens twice fires once",
        ),
        pytest.param(
            Timing("UTC", rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=SU", starts_at=wall("2026-01-04T09:00")),
            "2026-01-05T00:00", ["2026-01-18T09:00", "2026-02-01T09:00"], id="every second Sunday",
        ),
        pytest.param(
            Timing("Europe/Berlin", cron="30 2 * * *"), "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"],
            id="cron's time that happens twice fires once",
        ),
        pytest.param(
            Timing("Europe/Berlin", cron="30 2 * * *"), "2026-10-25T00:45", ["2026-10-26T01:30"],
            id="and not again in the second such hour",
        ),
        pytest.param(
            Timing("Europe/Berlin", rrule="FREQ=DAILY", starts_at=wall("2026-03-01T02:30")), "2026-10-25T00:45",
            ["2026-10-26T01:30"], id="nor does a rule's",
        ),
        pytest.param(
            Timing("Europe/Berlin", rrule="FREQ=MINUTELY;INTERVAL=30", starts_at=wall("2026-01-01T00:00")),
            "2026-03-29T00:00",
            ["2026-03-29T00:30", "2026-03-29T01:00", "2026-03-29T01:30", "2026-03-29T02:00", "2026-03-29T02:30"],
            id="times of the gap that have become later ones fire once and in order",
        ),
        pytest.param(
            Timing("Europe/Berlin", rrule="FREQ=HOURLY;BYMINUTE=10", starts_at=wall("2026-01-01T00:10")),
            "2026-03-29T01:00", ["2026-03-29T01:10", "2026-03-29T02:10"], id="also for who looks after the gap",
        ),
        pytest.param(
            Timing("Europe/Berlin", rrule="FREQ=DAILY", starts_at=wall("2026-03-01T02:30")), "2026-03-29T01:15",
            ["2026-03-29T01:30", "2026-03-30T00:30"], id="a time of the gap that has become a later one still comes",
        ),
        pytest.param(
            Timing("Europe/Berlin", cron="*/30 * * * *"), "2026-10-25T00:00",
            ["2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"],
            id="a wildcard hour fires by elapsed time",
        ),
        pytest.param(
            Timing("UTC", rrule="FREQ=MINUTELY", starts_at=wall("1970-01-01T00:00")), "2026-11-21T08:00",
            ["2026-11-21T08:01", "2026-11-21T08:02"], id="a rule as old as 1970",
        ),
        pytest.param(
            Timing("Europe/London", rrule="FREQ=DAILY", starts_at=wall("2026-03-01T01:30")), "2026-03-29T01:15",
            ["2026-03-29T01:30", "2026-03-30T00:30"], id="also where the clocks leave UTC",
        ),
        pytest.param(Timing("UTC", cron="0 0 29 2 *"), "2026-03-01T00:00", ["2028-02-29T00:00"], id="leap day"),
    ],
)  # fmt: skip
def test_fire_times(timing: Timing, after: str, fires: list[str]) -> None:
    assert preview(timing, utc(after), len(fires)) == [utc(fire) for fire in fires]


HOURLY = Timing("UTC", cron="0 * * * *")


@pytest.mark.parametrize(
    ("catch_up", "late", "fires"),
    [
        (CatchUp.SKIP, timedelta(seconds=5), 1),
        (CatchUp.ONCE, timedelta(seconds=5), 1),
        (CatchUp.ALL, timedelta(seconds=5), 1),
        (CatchUp.SKIP, timedelta(hours=3, minutes=30), 0),
        (CatchUp.ONCE, timedelta(hours=3, minutes=30), 1),
        (CatchUp.ALL, timedelta(hours=3, minutes=30), 4),
        (CatchUp.SKIP, timedelta(hours=3), 1),
    ],
)
def test_an_outage_is_made_up_for_by_the_schedules_rule(catch_up: CatchUp, late: timedelta, fires: int) -> None:
    planned = utc("2026-05-01T10:00")
    found = due(HOURLY, catch_up, planned, planned + late)
    assert len(found.fires) == fires
    assert found.next_fire_at is not None
    assert planned + late < found.next_fire_at <= planned + late + timedelta(hours=1)


def test_once_is_the_latest_missed() -> None:
    planned = utc("2026-05-01T10:00")
    assert due(HOURLY, CatchUp.ONCE, planned, utc("2026-05-01T13:30")).fires == (utc("2026-05-01T13:00"),)


def test_a_fire_that_the_rule_does_not_give_any_more_is_not_made() -> None:
    """The zone's rules have changed since it was planned: it comes at the new time, and once."""
    found = due(HOURLY, CatchUp.ALL, utc("2026-05-01T09:30"), utc("2026-05-01T09:30"))
    assert (found.fires, found.next_fire_at) == ((), utc("2026-05-01T10:00"))


ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "Antarctica/Troll",
    "America/Santiago",
    "Asia/Kolkata",
)


def timing_by(chance: random.Random) -> Timing:
    minute, hour = chance.choice(("*", "*/7", "30", "0,15,45")), chance.choice(("*", "*/3", "2", "0-3"))
    if chance.random() < 0.5:
        return Timing(chance.choice(ZONES), cron=f"{minute} {hour} * * {chance.choice(('*', '0', '1-5'))}")
    frequency = chance.choice(("MINUTELY;INTERVAL=30", "HOURLY;BYMINUTE=10,50", "DAILY;BYHOUR=0,2,3", "WEEKLY"))
    return Timing(chance.choice(ZONES), rrule=f"FREQ={frequency}", starts_at=wall("2025-03-01T02:30"))


@pytest.mark.parametrize("seed", range(60))
def test_back_from_now_are_the_same_fires_as_forward_to_it(seed: int) -> None:
    chance = random.Random(seed)
    timing = timing_by(chance)
    since = utc(chance.choice(("2026-03-27T00:00", "2026-10-23T00:00", "2026-04-03T00:00", "2026-09-04T00:00")))
    since += timedelta(minutes=chance.randrange(3000))
    now = since + timedelta(minutes=chance.randrange(1, 6000))
    forward = list(takewhile(lambda fire: fire <= now, fires_after(timing, since - timedelta(seconds=1))))
    assert (timing, since, list(fires_until(timing, now, since))) == (timing, since, forward[::-1])
    assert forward == sorted(set(forward))


def steps_of(monkeypatch: pytest.MonkeyPatch, timing: Timing, act: Callable[[Timing], object]) -> int:
    """How many times the timing gives for it, and how many minutes, hours and days it looks at."""
    steps = itertools.count()
    step = Recurrence.walk
    monkeypatch.setattr(Recurrence, "walk", lambda *args: ((next(steps), each)[1] for each in step(*args)))
    for name in ("tick", "match_day"):
        own = getattr(CronSim, name)
        monkeypatch.setattr(CronSim, name, lambda *args, own=own, **kwargs: (next(steps), own(*args, **kwargs))[1])
    act(timing)
    return next(steps)


YEARS = utc("2006-01-01T00:00"), utc("2026-11-21T08:00:30")
MINUTELY = [
    Timing("Europe/Berlin", cron="* * * * *"),
    Timing("Europe/Berlin", rrule="FREQ=MINUTELY", starts_at=wall("1970-01-01T00:00")),
]


@pytest.mark.parametrize("timing", MINUTELY)
@pytest.mark.parametrize(("catch_up", "at_most"), [(CatchUp.SKIP, 800), (CatchUp.ONCE, 800), (CatchUp.ALL, 16_000)])
def test_twenty_years_of_missed_minutes_take_few_steps(
    monkeypatch: pytest.MonkeyPatch, timing: Timing, catch_up: CatchUp, at_most: int
) -> None:
    assert steps_of(monkeypatch, timing, lambda timing: due(timing, catch_up, *YEARS)) <= at_most


SELDOM = [
    Timing("Europe/Berlin", cron="0 0 */40 * 1#5"),
    Timing("Europe/Berlin", cron="0 0 29 2 */7"),
    Timing("UTC", rrule="FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30", starts_at=wall("1970-01-01T00:00")),
    Timing("UTC", rrule="FREQ=MINUTELY;INTERVAL=60;BYMINUTE=7", starts_at=wall("1970-01-01T00:00")),
    Timing("UTC", rrule="FREQ=DAILY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", starts_at=wall("1970-01-01T00:00")),
]


@pytest.mark.parametrize("timing", SELDOM)
def test_looking_for_a_hundred_fires_of_what_seldom_or_never_fires_is_bounded(
    monkeypatch: pytest.MonkeyPatch, timing: Timing
) -> None:
    assert steps_of(monkeypatch, timing, lambda timing: preview(timing, YEARS[1], 100)) <= 45_000


def test_a_leap_monday_in_forty_years_is_found() -> None:
    assert preview(SELDOM[-1], utc("2026-11-21T08:00"), 1) == [utc("2044-02-29T00:00")]


@pytest.mark.parametrize(
    ("timing", "fields"),
    [
        (Timing("Mars/Olympus", cron="0 7 * * *"), ["timezone"]),
        (Timing("Mars/Olympus", cron="99 7 * * *"), ["timezone", "cron"]),
        (Timing("UTC"), ["cron"]),
        (Timing("UTC", cron="* * * * *", rrule="FREQ=DAILY"), ["cron"]),
        (Timing("UTC", rrule="FREQ=DAILY"), ["startsAt"]),
        (Timing("UTC", rrule="FREQ=SECONDLY", starts_at=wall("2026-01-01T00:00")), ["rrule"]),
        (Timing("UTC", cron="* * * * * *"), ["cron"]),
        (Timing("UTC", cron=""), ["cron"]),
        (Timing("UTC", rrule="FREQ=DAILY;INTERVAL=0", starts_at=wall("2026-01-01T00:00")), ["rrule"]),
        (Timing("UTC", rrule="FREQ=DAILY;INTERVAL=1\nRRULE:FREQ=SECONDLY", starts_at=wall("2026-01-01")), ["rrule"]),
        (Timing("UTC", rrule="FREQ=HOURLY;BYHOUR=25", starts_at=wall("2026-01-01T00:00")), ["rrule"]),
        (Timing("UTC", rrule="FREQ=DAILY;COUNT=3", starts_at=wall("2026-01-01T00:00")), ["rrule"]),
        (Timing("UTC", rrule="FREQ=DAILY;BYDAY=XX", starts_at=wall("2026-01-01T00:00")), ["rrule"]),
        (Timing("UTC", cron="0 7 * * *", starts_at=wall("2026-01-01T00:00")), ["startsAt"]),
    ],
)
def test_bad_timings_are_named(timing: Timing, fields: list[str]) -> None:
    assert [fault.field for fault in check_timing(timing)] == fields
