from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest

from models.cycles.rules import (
    OVERLAPS_AFTER_CLOCK_CHANGE,
    MeetingPattern,
    PatternExhausted,
    Plan,
    SkippedDate,
    WeeklySlot,
    check_pattern,
    plan_meetings,
)
from models.kernel.errors import Invalid
from models.kernel.wallclock import to_instant

MONDAY, TUESDAY, _, THURSDAY, FRIDAY, _, SUNDAY = range(7)


def weekly(*slots: tuple[int, str, str]) -> MeetingPattern:
    return MeetingPattern(slots=tuple(WeeklySlot(*slot) for slot in slots))


def recurring(rrule: str | None, start: str | None = "17:00", minutes: int | None = 90) -> MeetingPattern:
    return MeetingPattern(rrule=rrule, start=start, duration_minutes=minutes)


def plan(pattern: MeetingPattern, start: str, count: int, zone: str = "Asia/Jerusalem", **rest: Any) -> Plan:
    arguments = {"blocked": {}} | rest
    return plan_meetings(pattern, timezone=zone, start_date=date.fromisoformat(start), count=count, **arguments)


def starts(planned: Plan, zone: str | None = None) -> list[str]:
    moments = [meeting.starts_at.astimezone(ZoneInfo(zone) if zone else UTC) for meeting in planned.meetings]
    return [f"{moment:%Y-%m-%d %H:%M}" for moment in moments]


def every_day(first: str, days: int, reason: str) -> dict[date, str]:
    begin = date.fromisoformat(first)
    return {begin + timedelta(days=n): reason for n in range(days)}


MONDAYS = weekly((MONDAY, "14:00", "15:30"))


def test_a_weekly_cycle_has_its_meetings_numbered_from_the_first_such_weekday() -> None:
    planned = plan(MONDAYS, "2026-09-02", 3)
    assert starts(planned, "Asia/Jerusalem") == ["2026-09-07 14:00", "2026-09-14 14:00", "2026-09-21 14:00"]
    assert [meeting.number for meeting in planned.meetings] == [1, 2, 3]
    assert all(meeting.ends_at - meeting.starts_at == timedelta(minutes=90) for meeting in planned.meetings)
    assert all(meeting.starts_at.tzinfo is UTC and meeting.ends_at.tzinfo is UTC for meeting in planned.meetings)
    assert planned.skipped == ()


def test_a_start_date_on_the_weekday_is_the_first_meeting() -> None:
    assert starts(plan(MONDAYS, "2026-09-07", 1), "Asia/Jerusalem") == ["2026-09-07 14:00"]


@pytest.mark.parametrize(
    ("zone", "weekday", "first", "utc_hours"),
    [
        pytest.param("Asia/Jerusalem", MONDAY, "2026-10-19", [11, 12], id="Jerusalem in autumn"),
        pytest.param("Asia/Jerusalem", MONDAY, "2027-03-22", [12, 11], id="Jerusalem in spring"),
        pytest.param("Europe/Berlin", MONDAY, "2026-10-19", [12, 13], id="Berlin in autumn"),
        pytest.param("Europe/Berlin", MONDAY, "2027-03-22", [13, 12], id="Berlin in spring"),
        pytest.param("America/New_York", MONDAY, "2026-10-26", [18, 19], id="New York in autumn"),
        pytest.param("America/New_York", MONDAY, "2027-03-08", [19, 18], id="New York in spring"),
        pytest.param("Australia/Sydney", MONDAY, "2026-09-28", [4, 3], id="Sydney in spring, which is October"),
        pytest.param("Australia/Sydney", MONDAY, "2027-03-29", [3, 4], id="Sydney in autumn, which is April"),
        pytest.param("America/Santiago", MONDAY, "2026-08-31", [18, 17], id="Santiago in spring, September"),
        pytest.param("America/Santiago", MONDAY, "2027-03-29", [17, 18], id="Santiago in autumn, April"),
        pytest.param("America/Mexico_City", MONDAY, "2027-03-29", [20, 20], id="Mexico has no summer time now"),
        pytest.param("Africa/Lagos", MONDAY, "2026-10-19", [13, 13], id="Lagos never had any"),
        pytest.param("Asia/Jerusalem", SUNDAY, "2026-10-18", [11, 12], id="on the day of the change, autumn"),
        pytest.param("Asia/Jerusalem", FRIDAY, "2027-03-19", [12, 11], id="on the day of the change, spring"),
    ],
)
def test_two_in_the_afternoon_stays_two_in_the_afternoon(
    zone: str, weekday: int, first: str, utc_hours: list[int]
) -> None:
    planned = plan(weekly((weekday, "14:00", "15:00")), first, 2, zone)
    assert [meeting.starts_at.hour for meeting in planned.meetings] == utc_hours
    assert [start[11:] for start in starts(planned, zone)] == ["14:00", "14:00"]
    assert all(meeting.ends_at - meeting.starts_at == timedelta(hours=1) for meeting in planned.meetings)


