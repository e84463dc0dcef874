"""Imports every module with handlers, so that they are registered."""

import tasks.cycles  # noqa: F401
import tasks.exports  # noqa: F401
import tasks.notifications
import tasks.webhooks  # noqa: F401
