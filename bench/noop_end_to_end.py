"""Jobs that do nothing, from waiting in their queue to done, with two worker processes.

Ours are published, claimed, closed with an event, and remembered; the peer's (plain Celery with events on, default
prefetch) leave nothing behind; the limit is only the two statements of ours that no durable job can do without.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.harness import Contenders, Figure, Stage
from bench.noops import bare_statements, ours, theirs
from bench.peers.queues import PLAIN_CELERY
from bench.probe_kinds import Noop


@contextmanager
def contenders(stage: Stage) -> Iterator[Contenders]:
    yield Contenders(lambda: ours(stage, Noop()), lambda: theirs(stage, PLAIN_CELERY), lambda: bare_statements(stage))


FIGURE = Figure("noop_end_to_end", "jobs/s", "plain Celery, -c 2, events on", "claim and close statements", contenders)