@pytest.mark.parametrize("zone", sorted(available_timezones())[::12])
def test_a_year_of_days_keeps_its_wall_clock_in_every_zone(zone: str) -> None:
    planned = plan(recurring("FREQ=DAILY", "14:00", 45), "2026-06-01", 366, zone)
    local = [meeting.starts_at.astimezone(ZoneInfo(zone)) for meeting in planned.meetings]
    assert {moment.time() for moment in local} == {time(14)}
    assert [moment.date() for moment in local] == [date(2026, 6, 1) + timedelta(days=n) for n in range(366)]


@pytest.mark.parametrize(
    ("zone", "day", "wall", "instant"),
    [
        pytest.param("Europe/Berlin", "2027-03-28", "02:30", "2027-03-28T01:30", id="Berlin: becomes 03:30"),
        pytest.param("Asia/Jerusalem", "2027-03-26", "02:00", "2027-03-26T00:00", id="Jerusalem: edge of the gap"),
        pytest.param("America/New_York", "2027-03-14", "02:30", "2027-03-14T07:30", id="New York: becomes 03:30"),
        pytest.param("Australia/Sydney", "2026-10-04", "02:30", "2026-10-03T16:30", id="Sydney: becomes 03:30"),
        pytest.param("America/Santiago", "2026-09-06", "00:30", "2026-09-06T04:30", id="Santiago: at midnight"),
        pytest.param("Australia/Lord_Howe", "2026-10-04", "02:10", "2026-10-03T15:40", id="half an hour's gap"),
    ],
)
def test_a_time_that_does_not_exist_moves_forward_by_the_gap(zone: str, day: str, wall: str, instant: str) -> None:
    found = to_instant(date.fromisoformat(day), time.fromisoformat(wall), ZoneInfo(zone))
    assert found == datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert found.astimezone(ZoneInfo(zone)).date() == date.fromisoformat(day)


@pytest.mark.parametrize(
    ("zone", "day", "wall", "instant"),
    [
        pytest.param("Europe/Berlin", "2026-10-25", "02:30", "2026-10-25T00:30", id="Berlin"),
        pytest.param("Asia/Jerusalem", "2026-10-25", "01:30", "2026-10-24T22:30", id="Jerusalem"),
        pytest.param("America/New_York", "2026-11-01", "01:30", "2026-11-01T05:30", id="New York"),
        pytest.param("Australia/Sydney", "2027-04-04", "02:30", "2027-04-03T15:30", id="Sydney"),
        pytest.param("America/Santiago", "2027-04-03", "23:30", "2027-04-04T02:30", id="Santiago"),
    ],
)
def test_of_a_time_that_happens_twice_the_first_is_meant(zone: str, day: str, wall: str, instant: str) -> None:
    expected = datetime.fromisoformat(instant).replace(tzinfo=UTC)
    assert to_instant(date.fromisoformat(day), time.fromisoformat(wall), ZoneInfo(zone)) == expected
    later = time.fromisoformat(wall).replace(fold=1)
    assert to_instant(date.fromisoformat(day), later, ZoneInfo(zone)) == expected


