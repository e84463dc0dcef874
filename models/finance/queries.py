"""Every statement over the money of meetings."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Select, Uuid, and_, any_, func, literal, select

from models.cycles.tables import Cycle, Meeting
from models.kernel.reach import EVERYTHING, Reach

# What `rules.meeting_money` says, set-based and to the digit. All is computed in whole minor units: `div` of
# non-negative numbers is exact and rounds down, so that div(2a + b, 2b) is a / b half-up, and nothing is rounded twice.
#
#   $1  cycles    $2  meetings of them, or NULL for all    $3, $4  local dates inclusive, or NULL
#   $5  decimals by currency where they are not 2          $6  rate of VAT by country, as a fraction
_PRICED = """
WITH scope AS MATERIALIZED (
    SELECT id, cycle_id, instructor_id, number, status, nature, activity_type, starts_at, ends_at, local_date, version
    FROM meetings
    WHERE cycle_id = ANY($1::uuid[]) AND deleted_at IS NULL
      AND ($2::uuid[] IS NULL OR id = ANY($2::uuid[]))
      AND ($3::date IS NULL OR local_date >= $3) AND ($4::date IS NULL OR local_date <= $4)
), terms AS MATERIALIZED (
    SELECT cycles.id, cycles.type, cycles.activity_type, cycles.pay_mode, cycles.currency, cycles.price_per_student,
           nullif(cycles.student_count, 0) AS student_count, cycles.meeting_revenue, cycles.daily_rate,
           cycles.total_meetings AS parts, cycles.instructor_budget, minor.decimals, minor.scale,
           CASE WHEN cycles.price_includes_vat THEN div(2 * sold.amount * minor.scale + vat.divisor, 2 * vat.divisor)
                ELSE sold.amount * minor.scale END AS sold_units,
           cycles.instructor_budget * minor.scale AS budget_units
    FROM cycles
    JOIN branches ON branches.id = cycles.branch_id
    CROSS JOIN LATERAL (SELECT coalesce((($5::text)::jsonb ->> cycles.currency)::int, 2) AS decimals) AS unit
    CROSS JOIN LATERAL (SELECT unit.decimals, ('1e' || unit.decimals)::numeric AS scale) AS minor
    CROSS JOIN LATERAL (SELECT 1 + coalesce((($6::text)::jsonb ->> branches.country)::numeric, 0) AS divisor) AS vat
    CROSS JOIN LATERAL (
        SELECT coalesce(sum(registrations.amount), 0) AS amount FROM registrations
        WHERE cycles.type = 'private' AND registrations.cycle_id = cycles.id AND registrations.deleted_at IS NULL
          AND registrations.status IN ('registered', 'active', 'completed')
    ) AS sold
    WHERE cycles.id = ANY($1::uuid[])
), contracts AS MATERIALIZED (
    SELECT terms.*, sold.share AS sold_share, sold.last AS sold_last, budget.share AS budget_share,
           budget.last AS budget_last
    FROM terms
    CROSS JOIN LATERAL (SELECT div(2 * sold_units + parts, 2 * parts) AS half_up) AS sold_up
    CROSS JOIN LATERAL (
        SELECT CASE WHEN half_up * (parts - 1) > sold_units THEN div(sold_units, parts) ELSE half_up END AS share
    ) AS sold_share
    CROSS JOIN LATERAL (SELECT share, sold_units - share * (parts - 1) AS last) AS sold
    CROSS JOIN LATERAL (SELECT div(2 * budget_units + parts, 2 * parts) AS half_up) AS budget_up
    CROSS JOIN LATERAL (
        SELECT CASE WHEN budget_up.half_up * (parts - 1) > budget_units THEN div(budget_units, parts)
                    ELSE budget_up.half_up END AS share
    ) AS budget_share
    CROSS JOIN LATERAL (
        SELECT budget_share.share, budget_units - budget_share.share * (parts - 1) AS last
    ) AS budget
), units AS (
    SELECT scope.id, scope.version, contracts.currency, contracts.decimals, contracts.scale,
           CASE
               WHEN scope.status <> 'completed' OR scope.nature = 'no_revenue' THEN 0
               WHEN contracts.type = 'private' AND scope.number = contracts.parts THEN contracts.sold_last
               WHEN contracts.type = 'private' THEN contracts.sold_share
               WHEN contracts.type = 'institutional_per_child' THEN round(
                   coalesce(contracts.price_per_student, 0) * contracts.scale * coalesce(contracts.student_count, (
                       SELECT count(*) FROM registrations
                       WHERE registrations.cycle_id = scope.cycle_id AND registrations.deleted_at IS NULL
                         AND registrations.status <> 'trial' AND registrations.registered_at <= scope.ends_at
                         AND (registrations.cancelled_at IS NULL OR registrations.cancelled_at > scope.starts_at)
                   ))
               )
               ELSE round(coalesce(contracts.meeting_revenue, 0) * contracts.scale)
           END AS revenue,
           CASE
               WHEN scope.status <> 'completed' THEN 0
               WHEN contracts.instructor_budget IS NOT NULL AND scope.number = contracts.parts
                   THEN contracts.budget_last
               WHEN contracts.instructor_budget IS NOT NULL THEN contracts.budget_share
               WHEN contracts.pay_mode = 'daily' AND scope.id <> (
                   SELECT first.id FROM meetings AS first
                   WHERE first.cycle_id = scope.cycle_id AND first.local_date = scope.local_date
                     AND first.status = 'completed' AND first.deleted_at IS NULL
                   ORDER BY first.completed_at, first.starts_at, first.id LIMIT 1
               ) THEN 0
               WHEN contracts.pay_mode = 'daily' THEN round(coalesce(contracts.daily_rate, 0) * contracts.scale)
               ELSE div(
                   2 * contracts.scale * extract(epoch FROM scope.ends_at - scope.starts_at)
                   * coalesce(CASE coalesce(scope.activity_type, contracts.activity_type)
                                  WHEN 'online' THEN instructors.rate_online
                                  WHEN 'private_lesson' THEN instructors.rate_private
                              END, instructors.rate_frontal) + 3600,
                   7200)
           END AS payment
    FROM scope
    JOIN contracts ON contracts.id = scope.cycle_id
    JOIN instructors ON instructors.id = scope.instructor_id
), money AS MATERIALIZED (
    SELECT id, version, currency, round(revenue / scale, decimals) AS revenue,
           round(payment / scale, decimals) AS payment, round((revenue - payment) / scale, decimals) AS profit
    FROM units
)
"""

# Only rows that change are written, and none that someone else has changed since it was read: they priced it. What was
# worked out and what was written are counted side by side: where the planner thinks they are few it would join them row
# by row, thousands by thousands.
PRICE = (
    _PRICED
    + """,
