"""Workers come back soon after the broker does, however long it was away."""

import pytest
from celery.utils.imports import symbol_by_name
from kombu.connection import Connection
from kombu.exceptions import OperationalError

from models.kernel.settings import Settings

REFUSALS = 40


class Refused(Connection):
    """Takes a connection after so many refusals."""

    refusals = REFUSALS

    def _connection_factory(self) -> object:
        if self.refusals:
            self.refusals -= 1
            raise OperationalError("refused")
        return object()

    @property
    def recoverable_connection_errors(self) -> tuple[type[Exception], ...]:
        return (OperationalError,)


def test_a_worker_tries_again_every_two_seconds_at_the_latest(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks.app import celery

    slept: list[float] = []
    monkeypatch.setattr("kombu.utils.functional.sleep", slept.append)
    consumer = object.__new__(symbol_by_name(celery.conf.worker_consumer))
    consumer.app, consumer.first_connection_attempt, consumer.broker_connection_retry_attempt = celery, False, 0
    consumer.ensure_connected(Refused("memory://"))  # type: ignore[no-untyped-call]
    assert 0 < sum(slept) <= 2 * REFUSALS
