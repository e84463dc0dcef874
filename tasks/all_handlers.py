"""Imports every module with handlers, so that they are registered."""

import tasks.exports  # noqa: F401
import tasks.webhooks  # noqa: F401