@pytest.mark.parametrize(
    ("start", "slot"),
    [
        pytest.param("2027-03-28", (SUNDAY, "01:30", "03:30"), id="over the gap"),
        pytest.param("2026-10-25", (SUNDAY, "01:30", "03:30"), id="over the hour that happens twice"),
    ],
)
def test_a_meeting_over_a_clock_change_is_as_long_as_ever(start: str, slot: tuple[int, str, str]) -> None:
    (meeting,) = plan(weekly(slot), start, 1, "Europe/Berlin").meetings
    assert meeting.ends_at - meeting.starts_at == timedelta(hours=2)


@pytest.mark.parametrize(
    ("slots", "kept"),
    [
        pytest.param([(SUNDAY, "01:00", "03:00"), (SUNDAY, "03:00", "04:00")], "00:00", id="a longer first"),
        pytest.param([(SUNDAY, "02:15", "02:45"), (SUNDAY, "03:00", "03:30")], "01:00", id="a moved first"),
    ],
)
def test_a_clock_change_makes_no_two_meetings_overlap(slots: list[tuple[int, str, str]], kept: str) -> None:
    planned = plan(weekly(*slots), "2027-03-28", 3, "Europe/Berlin")
    assert starts(planned)[0] == f"2027-03-28 {kept}"
    assert planned.skipped == (SkippedDate(date(2027, 3, 28), OVERLAPS_AFTER_CLOCK_CHANGE),)
    meetings = planned.meetings
    assert all(a.ends_at <= b.starts_at for a, b in pairwise(meetings))
    assert [meeting.number for meeting in meetings] == [1, 2, 3]


def test_several_slots_a_week_and_a_day_come_in_order_of_time() -> None:
    pattern = weekly((THURSDAY, "18:00", "19:00"), (MONDAY, "16:00", "17:00"), (MONDAY, "09:00", "10:30"))
    assert starts(plan(pattern, "2026-09-08", 5), "Asia/Jerusalem") == [
        "2026-09-10 18:00",
        "2026-09-14 09:00",
        "2026-09-14 16:00",
        "2026-09-17 18:00",
        "2026-09-21 09:00",
    ]


def test_each_slot_has_its_own_length() -> None:
    pattern = weekly((MONDAY, "09:00", "10:30"), (THURSDAY, "18:00", "18:45"))
    lengths = [meeting.ends_at - meeting.starts_at for meeting in plan(pattern, "2026-09-07", 2).meetings]
    assert lengths == [timedelta(minutes=90), timedelta(minutes=45)]


def test_a_holiday_moves_the_meeting_on_and_does_not_shorten_the_cycle() -> None:
    blocked = {date(2026, 9, 21): "Yom Kippur", date(2026, 9, 22): "not a Monday"}
    planned = plan(MONDAYS, "2026-09-14", 3, blocked=blocked)
    assert starts(planned, "Asia/Jerusalem") == ["2026-09-14 14:00", "2026-09-28 14:00", "2026-10-05 14:00"]
    assert planned.skipped == (SkippedDate(date(2026, 9, 21), "Yom Kippur"),)
    assert [meeting.number for meeting in planned.meetings] == [1, 2, 3]


def test_a_blocked_date_is_one_of_the_cycles_own_zone() -> None:
    early = weekly((MONDAY, "08:00", "09:00"))
    blocked = {date(2026, 9, 6): "Sunday there, though the lesson's UTC date"}
    assert starts(plan(early, "2026-09-07", 1, "Australia/Sydney", blocked=blocked)) == ["2026-09-06 22:00"]
    blocked = {date(2026, 9, 7): "Monday there"}
    assert starts(plan(early, "2026-09-07", 1, "Australia/Sydney", blocked=blocked)) == ["2026-09-13 22:00"]


