"""Imports every module with handlers, so that they are registered."""
import tasks.webhooks  # noqa: F401
