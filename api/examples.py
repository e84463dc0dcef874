"""Examples for the documentation, made from the wire structs themselves.

A struct shows its `EXAMPLE` (a `ClassVar[dict[str, Any]]` by wire name), the arguments of a job that of their kind.
Any other field shows, in this order: what stands below for `Struct.field`, the first of its `Meta(examples=…)`, a
telling value for its name, one for its type.
"""

import re
from typing import Any

import msgspec
from msgspec import inspect

from models.jobs.kinds import JobArgs, kind_of

LEFT_OUT = object()
ID = "0198c0de-0000-7000-8000-000000000001"
BY_NAME: dict[str, Any] = {
    "name": "Noa Levi", "Student.name": "Omer Levi", "CustomerStudent.name": "Omer Levi",
    "Instructor.name": "Dana Cohen", "Branch.name": "Haifa", "Branch.subdivision": LEFT_OUT, "Course.name": "Robotics",
    "Cycle.name": "Robotics, spring 2026", "Closure.name": "Renovation", "ApiKey.name": "n8n",
    "newName": "Robotics, autumn 2026", "newStartDate": "2026-09-01",
    "email": "noa@example.com", "to": "noa@example.com", "password": "correct horse battery staple", "city": "Haifa",
    "address": "12 HaNassi Boulevard", "notes": "Prefers mornings.", "description": "For the accounting flow.",
    "title": "Robotics", "category": "Technology", "targetAudience": "Grades 3 to 6", "grade": "4", "locale": "he",
    "subject": "Your class on Tuesday", "text": "See you on Tuesday.", "reason": "The instructor is ill.",
    "url": "https://example.com/hooks/bellwork", "kind": "cycles.generate_meetings", "queue": "default",
    "dedupeKey": "spring-2026", "startBy": "2099-01-01T00:00:00Z", "tags": ["import:2026-02"],
    "startDate": "2026-02-01", "endDate": "2026-06-30", "birthDate": "2016-02-29",
    "startTime": "16:00", "endTime": "17:30", "startsAt": "2026-02-08T14:00:00Z", "endsAt": "2026-02-08T15:30:00Z",
    "expiresAt": "2027-01-01T00:00:00Z", "totalMeetings": 12, "studentCount": 10, "maxStudents": 12,
    "requestId": "0198c0de-0000-7000-8000-00000000000a", "accessToken": "eyJhbGciOiJIUzI1NiJ9.…", "tokenType": "Bearer",
    "refreshToken": "Yt0c9y7sKQv3Zl1w.mV8xQn2eRf5uHb6d", "challengeToken": "eyJhbGciOiJIUzI1NiJ9.…",
    "phone": "+972501234567", "timezone": "Asia/Jerusalem", "avatarUrl": "https://example.com/noa.jpg",
    "Session.address": "198.51.100.7", "userAgent": "Mozilla/5.0", "favoriteTopics": ["Robotics"],
    "recentSearches": ["robotics"], "recoveryCodes": ["k7f2-q4xm-3v6p-a5sd"],
    "Enrolment.secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
    "Enrolment.uri": "otpauth://totp/Bellwork:noa%40example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Bellwork",
    "actor": f"user:{ID}", "owner": f"user:{ID}", "role": "manager", "scopes": ["read:*"], "scope": "read:customers",
    "types": ["meeting.*"], "eventTypes": ["meeting.*"], "total": 1, "limit": 20, "offset": 0, "hasMore": False,
    "Schedule.name": "Figures of the night", "Schedule.kind": "finance.recalculate", "Schedule.payload": {"all": True},
    "Schedule.key": "figures-of-the-night", "Schedule.lastSkippedReason": "overlap", "Schedule.callbackUrl": LEFT_OUT,
    "FireError.code": "PAYLOAD_INVALID", "FireError.message": "The payload is not one of its kind: all is required",
    "Schedule.startsAt": LEFT_OUT, "Schedule.rrule": LEFT_OUT,
    "LogLine.message": "The instructor is taken.", "LogLine.fields": {"cycleId": ID, "total": 1},
    "Batch.jobs": [{"kind": "cycles.sync_progress", "payload": {"cycleId": ID}}], "errorCode": "PROVIDER_DOWN",
}  # fmt: skip
BY_TYPE: list[tuple[type[inspect.Type], Any]] = [
    (inspect.StrType, "text"),
    (inspect.UUIDType, ID),
    (inspect.DateTimeType, "2026-02-08T14:00:00Z"),
    (inspect.DateType, "2026-02-08"),
    (inspect.TimeType, "16:00:00"),
    (inspect.DecimalType, 149.90),
    (inspect.BoolType, True),
    (inspect.NoneType, None),
]
SEQUENCES = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)
DATES = (inspect.DateType, inspect.DateTimeType)


def example_of(type_: Any) -> Any:
    """A value of the type as it goes over the wire, in plain JSON types."""
    return _example(inspect.type_info(type_), "")


def _example(info: inspect.Type, name: str) -> Any:
    if isinstance(info, inspect.Metadata):
        given = (info.extra_json_schema or {}).get("examples")
        return given[0] if given else _example(info.type, name)
    if isinstance(info, inspect.UnionType):
        return _example(_most_telling(info), name)
    if isinstance(info, inspect.StructType):
        return _of_struct(info)
    if isinstance(info, SEQUENCES):
        known = BY_NAME.get(name)
        return known if isinstance(known, list) else [_example(info.item_type, name.removesuffix("s"))]
    if isinstance(info, inspect.EnumType):
        return next(iter(info.cls)).value
    if isinstance(info, inspect.LiteralType):
        return info.values[0]
    return _of_scalar(info, _known(name))


def _known(name: str) -> Any:
    """By the name, or by its last word: `contactEmail` is an `email`."""
    last = re.split("(?=[A-Z])", name)[-1].lower()
    return BY_NAME.get(name, BY_NAME.get(last))


def _of_struct(info: inspect.StructType) -> Any:
    own = getattr(info.cls, "EXAMPLE", None)
    if own is not None:
        return own
    if isinstance(info.cls, type) and issubclass(info.cls, JobArgs) and kind_of(info.cls).example:
        return kind_of(info.cls).example
    struct = info.cls.__name__.removesuffix("In").removesuffix("Out").removesuffix("Patch")
    values = {field.encode_name: _of_field(field, f"{struct}.{field.encode_name}") for field in info.fields}
    return {name: value for name, value in values.items() if value is not LEFT_OUT}


def _of_field(field: inspect.Field, full_name: str) -> Any:
    return BY_NAME[full_name] if full_name in BY_NAME else _example(field.type, field.encode_name)


def _of_scalar(info: inspect.Type, known: Any) -> Any:
    if isinstance(info, inspect.IntType):
        return known if isinstance(known, int) else _number(info)
    if isinstance(info, inspect.FloatType):
        return _number(info)
    if isinstance(known, str) and isinstance(info, inspect.StrType):
        return known[: info.max_length]
    if isinstance(known, str) and isinstance(info, DATES) and known[0].isdigit():
        return known
    return next((value for kind, value in BY_TYPE if isinstance(info, kind)), {})


def _number(info: inspect.IntType | inspect.FloatType) -> Any:
    return info.ge or (info.gt or 0) + 1


def _most_telling(info: inspect.UnionType) -> inspect.Type:
    """The first that is neither null nor `UNSET`."""
    return next(each for each in info.types if not (isinstance(each, inspect.NoneType) or _is_unset(each)))


def _is_unset(info: inspect.Type) -> bool:
    return isinstance(info, inspect.CustomType) and info.cls is msgspec.UnsetType
