"""The workers' Celery application, with the probes beside the real kinds."""

import tests.support.probes  # noqa: F401
from tasks.app import celery

__all__ = ["celery"]