written AS (
    UPDATE meetings
    SET revenue = money.revenue, instructor_payment = money.payment, profit = money.profit,
        version = meetings.version + 1, updated_at = clock_timestamp()
    FROM money
    WHERE meetings.id = money.id AND meetings.version = money.version
      AND (meetings.revenue <> money.revenue OR meetings.instructor_payment <> money.payment
           OR meetings.profit <> money.profit)
    RETURNING money.currency,
              CASE WHEN meetings.profit < 0 AND meetings.loss_reported_at IS NULL THEN meetings.id END AS new_loss
)
SELECT currency, count(*) FILTER (WHERE examined) AS examined, count(*) FILTER (WHERE NOT examined) AS changed,
       sum(revenue) AS revenue, sum(payment) AS payment, sum(profit) AS profit,
       array_agg(new_loss) FILTER (WHERE new_loss IS NOT NULL) AS losses
FROM (
    SELECT currency, true AS examined, revenue, payment, profit, NULL::uuid AS new_loss FROM money
    UNION ALL
    SELECT currency, false, NULL, NULL, NULL, new_loss FROM written
) AS counted
GROUP BY currency
"""
)

# As MeetingMoney takes it.
STATES = """
SELECT meetings.id, meetings.cycle_id AS "cycleId", meetings.number, meetings.instructor_id AS "instructorId",
       meetings.status, meetings.starts_at AS "startsAt", meetings.ends_at AS "endsAt", meetings.timezone,
       cycles.currency, meetings.revenue, meetings.instructor_payment AS "instructorPayment", meetings.profit,
       meetings.rescheduled_to_id AS "rescheduledToId"
