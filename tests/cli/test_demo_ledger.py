"""The parts of the demo that need no platform: its school, its calendar and its sums."""

from collections import Counter
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from cli.demo.calendar import free_days, plan
from cli.demo.dataset import build_school
from cli.demo.ledger import Sum, expected_sums
from cli.demo.records import Cycle, Instructor, Registration, School, Slot
from cli.demo.timetable import BRANCHES, CLOCKS_CHANGE

HAIFA = BRANCHES[0]


@pytest.fixture(scope="module")
def school() -> School:
    return build_school()


def test_the_school_is_the_same_every_time(school: School) -> None:
    assert school == build_school()


def test_the_school_has_the_promised_size(school: School) -> None:
    sizes = [len(getattr(school, name)) for name in ("branches", "courses", "instructors", "cycles")]
    assert sizes == [3, 4, 6, 24]
    assert (len(school.customers), len(school.students), len(school.registrations)) == (120, 200, 300)
    assert {cycle.type for cycle in school.cycles} == {"private", "institutional_per_child", "institutional_fixed"}


def test_nobody_is_registered_twice_in_a_cycle(school: School) -> None:
    pairs = Counter((each.student, each.cycle) for each in school.registrations)
    assert max(pairs.values()) == 1


def test_no_instructor_is_in_two_places(school: School) -> None:
    times: dict[str, list[tuple[object, object]]] = {instructor.key: [] for instructor in school.instructors}
    for cycle in school.cycles:
        times[cycle.instructor] += [(each.starts_at, each.ends_at) for each in plan(cycle, school.branch(cycle.branch))]
    for each in times.values():
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(sorted(each)))  # type: ignore[operator]


@pytest.mark.parametrize("key", CLOCKS_CHANGE)
def test_the_clocks_change_within_the_cycles_that_are_to_show_it(school: School, key: str) -> None:
    cycle = next(each for each in school.cycles if each.key == key)
    assert len({each.starts_at.hour for each in plan(cycle, school.branch(cycle.branch))}) == 2


def test_a_plan_leaves_out_holidays_and_closures() -> None:
    cycle = _cycle(start=date(2026, 9, 20), total=3, slots=(Slot(6, "16:00", "17:00"),))
    assert free_days(HAIFA)[date(2026, 9, 27)] == "Sukkot week"
    assert [each.day for each in plan(cycle, HAIFA)] == [date(2026, 9, 20), date(2026, 10, 4), date(2026, 10, 11)]


def test_every_second_week_counts_from_the_week_of_the_start() -> None:
    cycle = _cycle(start=date(2026, 9, 3), total=2, slots=(Slot(3, "15:00", "16:30"),), every_weeks=2)
    assert [each.day for each in plan(cycle, HAIFA)] == [date(2026, 9, 3), date(2026, 9, 17)]


def test_the_last_meeting_carries_what_does_not_divide(school: School) -> None:
    """1000.00 over 7 is 142.86 six times, and 142.84."""
    assert _sums(_cycle(total=7, budget=Decimal("1000"))).pay == Decimal("1000.00")
    assert _sums(_cycle(total=7, budget=Decimal("1000"), unfinished=1)).pay == Decimal("857.16")


def test_a_day_is_paid_once_where_pay_is_by_the_day() -> None:
    slots = (Slot(1, "10:00", "11:00"), Slot(1, "12:00", "13:00"))
    assert _sums(_cycle(total=4, slots=slots, daily_rate=Decimal("300"))).pay == Decimal("600")


def test_an_activity_without_a_rate_is_paid_as_frontal() -> None:
    assert _sums(_cycle(total=2, activity="online")).pay == Decimal("240.00")
    assert _sums(_cycle(total=2, activity="private_lesson")).pay == Decimal("360.00")


def test_children_that_were_agreed_go_before_those_that_are_registered() -> None:
    cycle = _cycle(total=2, type="institutional_per_child", price=Decimal("10.50"), student_count=4)
    assert _sums(cycle).revenue == Decimal("84.00")


def test_a_child_brings_revenue_from_the_day_it_is_registered() -> None:
    cycle = _cycle(total=3, type="institutional_per_child", price=Decimal("10"))
    early, late = date(2026, 11, 1), date(2026, 11, 8)
    registrations = tuple(
        Registration(f"registration-{at}", f"student-{at}", "cycle", Decimal(0), since, trial, cancelled)
        for at, (since, trial, cancelled) in enumerate(
            [(early, False, False), (late, False, False), (early, True, False), (early, False, True)]
        )
    )
    assert _sums(cycle, registrations).revenue == Decimal("10") + 2 * Decimal("20")


def test_vat_comes_off_the_sum_of_a_private_cycle_once() -> None:
    """2 × 99.99 with 18 % is 169.47 without, over 4 meetings 42.37 thrice and 42.36."""
    cycle = _cycle(type="private", price=Decimal("99.99"), price_includes_vat=True, unfinished=1)
    registrations = tuple(
        Registration(f"registration-{at}", f"student-{at}", "cycle", Decimal("99.99"), date(2026, 8, 1), False, False)
        for at in range(2)
    )
    assert _sums(cycle, registrations).revenue == Decimal("127.11")


def _cycle(**overrides: object) -> Cycle:
    fields: dict[str, object] = {
        "key": "cycle", "name": "Cycle", "branch": "haifa", "course": "chess", "instructor": "dana",
        "type": "institutional_fixed", "activity": "frontal", "start": date(2026, 11, 3), "total": 4,
        "slots": (Slot(1, "16:00", "17:00"),), "meeting_revenue": Decimal("100"),
    }  # fmt: skip
    return Cycle(**{**fields, **overrides})  # type: ignore[arg-type]


def _sums(cycle: Cycle, registrations: tuple[Registration, ...] = ()) -> Sum:
    instructor = Instructor("dana", "Dana", "haifa", "employee", Decimal("120"), None, Decimal("180"))
    school = School((HAIFA,), (), (instructor,), (cycle,), (), (), registrations)
    return expected_sums(school)["cycle"]
