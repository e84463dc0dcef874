"""Who may do what: scopes, and the scopes each role stands for. The one place that says so."""

from enum import StrEnum


class Role(StrEnum):
    ADMIN = "admin"
    MANAGER = "manager"
    INSTRUCTOR = "instructor"
    STUDENT = "student"


_RESOURCES = {
    "customers": "customers",
    "students": "students",
    "instructors": "instructors",
    "branches": "branches and their closures",
    "courses": "courses",
    "cycles": "cycles",
    "meetings": "meetings",
    "registrations": "registrations",
    "finance": "revenue, pay and profit",
    "exports": "exports and their files",
    "jobs": "jobs",
    "events": "the feed of events",
    "notifications": "mails and the sandbox's messages",
    "webhooks": "webhook endpoints and deliveries",
    "api-keys": "API keys",
}


class Scope(StrEnum):
    """`read:` sees, `write:` changes. A key may also hold `read:*`, `write:*` or `*`."""

    READ_CUSTOMERS = "read:customers"
    WRITE_CUSTOMERS = "write:customers"
    READ_STUDENTS = "read:students"
    WRITE_STUDENTS = "write:students"
    READ_INSTRUCTORS = "read:instructors"
    WRITE_INSTRUCTORS = "write:instructors"
    READ_BRANCHES = "read:branches"
    WRITE_BRANCHES = "write:branches"
    READ_COURSES = "read:courses"
    WRITE_COURSES = "write:courses"
    READ_CYCLES = "read:cycles"
    WRITE_CYCLES = "write:cycles"
    READ_MEETINGS = "read:meetings"
    WRITE_MEETINGS = "write:meetings"
    READ_REGISTRATIONS = "read:registrations"
    WRITE_REGISTRATIONS = "write:registrations"
    READ_FINANCE = "read:finance"
    WRITE_FINANCE = "write:finance"
    READ_EXPORTS = "read:exports"
    WRITE_EXPORTS = "write:exports"
    READ_JOBS = "read:jobs"
    WRITE_JOBS = "write:jobs"
    READ_EVENTS = "read:events"
    READ_NOTIFICATIONS = "read:notifications"
    WRITE_NOTIFICATIONS = "write:notifications"
    READ_WEBHOOKS = "read:webhooks"
    WRITE_WEBHOOKS = "write:webhooks"
    READ_API_KEYS = "read:api-keys"
    WRITE_API_KEYS = "write:api-keys"

    @property
    def description(self) -> str:
        verb, _, resource = self.partition(":")
        return f"{'See' if verb == 'read' else 'Change'} {_RESOURCES[resource]}."


WILDCARDS = frozenset({"*", "read:*", "write:*"})
_OF_ADMINS_ONLY = {Scope.READ_WEBHOOKS, Scope.WRITE_WEBHOOKS, Scope.READ_API_KEYS, Scope.WRITE_API_KEYS}

ROLE_SCOPES: dict[Role, frozenset[str]] = {
    Role.ADMIN: frozenset({"*"}),
    Role.MANAGER: frozenset(scope.value for scope in Scope if scope not in _OF_ADMINS_ONLY),
    Role.INSTRUCTOR: frozenset(),
    Role.STUDENT: frozenset(),
}


def allows(held: frozenset[str], needed: str) -> bool:
    """Whether any of the scopes held covers the one needed: itself, its verb's wildcard, or `*`."""
    verb = needed.partition(":")[0]
    return bool(held & {needed, f"{verb}:*", "*"})
