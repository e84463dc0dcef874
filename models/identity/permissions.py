"""Who may do what: the one place that says so.

A scope is a resource with `read:` or `write:`; writing is creating, updating and deleting. An API key holds scopes and
reaches every row of theirs. A user's role, and a guest, have the rights of MATRIX: over all rows of a resource, or over
their own. What is whose stands beside the queries of each resource (`models.kernel.reach.owned`).
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec


class Role(StrEnum):
    ADMIN = "admin"
    MANAGER = "manager"
    INSTRUCTOR = "instructor"
    STUDENT = "student"


GUEST = "guest"


class Verb(StrEnum):
    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


class Permission(msgspec.Struct, frozen=True):
    """What a party may do with all rows of a resource, and what with its own."""

    all: frozenset[Verb] = frozenset()
    own: frozenset[Verb] = frozenset()


def every(*verbs: str) -> Permission:
    return Permission(all=frozenset(map(Verb, verbs)))


def own(*verbs: str) -> Permission:
    return Permission(own=frozenset(map(Verb, verbs)))


NONE = Permission()
WHOLE = Permission(all=frozenset(Verb))
Fields = Mapping[str, frozenset[str]]


class Rights(msgspec.Struct, frozen=True):
    """Who may do what with a resource; administrators everything. `hidden` are fields a party sees as null."""

    what: str
    manager: Permission = NONE
    instructor: Permission = NONE
    student: Permission = NONE
    guest: Permission = NONE
    hidden: Fields = {}


def _fields(**parties: str) -> Fields:
    return {party: frozenset(names.split()) for party, names in parties.items()}


MATRIX: dict[str, Rights] = {
    "users": Rights("users and their roles"),
    "customers": Rights("customers", manager=WHOLE),
    "students": Rights(
        "students", manager=WHOLE, instructor=own("read"), student=own("read"),
        hidden=_fields(instructor="customerName customerPhone", student="notes customerName customerPhone"),
    ),
    "instructors": Rights("instructors", manager=WHOLE, instructor=own("read")),
    "branches": Rights(
        "branches and their closures", manager=WHOLE, instructor=every("read"), student=every("read")
    ),
    "courses": Rights(
        "courses", manager=WHOLE, instructor=own("read", "update"), student=own("read"), guest=own("read")
    ),
    "cycles": Rights(
        "cycles", manager=WHOLE, instructor=own("read"), student=own("read"),
        hidden=_fields(
            instructor="dailyRate instructorBudget",
            student="dailyRate instructorBudget meetingRevenue studentCount",
        ),
    ),
    "meetings": Rights(
        "meetings", manager=WHOLE, instructor=own("read", "update"), student=own("read"),
        hidden=_fields(student="revenue instructorPayment profit notes"),
    ),
    "registrations": Rights(
        "registrations", manager=WHOLE, instructor=own("read"), student=own("read"),
        hidden=_fields(instructor="customerName", student="notes customerName"),
    ),
    "finance": Rights("revenue, pay and profit", manager=WHOLE, instructor=own("read")),
    "exports": Rights(
        "exports and their files", manager=WHOLE,
        instructor=own("read", "create", "delete"), student=own("read", "create", "delete"),
    ),
    "jobs": Rights("jobs", manager=WHOLE, instructor=own("read", "update"), student=own("read", "update")),
    "events": Rights("the feed of events", manager=WHOLE),
    "notifications": Rights("mails and the sandbox's messages", manager=WHOLE),
    "webhooks": Rights("webhook endpoints and deliveries"),
    "api-keys": Rights("API keys"),
    "audit": Rights("the trail of who has changed what"),
    "personal-data": Rights(
        "everything that is held of a person",
        manager=own("create", "delete"), instructor=own("create", "delete"), student=own("create", "delete"),
    ),
    "guest-sessions": Rights("visitors' sessions", manager=WHOLE, guest=own("read", "delete")),
}  # fmt: skip


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
    READ_AUDIT = "read:audit"
    WRITE_PERSONAL_DATA = "write:personal-data"
    READ_GUEST_SESSIONS = "read:guest-sessions"
    WRITE_GUEST_SESSIONS = "write:guest-sessions"

    @property
    def resource(self) -> str:
        return resource_of(self)

    @property
    def verbs(self) -> frozenset[Verb]:
        return verbs_of(self)

    @property
    def description(self) -> str:
        return f"{'See' if self.verbs == _READING else 'Change'} {MATRIX[self.resource].what}."


WILDCARDS = frozenset({"*", "read:*", "write:*"})
_READING = frozenset({Verb.READ})


def permission_of(party: str | None, resource: str) -> Permission:
    """What a role's name or `guest` may do with a resource; nothing where the matrix says nothing."""
    if party == Role.ADMIN:
        return WHOLE
    rights = MATRIX.get(resource)
    permission: Permission = NONE if rights is None or party is None else getattr(rights, party)
    return permission


def hidden_from(party: str, resource: str) -> frozenset[str]:
    """The fields, by their names in the API, that the party sees as null."""
    return MATRIX[resource].hidden.get(party, frozenset())


def allows(held: frozenset[str], needed: str) -> bool:
    """Whether any of the scopes held covers the one needed: itself, its verb's wildcard, or `*`."""
    verb = needed.partition(":")[0]
    return bool(held & {needed, f"{verb}:*", "*"})


def resource_of(scope: str) -> str:
    return scope.partition(":")[2]


def verbs_of(scope: str) -> frozenset[Verb]:
    return _READING if scope.startswith("read:") else frozenset(Verb) - _READING


def _whole_scopes(role: Role) -> frozenset[str]:
    """The scopes the role holds over all rows."""
    return frozenset(scope.value for scope in Scope if scope.verbs <= permission_of(role, scope.resource).all)


ROLE_SCOPES: dict[Role, frozenset[str]] = {
    role: frozenset({"*"}) if role == Role.ADMIN else _whole_scopes(role) for role in Role
}
