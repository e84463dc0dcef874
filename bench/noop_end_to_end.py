"""Jobs that do nothing, from waiting in their queue to done, with two worker processes.

Ours are published, claimed, closed with an event, and remembered; the peer's (plain Celery with events on, default
prefetch) leave nothing behind; the limit is only the two statements of ours that no durable job can do without.
"""

from bench.harness import Figure
from bench.noops import beside_others
from bench.probe_kinds import Noop

NAME = "noop_end_to_end"
FIGURE = Figure(
    NAME, "jobs/s", "plain Celery, -c 2, events on", "claim and close, one by one",
    beside_others(NAME, Noop(), "worker"),
)  # fmt: skip
