"""Imports every module with handlers, so that they are registered."""

import tasks.cycles
import tasks.exports
import tasks.finance
import tasks.identity
import tasks.jobs
import tasks.notifications
import tasks.privacy
import tasks.webhooks  # noqa: F401
