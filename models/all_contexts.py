"""Imports what every context registers: tables, job kinds, event types, exportable resources."""

import importlib
import importlib.util

CONTEXTS = (
    "audit", "jobs", "requests", "schedules", "events", "webhooks", "notifications", "exports", "identity", "people",
    "courses", "cycles", "registrations", "finance", "privacy",
)  # fmt: skip
ROLES = ("tables", "jobs", "callbacks", "events", "exportables")


def load() -> None:
    for context in CONTEXTS:
        for role in ROLES:
            name = f"models.{context}.{role}"
            if importlib.util.find_spec(name) is not None:
                importlib.import_module(name)


load()
