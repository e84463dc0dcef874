"""The statements that generate meetings: a whole batch of cycles in each."""

# Read after the cycles are locked: what a waiting generation sees must include what the one before it made.
TO_PLAN = """
SELECT cycles.id, cycles.name, cycles.status, cycles.pattern::text AS pattern, cycles.timezone, cycles.start_date,
       cycles.total_meetings, cycles.branch_id, cycles.instructor_id, branches.country, branches.subdivision,
       there.meetings AS existing, coalesce(there.last_number, 0) AS last_number, there.last_ends_at
FROM cycles
JOIN branches ON branches.id = cycles.branch_id
CROSS JOIN LATERAL (
    SELECT count(*) AS meetings, max(number) AS last_number, max(ends_at) AS last_ends_at
    FROM meetings
    WHERE meetings.cycle_id = cycles.id AND meetings.deleted_at IS NULL AND meetings.status <> 'postponed'
) AS there
WHERE cycles.id = ANY($1::uuid[])
ORDER BY cycles.id
"""

INSTRUCTORS_OF = "SELECT DISTINCT instructor_id FROM cycles WHERE id = ANY($1::uuid[])"

CLOSURES = """
SELECT branch_id, name, start_date, end_date FROM closures
WHERE deleted_at IS NULL AND (branch_id IS NULL OR branch_id = ANY($1::uuid[]))
ORDER BY start_date, id
"""

# A meeting whose instructor is taken leaves no row and no error: the exclusion constraint is the judge.
INSERT = """
INSERT INTO meetings
    (id, cycle_id, number, instructor_id, instructor_number, starts_at, ends_at, timezone, local_date)
SELECT planned.id, planned.cycle_id, planned.number, instructors.id, instructors.number, planned.starts_at,
       planned.ends_at, cycles.timezone, planned.local_date
FROM unnest($1::uuid[], $2::uuid[], $3::smallint[], $4::timestamptz[], $5::timestamptz[], $6::date[])
    AS planned (id, cycle_id, number, starts_at, ends_at, local_date)
JOIN cycles ON cycles.id = planned.cycle_id
JOIN instructors ON instructors.id = cycles.instructor_id
ORDER BY instructors.number, planned.starts_at, planned.id
ON CONFLICT DO NOTHING
RETURNING id
"""

IN_THE_WAY = """
SELECT planned.id, other.id AS conflicting_id
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[]) AS planned (id, cycle_id, starts_at, ends_at)
JOIN cycles ON cycles.id = planned.cycle_id
JOIN instructors ON instructors.id = cycles.instructor_id
LEFT JOIN LATERAL (
    SELECT meetings.id FROM meetings
    WHERE int8range(instructor_number, instructor_number, '[]')
            && int8range(instructors.number, instructors.number, '[]')
      AND tstzrange(meetings.starts_at, meetings.ends_at) && tstzrange(planned.starts_at, planned.ends_at)
      AND meetings.status IN ('scheduled', 'completed') AND meetings.deleted_at IS NULL AND NOT overlap_allowed
    ORDER BY meetings.starts_at LIMIT 1
) AS other ON true
"""

# In two steps, by way of numbers that nothing has: a unique index is asked row by row.
SET_ASIDE = "UPDATE meetings SET number = -number WHERE id = ANY($1::uuid[])"
RENUMBER = """
UPDATE meetings SET number = given.number
FROM unnest($1::uuid[], $2::smallint[]) AS given (id, number) WHERE meetings.id = given.id
"""

END_CYCLES = """
UPDATE cycles SET end_date = held.last_date, version = version + 1, updated_at = clock_timestamp()
FROM (
    SELECT cycle_id, max(local_date) AS last_date FROM meetings
    WHERE cycle_id = ANY($1::uuid[]) AND deleted_at IS NULL AND status <> 'postponed'
    GROUP BY cycle_id
) AS held
WHERE cycles.id = held.cycle_id AND cycles.end_date IS DISTINCT FROM held.last_date
"""
