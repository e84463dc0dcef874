"""A school by the hundred thousand, made by a few statements: every cycle has an instructor of its own and weekly
meetings, so that nobody is in two places at once, and no meeting makes a loss.
"""

from bench.harness import Stage

MEETINGS_PER_CYCLE = 100

SCHOOL = """
WITH course AS (
    INSERT INTO courses (id, title, status) VALUES (gen_random_uuid(), 'Robotics', 'published') RETURNING id
), branch AS (
    INSERT INTO branches (id, name, type, country, timezone, city)
    VALUES (gen_random_uuid(), 'Haifa', 'community_center', 'IL', 'Asia/Jerusalem', 'Haifa') RETURNING id
), teachers AS (
    INSERT INTO instructors (id, name, employment_type, currency, rate_frontal)
    SELECT gen_random_uuid(), 'Instructor ' || n, 'freelancer', 'ILS', 60 FROM generate_series(1, $1) AS n
    RETURNING id, name
)
INSERT INTO cycles (id, name, course_id, branch_id, instructor_id, type, start_date, timezone, pattern, total_meetings,
                    activity_type, currency, price_per_student)
SELECT gen_random_uuid(), 'Cycle of ' || teachers.name, course.id, branch.id, teachers.id, 'private', '2026-01-05',
       'Asia/Jerusalem', '{"slots": [{"weekday": 1, "start": "16:00", "end": "17:30"}]}', $2, 'frontal', 'ILS', 1200
FROM teachers, course, branch
"""

MEETINGS = """
INSERT INTO meetings (id, cycle_id, number, instructor_id, instructor_number, starts_at, ends_at, timezone, local_date,
                      status, topic, room)
SELECT gen_random_uuid(), cycles.id, n, instructors.id, instructors.number, starts_at,
       starts_at + interval '90 minutes', cycles.timezone, starts_at::date, 'completed', 'Sensors and motors', 'Room ' || n % 7
FROM cycles JOIN instructors ON instructors.id = cycles.instructor_id
CROSS JOIN generate_series(1, cycles.total_meetings) AS n
CROSS JOIN LATERAL (SELECT '2026-01-05 14:00+00'::timestamptz + n * interval '7 days' AS starts_at) AS planned
"""

REGISTRATIONS = """
WITH customer AS (
    INSERT INTO customers (id, name) VALUES (gen_random_uuid(), 'Noa Levi') RETURNING id
), children AS (
    INSERT INTO students (id, customer_id, name)
    SELECT gen_random_uuid(), customer.id, 'Student ' || n FROM customer, generate_series(1, $1) AS n RETURNING id
)
INSERT INTO registrations (id, cycle_id, student_id, amount, status)
SELECT gen_random_uuid(), cycles.id, children.id, 1200, 'active' FROM cycles, children
"""


def found_school(stage: Stage, meetings: int) -> None:
    """Cycles for so many meetings, which they are still without."""
    stage.empty()
    stage.sql(SCHOOL, meetings // MEETINGS_PER_CYCLE, MEETINGS_PER_CYCLE)
    stage.sql("ANALYZE")


def hold_meetings(stage: Stage) -> None:
    """All meetings of all cycles, completed, with no money worked out yet; whatever was there before is gone."""
    stage.sql("TRUNCATE meetings, events CASCADE")
    stage.sql(MEETINGS)
    stage.sql("ANALYZE meetings")