def test_a_closed_day_is_reported_once_however_many_slots_it_had() -> None:
    pattern = weekly((MONDAY, "09:00", "10:00"), (MONDAY, "14:00", "15:00"))
    planned = plan(pattern, "2026-09-07", 2, blocked={date(2026, 9, 7): "closed"})
    assert planned.skipped == (SkippedDate(date(2026, 9, 7), "closed"),)
    assert starts(planned, "Asia/Jerusalem") == ["2026-09-14 09:00", "2026-09-14 14:00"]


def test_a_long_closure_is_passed_over_whole() -> None:
    planned = plan(MONDAYS, "2027-06-28", 2, blocked=every_day("2027-07-01", 62, "summer"))
    assert starts(planned, "Asia/Jerusalem") == ["2027-06-28 14:00", "2027-09-06 14:00"]
    assert [skipped.date for skipped in planned.skipped] == [date(2027, 7, 5) + timedelta(weeks=n) for n in range(9)]


def test_dates_blocked_after_the_last_meeting_are_not_reported() -> None:
    assert plan(MONDAYS, "2026-09-07", 1, blocked={date(2026, 9, 14): "later"}).skipped == ()


def test_a_reason_may_be_empty() -> None:
    assert plan(MONDAYS, "2026-09-07", 1, blocked={date(2026, 9, 7): ""}).skipped == (
        SkippedDate(date(2026, 9, 7), ""),
    )


@pytest.mark.parametrize(
    ("pattern", "start", "expected"),
    [
        pytest.param(weekly((TUESDAY, "14:00", "15:00")), "2028-02-22", "2028-02-29 14:00", id="weekly"),
        pytest.param(recurring("FREQ=DAILY", "14:00", 60), "2028-02-28", "2028-02-29 14:00", id="daily"),
        pytest.param(
            recurring("FREQ=MONTHLY;BYMONTHDAY=29;BYMONTH=1,2", "14:00", 60),
            "2028-01-01",
            "2028-02-29 14:00",
            id="monthly",
        ),
    ],
)
def test_the_leap_day_is_a_day(pattern: MeetingPattern, start: str, expected: str) -> None:
    assert starts(plan(pattern, start, 2), "Asia/Jerusalem")[1] == expected


def test_a_month_without_the_day_has_no_meeting() -> None:
    planned = plan(recurring("FREQ=MONTHLY;BYMONTHDAY=29"), "2027-01-15", 2)
    assert starts(planned, "Asia/Jerusalem") == ["2027-01-29 17:00", "2027-03-29 17:00"]


@pytest.mark.parametrize(
    ("rrule", "expected"),
    [
        pytest.param("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", ["09-07", "09-21", "10-05"], id="every second week"),
        pytest.param("FREQ=WEEKLY;BYDAY=MO,TH", ["09-07", "09-10", "09-14"], id="two days a week"),
        pytest.param("FREQ=WEEKLY", ["09-07", "09-14", "09-21"], id="the weekday of the start"),
        pytest.param("RRULE:freq=weekly;byday=we", ["09-09", "09-16", "09-23"], id="with its name, in lower case"),
        pytest.param("FREQ=MONTHLY;BYDAY=1TU", ["10-06", "11-03", "12-01"], id="every first Tuesday"),
        pytest.param("FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1", ["09-29", "10-27", "11-30"], id="the last of two days"),
        pytest.param("FREQ=DAILY;INTERVAL=3", ["09-07", "09-10", "09-13"], id="every third day"),
    ],
)
def test_rrules_give_the_dates(rrule: str, expected: list[str]) -> None:
    planned = plan(recurring(rrule), "2026-09-07", 3)
    assert [start[5:10] for start in starts(planned, "Asia/Jerusalem")] == expected
    assert all(meeting.ends_at - meeting.starts_at == timedelta(minutes=90) for meeting in planned.meetings)


