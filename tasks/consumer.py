"""How a worker comes back to a broker that was away."""

from functools import partial
from typing import Any

from celery.worker.consumer import Consumer as CeleryConsumer

RECONNECT_SECONDS = 2.0


class Consumer(CeleryConsumer):  # type: ignore[misc]
    """Tries again every two seconds at the latest. Celery's own waits longer each time, up to half a minute, and would
    come back that long after the broker."""

    def ensure_connected(self, conn: Any) -> Any:
        conn.ensure_connection = partial(
            conn.ensure_connection, interval_start=0.5, interval_step=0.5, interval_max=RECONNECT_SECONDS
        )
        return super().ensure_connected(conn)
