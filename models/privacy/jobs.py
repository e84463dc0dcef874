"""The kinds of jobs about what is held of people and of secrets."""

from uuid import UUID

from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.rules import Queue, RetryPolicy
from models.kernel.schema import Out
from models.privacy.persons import PersonKind


class ColumnResealed(Out):
    """`left` are values that the newest key has not sealed: sealed meanwhile by a process without it, or by a key
    that is not in the ring."""

    table: str
    column: str
    resealed: int
    left: int


class KeysRotated(JobResult):
    columns: list[ColumnResealed]


@kind("privacy.rotate_keys", result=KeysRotated, queue=Queue.BULK, time_limit_seconds=6 * 3600)
class RotateKeys(JobArgs):
    """Seal by the newest encryption key what older ones have sealed. Asked for by `bellwork keys rotate`."""


class DataExported(JobResult):
    export_id: UUID
    size_bytes: int


@kind("privacy.export_data", result=DataExported, queue=Queue.EXPORTS, time_limit_seconds=1800.0)
class ExportData(JobArgs):
    """Everything held of a person, as a ZIP file of JSON and of the files that are theirs.

    The export has the id of the job, as those of lists have.
    """

    person: PersonKind
    id: UUID


class PersonErased(JobResult):
    """How many rows were changed or removed; nothing, where it was done before."""

    rows: int
    files: int


@kind(
    "privacy.erase", result=PersonErased, queue=Queue.BULK, time_limit_seconds=3600.0,
    retry=RetryPolicy(max_attempts=8, first_seconds=5.0, cap_seconds=300.0),
)  # fmt: skip
class Erase(JobArgs):
    """Remove what is personal of somebody, everywhere; rows with money stay, without it."""

    person: PersonKind
    id: UUID