def test_an_rrule_keeps_its_wall_clock_too() -> None:
    planned = plan(recurring("FREQ=WEEKLY;BYDAY=MO"), "2026-10-19", 2)
    assert starts(planned) == ["2026-10-19 14:00", "2026-10-26 15:00"]


def test_a_holiday_leaves_the_other_weeks_of_every_second_week_alone() -> None:
    planned = plan(
        recurring("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"),
        "2026-09-07",
        3,
        blocked={date(2026, 9, 21): "Yom Kippur"},
    )
    assert [start[5:10] for start in starts(planned)] == ["09-07", "10-05", "10-19"]


@pytest.mark.parametrize(
    ("pattern", "start", "count"),
    [
        pytest.param(MONDAYS, "2026-09-02", 12, id="weekly"),
        pytest.param(weekly((MONDAY, "09:00", "10:00"), (MONDAY, "10:00", "11:00")), "2026-09-02", 9, id="two a day"),
        pytest.param(recurring("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE"), "2026-09-07", 11, id="every second week"),
        pytest.param(recurring("FREQ=MONTHLY;BYDAY=1TU"), "2026-09-07", 6, id="monthly"),
    ],
)
def test_topping_up_gives_what_planning_at_once_would_have_given(
    pattern: MeetingPattern, start: str, count: int
) -> None:
    blocked = {date(2026, 10, 5): "closed", date(2026, 9, 21): "Yom Kippur"}
    whole = plan(pattern, start, count, blocked=blocked)
    for there in range(1, count):
        rest = plan(
            pattern,
            start,
            count - there,
            blocked=blocked,
            first_number=there + 1,
            last_ends_at=whole.meetings[there - 1].ends_at,
        )
        assert rest.meetings == whole.meetings[there:]


def test_topping_up_does_not_report_what_was_skipped_before() -> None:
    blocked = {date(2026, 9, 14): "then", date(2026, 9, 28): "now"}
    ends = datetime(2026, 9, 21, 12, 30, tzinfo=UTC)
    planned = plan(MONDAYS, "2026-09-07", 1, blocked=blocked, first_number=3, last_ends_at=ends)
    assert planned.skipped == (SkippedDate(date(2026, 9, 28), "now"),)
    assert [(meeting.number, meeting.starts_at.day) for meeting in planned.meetings] == [(3, 5)]


def test_a_last_meeting_someone_moved_is_not_overlapped() -> None:
    moved = datetime(2026, 9, 7, 14, 30, tzinfo=ZoneInfo("Asia/Jerusalem"))
    assert starts(plan(MONDAYS, "2026-09-07", 1, last_ends_at=moved), "Asia/Jerusalem") == ["2026-09-14 14:00"]
    before = moved - timedelta(hours=1)
    assert starts(plan(MONDAYS, "2026-09-07", 1, last_ends_at=before), "Asia/Jerusalem") == ["2026-09-07 14:00"]


@pytest.mark.parametrize("count", [0, -1])
def test_nothing_missing_plans_nothing(count: int) -> None:
    assert plan(MONDAYS, "2026-09-07", count, blocked={date(2026, 9, 7): "closed"}) == Plan((), ())


@pytest.mark.parametrize(
    ("pattern", "count", "planned"),
    [
        pytest.param(MONDAYS, 1, 0, id="weekly"),
        pytest.param(recurring("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO"), 1, 0, id="every second week"),
        pytest.param(weekly((MONDAY, "14:00", "15:00"), (MONDAY, "16:00", "17:00")), 4, 0, id="two a day"),
    ],
)
def test_a_holiday_on_every_occurrence_ends_the_search(pattern: MeetingPattern, count: int, planned: int) -> None:
    with pytest.raises(PatternExhausted) as caught:
        plan(pattern, "2026-09-07", count, blocked=every_day("2026-09-01", 3700, "closed"))
    assert (caught.value.planned, caught.value.count) == (planned, count)
    assert caught.value.until == date(2036, 9, 7)


