"""Identifiers: UUIDv7, so that rows of one table sort by their making."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()
