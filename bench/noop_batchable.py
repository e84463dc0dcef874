"""Jobs of a kind that is taken in batches: one message for up to a hundred, run together on a worker's loop."""

from bench.harness import Figure
from bench.noops import beside_others
from bench.probe_kinds import NoopInBatches

NAME = "noop_batchable"
FIGURE = Figure(
    NAME, "jobs/s", "plain Celery, -c 2, events on", "claim and close, one by one",
    beside_others(NAME, NoopInBatches(), "worker-bulk"),
)  # fmt: skip