def test_a_friday_cycle_with_every_friday_blocked_but_the_first_says_how_far_it_came() -> None:
    fridays = weekly((FRIDAY, "10:00", "11:00"))
    with pytest.raises(PatternExhausted, match="Only 1 of 2 meetings find a date before 2036-09-"):
        plan(fridays, "2026-09-04", 2, blocked=every_day("2026-09-05", 3700, "closed"))


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(recurring("FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30"), id="the 30th of February"),
        pytest.param(recurring("FREQ=DAILY;INTERVAL=7;BYDAY=TU"), id="every seventh day from Monday, on Tuesdays"),
    ],
)
def test_a_rule_that_never_holds_ends_the_search(pattern: MeetingPattern) -> None:
    with pytest.raises(PatternExhausted):
        plan(pattern, "2026-09-07", 1)


def test_more_meetings_than_ten_years_hold_are_too_many() -> None:
    with pytest.raises(PatternExhausted) as caught:
        plan(MONDAYS, "2026-09-07", 600)
    assert caught.value.planned == 522


def test_the_ten_years_of_a_top_up_begin_at_the_last_meeting() -> None:
    last = datetime(2040, 1, 2, 13, 30, tzinfo=UTC)
    assert starts(plan(MONDAYS, "2026-09-07", 1, last_ends_at=last)) == ["2040-01-09 12:00"]


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_end_of_the_calendar_is_an_answer_too(zone: str) -> None:
    for pattern in (MONDAYS, recurring("FREQ=DAILY", "23:00", 60)):
        with pytest.raises(PatternExhausted):
            plan(pattern, "9999-12-20", 50, zone)