FROM meetings JOIN cycles ON cycles.id = meetings.cycle_id
WHERE meetings.id = ANY($1::uuid[])
ORDER BY meetings.starts_at, meetings.id
"""

MARK_LOSSES = """
UPDATE meetings SET loss_reported_at = clock_timestamp()
WHERE id = ANY($1::uuid[]) AND loss_reported_at IS NULL
RETURNING id
"""

# Which meetings a recalculation is about, by cycle.
COUNT_BY_CYCLE = """
SELECT cycle_id, count(*) AS meetings FROM meetings
WHERE deleted_at IS NULL AND ($1::uuid[] IS NULL OR id = ANY($1::uuid[]))
  AND ($2::uuid IS NULL OR cycle_id = $2)
  AND ($3::date IS NULL OR local_date >= $3) AND ($4::date IS NULL OR local_date <= $4)
GROUP BY cycle_id ORDER BY cycle_id
"""

# A day's pay goes to the day's first completed meeting: when that one leaves, to the next.
SAME_DAY = """
SELECT others.id, others.cycle_id
FROM meetings AS gone
JOIN cycles ON cycles.id = gone.cycle_id AND cycles.pay_mode = 'daily' AND cycles.instructor_budget IS NULL
JOIN meetings AS others ON others.cycle_id = gone.cycle_id AND others.local_date = gone.local_date
WHERE gone.id = ANY($1::uuid[]) AND others.id <> ALL($1::uuid[])
  AND others.status = 'completed' AND others.deleted_at IS NULL
"""

MOVE = """
UPDATE meetings
SET status = $2, completed_at = CASE WHEN $2 = 'completed' THEN statement_timestamp() END,
    revenue = 0, instructor_payment = 0, profit = 0, version = version + 1, updated_at = clock_timestamp()
WHERE id = ANY($1::uuid[]) AND status = ANY($3::text[]) AND deleted_at IS NULL
RETURNING id
"""

# Those of the given cancelled meetings that would overlap a live one of their instructor, or a given one before them.
TAKEN = """
WITH given AS (
    SELECT id, instructor_number, starts_at, ends_at, max(ends_at) OVER (
               PARTITION BY instructor_number ORDER BY starts_at, id
               ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
           ) AS busy_until
    FROM meetings
    WHERE id = ANY($1::uuid[]) AND status = 'cancelled' AND NOT overlap_allowed
)
SELECT id FROM given
WHERE busy_until > starts_at OR EXISTS (
    SELECT FROM meetings
    WHERE int8range(meetings.instructor_number, meetings.instructor_number, '[]')
            && int8range(given.instructor_number, given.instructor_number, '[]')
      AND tstzrange(meetings.starts_at, meetings.ends_at) && tstzrange(given.starts_at, given.ends_at)
      AND status IN ('scheduled', 'completed') AND deleted_at IS NULL AND NOT overlap_allowed
)
"""


def to_move(filters: Mapping[str, Any], now: datetime, reach: Reach = EVERYTHING) -> Select[*tuple[Any, ...]]:
    """With `is_past`, by cycle. `ids`, else those of `cycle_id`, `status`, and `from_` and `to` about the start."""
    others = dict(filters)
    columns = (
        Meeting.id, Meeting.cycle_id, Meeting.instructor_id, Meeting.status, Meeting.starts_at, Meeting.ends_at,
        Meeting.timezone, (Meeting.ends_at <= now).label("is_past"),
    )  # fmt: skip
    statement = select(*columns).where(Meeting.deleted_at.is_(None), reach.over(Meeting))
    if "ids" in others:
        statement = statement.where(Meeting.id == any_(literal(others.pop("ids"), ARRAY(Uuid()))))
    if "from_" in others:
        statement = statement.where(Meeting.starts_at >= others.pop("from_"))
    if "to" in others:
        statement = statement.where(Meeting.starts_at <= others.pop("to"))
    exact = (getattr(Meeting, name) == value for name, value in others.items())
    return statement.where(*exact).order_by(Meeting.cycle_id, Meeting.starts_at, Meeting.id)


def totals(cycle_ids: Sequence[UUID], reach: Reach = EVERYTHING) -> Select[*tuple[Any, ...]]:
    """Of the completed meetings within reach, by cycle."""
    completed = and_(
        Meeting.cycle_id == Cycle.id, Meeting.status == "completed", Meeting.deleted_at.is_(None), reach.over(Meeting)
    )
    sums = [
        func.coalesce(func.sum(column), 0).label(column.key)
        for column in (Meeting.revenue, Meeting.instructor_payment, Meeting.profit)
    ]
    statement = select(Cycle.id, func.count(Meeting.id).label("completed"), *sums).outerjoin(Meeting, completed)
    return statement.where(Cycle.id.in_(cycle_ids)).group_by(Cycle.id)
