"""A worker on a machine whose wall clock is an hour ahead."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from typing import Any

SKEW = timedelta(hours=1)


def _ahead(clock: Callable[[], Any], by: Any) -> Callable[[], Any]:
    return lambda: clock() + by


# Before Celery and our own modules take the functions by name.
time.time = _ahead(time.time, SKEW.total_seconds())
time.time_ns = _ahead(time.time_ns, int(SKEW.total_seconds() * 1e9))

import models.kernel.clock  # noqa: E402
from tests.chaos.worker import celery  # noqa: E402


class SkewedDatetime:
    """In the place of `datetime` where the program reads the wall clock."""

    @staticmethod
    def now(tz: tzinfo | None = None) -> datetime:
        return datetime.now(tz) + SKEW


vars(models.kernel.clock)["datetime"] = SkewedDatetime

__all__ = ["celery"]
