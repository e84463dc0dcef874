"""Jobs of schedules."""

from models.jobs.queries import UNFINISHED

UNFINISHED_OF_SCHEDULES = f"""
SELECT DISTINCT ON (schedule_id) schedule_id, id FROM jobs
WHERE schedule_id = ANY($1::uuid[]) AND schedule_id IS NOT NULL AND status IN {UNFINISHED} ORDER BY schedule_id, id DESC
"""
