"""Every statement over cycles and meetings, but for those that generate meetings."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, and_, extract, func, or_, select
from sqlalchemy.orm import contains_eager

from models.cycles.tables import Cycle, Meeting
from models.kernel.reach import EVERYTHING, Own, Reach, owned
from models.people.queries import CYCLES_ATTENDED, CYCLES_TAUGHT, OWN_INSTRUCTORS

owned(
    Cycle,
    instructor=Own("cycles they give, or give a meeting of", f"cycles.id IN ({CYCLES_TAUGHT})"),
    student=Own("cycles they have a place in", f"cycles.id IN ({CYCLES_ATTENDED})"),
)
owned(
    Meeting,
    instructor=Own(
        "meetings they give (which they may change on the day of the meeting, where it is)",
        f"meetings.instructor_id IN ({OWN_INSTRUCTORS})",
    ),
    student=Own("meetings of cycles they have a place in", f"meetings.cycle_id IN ({CYCLES_ATTENDED})"),
)

_RULE_DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

INSTRUCTOR = "SELECT number, currency FROM instructors WHERE id = $1 AND deleted_at IS NULL"

# Whoever gives an instructor's time away holds their row, so that nobody else does so between looking and writing.
LOCK_INSTRUCTORS = "SELECT id FROM instructors WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"

INSTRUCTORS_OF_MEETINGS = "SELECT DISTINCT instructor_id FROM meetings WHERE cycle_id = $1"

LOCK_CYCLES = """
SELECT id FROM cycles WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL ORDER BY id FOR NO KEY UPDATE
"""

LIVE_CYCLES = "SELECT id FROM cycles WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL"

# The conditions of ex_meetings_instructor_twice, whose index answers this.
CONFLICTING = """
SELECT id FROM meetings
WHERE int8range(instructor_number, instructor_number, '[]') && int8range($1, $1, '[]')
  AND tstzrange(starts_at, ends_at) && tstzrange($2, $3)
  AND status IN ('scheduled', 'completed') AND deleted_at IS NULL AND NOT overlap_allowed
  AND id IS DISTINCT FROM $4::uuid
ORDER BY starts_at LIMIT 1
"""

HAS_MEETINGS_OR_REGISTRATIONS = """
SELECT EXISTS (SELECT FROM meetings WHERE cycle_id = $1)
    OR EXISTS (SELECT FROM registrations WHERE cycle_id = $1) AS has
"""

PLACES_TAKEN = """
SELECT count(*) AS taken FROM registrations WHERE cycle_id = $1 AND status <> 'cancelled' AND deleted_at IS NULL
"""

NEXT_NUMBER = """
SELECT coalesce(max(number), 0) + 1 AS number FROM meetings
WHERE cycle_id = $1 AND deleted_at IS NULL AND status <> 'postponed'
"""

NUMBER_TAKEN = """
SELECT EXISTS (
    SELECT FROM meetings
    WHERE cycle_id = $1 AND number = $2 AND deleted_at IS NULL AND status <> 'postponed' AND id <> $3
) AS taken
"""

RECOUNT = """
UPDATE cycles SET completed_meetings = counted.completed, version = version + 1, updated_at = clock_timestamp()
FROM (
    SELECT given.id, count(meetings.id) AS completed
    FROM unnest($1::uuid[]) AS given (id)
    LEFT JOIN meetings
        ON meetings.cycle_id = given.id AND meetings.status = 'completed' AND meetings.deleted_at IS NULL
    GROUP BY given.id
) AS counted
WHERE cycles.id = counted.id AND cycles.completed_meetings <> counted.completed
"""

COMPLETE_CYCLES = """
UPDATE cycles SET status = 'completed', version = version + 1, updated_at = clock_timestamp()
WHERE id = ANY($1::uuid[]) AND status = 'active' AND completed_meetings >= total_meetings AND deleted_at IS NULL
RETURNING id
"""

COUNT_MEETINGS = "SELECT count(*) AS meetings FROM meetings WHERE cycle_id = $1 AND deleted_at IS NULL"

DELETE_MEETINGS = """
UPDATE meetings SET deleted_at = clock_timestamp(), version = version + 1, updated_at = clock_timestamp()
WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL
RETURNING id
"""

_STATE = """
id, cycle_id AS "cycleId", number, instructor_id AS "instructorId", status, starts_at AS "startsAt",
ends_at AS "endsAt", timezone, activity_type AS "activityType", room
"""

# With their cycle, and by its own instant, so that what was deleted before does not come back with it.
DELETE_WITH_CYCLE = f"""
UPDATE meetings SET deleted_at = $2, version = version + 1, updated_at = clock_timestamp()
WHERE cycle_id = $1 AND deleted_at IS NULL
RETURNING {_STATE}
"""

RESTORE_WITH_CYCLE = f"""
UPDATE meetings SET deleted_at = NULL, version = version + 1, updated_at = clock_timestamp()
WHERE cycle_id = $1 AND deleted_at = $2
RETURNING {_STATE}
"""

CYCLES_OF_MEETINGS = """
SELECT DISTINCT cycle_id FROM meetings WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL
"""

SCHEDULE = """
SELECT meetings.id, meetings.number, meetings.starts_at, meetings.ends_at, meetings.timezone, meetings.local_date,
       meetings.status, coalesce(meetings.activity_type, cycles.activity_type) AS activity_type, meetings.topic,
       meetings.room, cycles.id AS cycle_id, cycles.name AS cycle_name, courses.id AS course_id,
       courses.title AS course_name, branches.id AS branch_id, branches.name AS branch_name
