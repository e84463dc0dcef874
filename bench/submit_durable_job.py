"""`POST /jobs` under 64 connections: a committed row before the `202`.

The peer's `delay()` leaves a message in Valkey (on disk within a second) and keeps no status; the limit commits the
same row by one statement behind a bare ASGI function.
"""

from bench.harness import Figure
from bench.submitting import submitting

NAME = "submit_durable_job"
FIGURE = Figure(NAME, "jobs/s", "FastAPI + celery.delay()", "one INSERT, bare ASGI", submitting(NAME, 64))
