"""The workers' Celery application, with the kinds of the bench beside the real ones."""

import bench.probe_kinds  # noqa: F401
from tasks.app import celery

__all__ = ["celery"]