FROM meetings
JOIN cycles ON cycles.id = meetings.cycle_id
JOIN courses ON courses.id = cycles.course_id
JOIN branches ON branches.id = cycles.branch_id
WHERE meetings.instructor_id = $1 AND meetings.starts_at >= $2 AND meetings.starts_at <= $3
  AND meetings.deleted_at IS NULL AND meetings.status IN ('scheduled', 'completed')
ORDER BY meetings.starts_at, meetings.id
"""


def cycles(filters: Mapping[str, Any], reach: Reach = EVERYTHING) -> Select[Cycle]:
    """`from_` and `to` are about the start date; `day_of_week` about the pattern."""
    others = dict(filters)
    statement = select(Cycle).where(Cycle.deleted_at.is_(None), reach.over(Cycle))
    if "from_" in others:
        statement = statement.where(Cycle.start_date >= others.pop("from_"))
    if "to" in others:
        statement = statement.where(Cycle.start_date <= others.pop("to"))
    if "day_of_week" in others:
        statement = statement.where(_falls_on(others.pop("day_of_week")))
    return statement.filter_by(**others)


def _falls_on(weekday: int) -> ColumnElement[bool]:
    """Weekly slots name the day; an RRULE names it, or takes that of the start date, or takes every day."""
    rule = func.upper(Cycle.pattern["rrule"].astext)
    names_days = rule.contains("BYDAY=")
    on_start = and_(rule.like("%FREQ=WEEKLY%"), extract("isodow", Cycle.start_date) == weekday + 1)
    return or_(
        Cycle.pattern["slots"].contains([{"weekday": weekday}]),
        and_(names_days, rule.regexp_match(f"BYDAY=[^;]*{_RULE_DAYS[weekday]}")),
        and_(~names_days, or_(on_start, rule.like("%FREQ=DAILY%"))),
    )


def cycles_by_id(ids: Sequence[UUID]) -> Select[Cycle]:
    """As they are now, whatever the session has of them."""
    return select(Cycle).where(Cycle.id.in_(ids)).execution_options(populate_existing=True)


def meeting_for_update(id_: UUID) -> Select[UUID]:
    return select(Meeting.id).where(Meeting.id == id_).with_for_update(key_share=True)


def meetings_by_id(ids: Sequence[UUID]) -> Select[Meeting]:
    """As they are now, deleted ones too, with their cycles."""
    statement = select(Meeting).join(Meeting.cycle).options(contains_eager(Meeting.cycle))
    return statement.where(Meeting.id.in_(ids)).execution_options(populate_existing=True)


def meetings(filters: Mapping[str, Any], reach: Reach = EVERYTHING) -> Select[Meeting]:
    """With their cycles. `from_` and `to` are instants, about the start."""
    others = dict(filters)
    statement = select(Meeting).join(Meeting.cycle).options(contains_eager(Meeting.cycle))
    statement = statement.where(Meeting.deleted_at.is_(None), reach.over(Meeting))
    if "from_" in others:
        statement = statement.where(Meeting.starts_at >= others.pop("from_"))
    if "to" in others:
        statement = statement.where(Meeting.starts_at <= others.pop("to"))
    return statement.where(*(getattr(Meeting, name) == value for name, value in others.items()))
