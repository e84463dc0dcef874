"""How a worker comes back to a broker that was away, and what it does with jobs of kinds it does not know."""

from collections.abc import Callable
from functools import partial
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

RECONNECT_SECONDS = 2.0
UNKNOWN_KIND = "bellwork.unknown_kind"
Strategy = Callable[..., Any]


class Strategies(dict[str, Strategy]):
    """By the name of a task. Celery throws away a message whose task it does not know; while a deploy is under way the
    next worker may know it, so its jobs are given back."""

    def __missing__(self, name: str) -> Strategy:
        return self._give_back

    def _give_back(self, message: Any, *rest: Any) -> Any:
        message.headers["task"] = UNKNOWN_KIND
        return self[UNKNOWN_KIND](message, *rest)


class Consumer(CeleryConsumer):  # type: ignore[misc]
    """Tries again every two seconds at the latest. Celery's own waits longer each time, up to half a minute, and would
    come back that long after the broker."""

    Strategies = Strategies

    def ensure_connected(self, conn: Any) -> Any:
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=0.5, interval_step=0.5, interval_max=RECONNECT_SECONDS
        )
        return super().ensure_connected(conn)
