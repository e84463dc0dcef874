"""Recurrence rules: the same times as dateutil gives, from any moment on, in few steps."""

import random
from datetime import datetime, timedelta
from itertools import islice

import pytest
from dateutil.rrule import rrulestr

from models.schedules.recurrence import LOOKS, recurrence, rule_faults

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY")
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def some(chance: random.Random, *numbers: int) -> str:
    return ",".join(map(str, chance.sample(numbers, chance.randint(1, min(3, len(numbers))))))


def rule_by(chance: random.Random) -> str:
    frequency = chance.choice(FREQUENCIES)
    coarse = frequency in ("YEARLY", "MONTHLY")
    ordinals = ("", "1", "2", "-1") if coarse and chance.random() < 0.5 else ("",)
    ordinal = chance.choice(ordinals)
    days = ",".join(ordinal + day for day in chance.sample(DAYS, 3))
    parts = {
        "INTERVAL": str(chance.choice((1, 1, 2, 3, 7, 25))),
        "WKST": chance.choice(DAYS),
        "BYMONTH": some(chance, *range(1, 13)),
        "BYDAY": days,
        "BYHOUR": some(chance, *range(24)),
        "BYMINUTE": some(chance, *range(0, 60, 5)),
    }
    if frequency != "WEEKLY":
        parts["BYMONTHDAY"] = some(chance, 1, 2, 15, 28, 29, 30, 31, -1, -2, -31)
    if frequency in ("YEARLY", "HOURLY", "MINUTELY"):
        parts["BYYEARDAY"] = some(chance, 1, 60, 100, 365, 366, -1, -100, -366)
    if frequency == "YEARLY" and not ordinal:
        parts["BYWEEKNO"] = some(chance, 1, 2, 20, 51, 52)
    kept = {name: value for name, value in parts.items() if chance.random() < 0.3}
    if coarse and any(name.startswith("BY") for name in kept):
        kept |= {"BYSETPOS": some(chance, 1, 2, -1)} if chance.random() < 0.3 else {}
    return ";".join(f"{name}={value}" for name, value in {"FREQ": frequency, **kept}.items())


@pytest.mark.parametrize("seed", range(200))
def test_the_times_are_dateutils(seed: int) -> None:
    """Where we find none dateutil is not asked: it would search until the year 9999."""
    chance = random.Random(seed)
    text = rule_by(chance)
    start = wall("2024-01-01") + timedelta(minutes=chance.randrange(0, 525_600, 5))
    earliest = start + timedelta(minutes=chance.randrange(0, 40_000))
    assert rule_faults(text) == []
    if ours := list(islice(recurrence(text, start).walls(earliest), 5)):
        assert (text, start, ours) == (text, start, list(rrulestr(text, dtstart=start).xafter(earliest, 5, inc=True)))


def steps_to_first(text: str, start: datetime, earliest: datetime) -> int:
    """How many steps the first time takes to find."""
    walk = recurrence(text, start).walk(earliest)
    return next(at for at, found in enumerate(walk, 1) if found is not None)


@pytest.mark.parametrize(
    ("text", "at_most"),
    [
        ("FREQ=MINUTELY", 1),
        ("FREQ=MINUTELY;INTERVAL=7", 1),
        ("FREQ=HOURLY;INTERVAL=5", 1),
        ("FREQ=DAILY", 2),
        ("FREQ=WEEKLY;INTERVAL=3", 22),
        ("FREQ=MONTHLY", 62),
        ("FREQ=YEARLY", 62),
        ("FREQ=MINUTELY;BYHOUR=3", 3),
        ("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=29", 4 * 366),
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", 4 * 29),
        ("FREQ=DAILY;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0,15,30,45", 96),
    ],
)
def test_a_rule_as_old_as_1970_is_walked_from_near_now(text: str, at_most: int) -> None:
    assert steps_to_first(text, wall("1970-01-01"), wall("2026-11-21T08:00")) <= at_most


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=MINUTELY;INTERVAL=60;BYMINUTE=7",
        "FREQ=DAILY;BYMONTH=1;BYMONTHDAY=1;INTERVAL=999999",
        "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=9",
    ],
)
def test_a_rule_that_gives_nothing_ends_after_a_bounded_search(text: str) -> None:
    rule = recurrence(text, wall("2026-01-02"))
    assert list(rule.walls(wall("2026-11-21"))) == []
    assert sum(1 for _ in islice(rule.walk(wall("2026-11-21")), LOOKS + 1)) <= LOOKS + 1


def test_a_walk_to_the_last_day_of_all_ends() -> None:
    for frequency in FREQUENCIES:
        rule = recurrence(f"FREQ={frequency}", wall("2026-01-01"))
        assert len(list(islice(rule.walls(wall("8999-12-31T23:00")), 61))) <= 60


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["FREQ", "``"]),
        ("FREQ=SECONDLY", ["FREQ"]),
        ("FREQ=DAILY;INTERVAL=0", ["INTERVAL"]),
        ("FREQ=DAILY;INTERVAL=-1", ["INTERVAL"]),
        ("FREQ=DAILY;INTERVAL=99999999999", ["INTERVAL"]),
        ("FREQ=DAILY;COUNT=3", ["COUNT"]),
        ("FREQ=DAILY;UNTIL=20300101;BYEASTER=1", ["UNTIL", "BYEASTER"]),
        ("FREQ=DAILY;INTERVAL=1\nRRULE:FREQ=SECONDLY", ["INTERVAL"]),
        ("FREQ=DAILY\nEXDATE:20300101", ["FREQ"]),
        ("FREQ=HOURLY;BYHOUR=25;BYMINUTE=60", ["BYHOUR", "BYMINUTE"]),
        ("FREQ=MONTHLY;BYMONTH=13;BYMONTHDAY=0", ["BYMONTH=", "BYMONTHDAY"]),
        ("FREQ=WEEKLY;BYDAY=1MO", ["BYDAY"]),
        ("FREQ=MONTHLY;BYDAY=0MO,XX", ["BYDAY"]),
        ("FREQ=WEEKLY;BYMONTHDAY=13", ["BYMONTHDAY"]),
        ("FREQ=DAILY;FREQ=WEEKLY", ["twice"]),
        ("FREQ=MONTHLY;BYSETPOS=1", ["BYSETPOS"]),
        ("FREQ=DAILY;BYHOUR=٣", ["BYHOUR"]),
        ("FREQ=DAILY; BYHOUR=3", ["BYHOUR"]),
    ],
)
def test_everything_wrong_with_a_rule_is_named(text: str, words: list[str]) -> None:
    faults = rule_faults(text)
    for word in words:
        assert any(word.rstrip("=") in fault for fault in faults), faults