@pytest.mark.parametrize(
    ("pattern", "fields"),
    [
        pytest.param(MONDAYS, [], id="sound weekly"),
        pytest.param(weekly((MONDAY, "09:00", "10:00"), (MONDAY, "10:00", "11:00")), [], id="slots that touch"),
        pytest.param(weekly((MONDAY, "09:00", "10:00"), (TUESDAY, "09:00", "10:00")), [], id="same time, other day"),
        pytest.param(recurring("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;WKST=SU"), [], id="sound RRULE"),
        pytest.param(recurring("FREQ=DAILY", "23:00", 60), [], id="until midnight"),
        pytest.param(MeetingPattern(), ["slots"], id="neither kind"),
        pytest.param(
            MeetingPattern(slots=MONDAYS.slots, rrule="FREQ=DAILY", start="10:00", duration_minutes=60),
            ["rrule"],
            id="both kinds",
        ),
        pytest.param(weekly((7, "09:00", "10:00")), ["slots[0].weekday"], id="an eighth weekday"),
        pytest.param(weekly((-1, "09:00", "10:00")), ["slots[0].weekday"], id="a weekday before Monday"),
        pytest.param(weekly((MONDAY, "9:00", "24:00")), ["slots[0].start", "slots[0].end"], id="no times"),
        pytest.param(weekly((MONDAY, "09:60", "10:00\n")), ["slots[0].start", "slots[0].end"], id="nor these"),
        pytest.param(weekly((MONDAY, "0٩:0٠", "10:00")), ["slots[0].start"], id="other digits"),
        pytest.param(weekly((MONDAY, "10:00", "10:00")), ["slots[0].end"], id="no length"),
        pytest.param(weekly((MONDAY, "23:00", "01:00")), ["slots[0].end"], id="past midnight"),
        pytest.param(
            weekly((MONDAY, "09:00", "11:00"), (TUESDAY, "10:00", "12:00"), (MONDAY, "10:00", "12:00")),
            ["slots[2]"],
            id="overlapping",
        ),
        pytest.param(weekly((MONDAY, "09:00", "12:00"), (MONDAY, "10:00", "11:00")), ["slots[1]"], id="one within"),
        pytest.param(weekly(*[(MONDAY, "09:00", "10:00")] * 2), ["slots[1]"], id="the same twice"),
        pytest.param(recurring("FREQ=DAILY", None, None), ["start", "durationMinutes"], id="RRULE without times"),
        pytest.param(recurring("FREQ=DAILY", "noon", 0), ["start", "durationMinutes"], id="RRULE with bad times"),
        pytest.param(recurring("FREQ=DAILY", "23:00", 61), ["durationMinutes"], id="RRULE past midnight"),
        pytest.param(recurring(""), ["rrule"], id="empty RRULE"),
        pytest.param(recurring("every Monday"), ["rrule"], id="not an RRULE"),
        pytest.param(recurring("FREQ=HOURLY"), ["rrule"], id="hourly"),
        pytest.param(recurring("FREQ=MINUTELY;INTERVAL=1"), ["rrule"], id="minutely"),
        pytest.param(recurring("FREQ=YEARLY"), ["rrule"], id="yearly"),
        pytest.param(recurring("FREQ=DAILY;BYHOUR=9,10"), ["rrule"], id="hours"),
        pytest.param(recurring("FREQ=WEEKLY;COUNT=3"), ["rrule"], id="its own count"),
        pytest.param(recurring("FREQ=WEEKLY;UNTIL=20270101T000000Z"), ["rrule"], id="its own end"),
        pytest.param(recurring("DTSTART:20260907T170000\nRRULE:FREQ=WEEKLY"), ["rrule"], id="its own start"),
        pytest.param(recurring("FREQ=WEEKLY;INTERVAL=0"), ["rrule"], id="interval zero"),
        pytest.param(recurring("FREQ=WEEKLY;INTERVAL=-1"), ["rrule"], id="interval below zero"),
        pytest.param(recurring("FREQ=WEEKLY;BYDAY=XX"), ["rrule"], id="no weekday"),
        pytest.param(recurring("FREQ=WEEKLY;BYDAY=1MO"), ["rrule"], id="first Monday of a week"),
        pytest.param(recurring("FREQ=MONTHLY;BYDAY=6MO"), ["rrule"], id="sixth Monday of a month"),
        pytest.param(recurring("FREQ=WEEKLY;BYMONTHDAY=3"), ["rrule"], id="day of month in a week"),
        pytest.param(recurring("FREQ=MONTHLY;BYMONTHDAY=32"), ["rrule"], id="32nd"),
        pytest.param(recurring("FREQ=MONTHLY;BYSETPOS=0;BYMONTH=13"), ["rrule", "rrule"], id="two bad parts"),
        pytest.param(recurring("FREQ=WEEKLY;FREQ=DAILY"), ["rrule"], id="a part twice"),
        pytest.param(recurring("FREQ=WEEKLY;"), ["rrule"], id="a stray semicolon"),
    ],
)
def test_faults_of_a_pattern_are_all_named(pattern: MeetingPattern, fields: list[str]) -> None:
    assert [fault.field for fault in check_pattern(pattern, "Asia/Jerusalem")] == fields


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "UTC+2", "../etc/passwd", "right/Europe/Berlin"])
def test_an_unknown_zone_is_a_fault(zone: str) -> None:
    assert [fault.field for fault in check_pattern(MONDAYS, zone)] == ["timezone"]


def test_faults_of_different_parts_come_together() -> None:
    pattern = weekly((9, "x", "10:00"), (MONDAY, "11:00", "10:00"))
    fields = [fault.field for fault in check_pattern(pattern, "Nowhere")]
    assert fields == ["timezone", "slots[0].start", "slots[0].weekday", "slots[1].end"]


def test_a_bad_pattern_is_not_planned() -> None:
    with pytest.raises(Invalid) as caught:
        plan(recurring("FREQ=HOURLY"), "2026-09-07", 1, "Nowhere")
    assert [fault.field for fault in caught.value.errors] == ["timezone", "rrule"]
