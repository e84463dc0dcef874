"""What can go wrong in a use case, without a word about HTTP.

The API turns each into one problem answer, a worker into the outcome of an attempt.
"""

from collections.abc import Sequence
from typing import Any

import msgspec


class Fault(msgspec.Struct, frozen=True):
    """One thing wrong with one field of an input; `field` is the dotted path as the caller wrote it."""

    field: str
    message: str


class DomainError(Exception):
    """An answer the caller must see. `ids` are the identifiers a client needs to act on it."""

    code = "INTERNAL_ERROR"

    def __init__(self, detail: str, *, errors: Sequence[Fault] = (), **ids: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.ids = ids


class Invalid(DomainError):
    """The input breaks a rule that can be told from the input alone."""

    code = "VALIDATION_ERROR"

    @classmethod
    def of(cls, errors: Sequence[Fault]) -> "Invalid":
        names = ", ".join(dict.fromkeys(fault.field for fault in errors))
        return cls(f"The request has {len(errors)} fault(s): {names}.", errors=errors)

    @classmethod
    def field(cls, field: str, message: str) -> "Invalid":
        return cls.of([Fault(field, message)])

    def under(self, path: str) -> "Invalid":
        """The same faults, as those of a part of a larger input."""
        return Invalid.of([Fault(f"{path}.{fault.field}".rstrip("."), fault.message) for fault in self.errors])


class Unprocessable(DomainError):
    """The input is well-formed, but cannot be carried out as things stand."""

    code = "UNPROCESSABLE"


class NotFound(DomainError):
    code = "NOT_FOUND"

    @classmethod
    def thing(cls, name: str, id_: object) -> "NotFound":
        return cls(f"There is no {name} {id_}.")


class Gone(DomainError):
    """It was there, and is kept no longer."""

    code = "GONE"


class Conflict(DomainError):
    """Something already there excludes this."""

    code = "CONFLICT"


class PreconditionFailed(DomainError):
    """The caller's If-Match names another version than the stored one."""

    code = "PRECONDITION_FAILED"


class Unauthorized(DomainError):
    code = "UNAUTHORIZED"


class Forbidden(DomainError):
    code = "FORBIDDEN"


class RateLimited(DomainError):
    """Too often; worth trying again after `retry_after` seconds."""

    code = "RATE_LIMITED"

    def __init__(self, detail: str, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(DomainError):
    """A part the request needs (PostgreSQL, the object store) is away; worth trying again."""

    code = "SERVICE_UNAVAILABLE"
