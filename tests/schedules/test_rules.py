"""When schedules fire: across clock changes, and after an outage."""

from datetime import UTC, datetime, timedelta

import pytest

from models.schedules.rules import CatchUp, Timing, check_timing, due, preview


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


@pytest.mark.parametrize(
    ("timing", "fields"),
    [
        (Timing("Mars/Olympus", cron="0 7 * * *"), ["timezone"]),
        (Timing("Mars/Olympus", cron="99 7 * * *"), ["timezone", "cron"]),
        (Timing("UTC"), ["cron"]),
        (Timing("UTC", cron="* * * * *", rrule="FREQ=DAILY"), ["cron"]),
        (Timing("UTC", rrule="FREQ=DAILY"), ["startsAt"]),
        (Timing("UTC", rrule="FREQ=SECONDLY", starts_at=wall("2026-01-01T00:00")), ["rrule"]),
        (Timing("UTC", rrule="FREQ=DAILY;COUNT=3", starts_at=wall("2026-01-01T00:00")), ["rrule"]),
        (Timing("UTC", rrule="FREQ=DAILY;BYDAY=XX", starts_at=wall("2026-01-01T00:00")), ["rrule"]),
        (Timing("UTC", cron="0 7 * * *", starts_at=wall("2026-01-01T00:00")), ["startsAt"]),
    ],
)
def test_bad_timings_are_named(timing: Timing, fields: list[str]) -> None:
    assert [fault.field for fault in check_timing(timing)] == fields
