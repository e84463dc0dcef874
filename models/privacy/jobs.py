"""The kinds of jobs about what is held of people and of secrets."""

from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.rules import Queue
from models.kernel.schema import Out


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
