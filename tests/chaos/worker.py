"""The workers' Celery application, with the kinds of the chaos suite beside the real ones."""

import tests.chaos.kinds  # noqa: F401
from tasks.app import celery

__all__ = ["celery"]
