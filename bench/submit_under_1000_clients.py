"""The same `POST /jobs` under 1,000 connections: who waits how long, and that nobody is turned away."""

from bench.harness import Figure
from bench.submitting import submitting

NAME = "submit_under_1000_clients"
FIGURE = Figure(NAME, "jobs/s", "FastAPI + celery.delay()", "one INSERT, bare ASGI", submitting(NAME, 1_000))
