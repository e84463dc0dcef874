"""The catalogue of job kinds: the one thing API, worker, scheduler, docs and Flower know a kind by.

    @kind("cycles.generate_meetings", result=MeetingsGenerated, queue=Queue.DEFAULT, scope=Scope.WRITE_CYCLES)
    class GenerateMeetings(JobArgs):
        "Create the missing meetings of cycles."
        cycle_ids: list[UUID]

The arguments are a struct, its docstring the description. A handler is registered for it in `tasks/`.
"""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import msgspec

from models.jobs.limits import NO_LIMITS, Limits
from models.jobs.rules import DEFAULT_RETRY, Queue, RetryPolicy
from models.kernel.errors import NotFound
from models.kernel.schema import In, Out


class JobArgs(In):
    """The payload of a kind: camelCase JSON that refuses unknown fields."""

    def limit_key(self) -> str | None:
        """What the kind's `per_key` limit counts by: an endpoint, a grant, a school."""
        return None

    def needs(self) -> tuple[str, ...]:
        """Scopes that submitting these very arguments takes, besides the kind's own."""
        return ()


class JobResult(Out):
    """What a finished job of a kind leaves."""


class NoResult(JobResult):
    pass


class JobKind(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    args: type[JobArgs]
    result: type[JobResult]
    queue: Queue
    scope: str | None
    retry_rule: RetryPolicy | Callable[[], RetryPolicy]
    time_limit_seconds: float
    batch_size: int
    announced: bool
    performed: bool
    limits_rule: Limits | Callable[[], Limits]
    example: dict[str, Any]
    description: str

    @property
    def retry(self) -> RetryPolicy:
        return self.retry_rule if isinstance(self.retry_rule, RetryPolicy) else self.retry_rule()

    @property
    def limits(self) -> Limits:
        return self.limits_rule if isinstance(self.limits_rule, Limits) else self.limits_rule()

    @property
    def public(self) -> bool:
        """Whether a caller may submit it by `POST /jobs` (the others are asked for by their own route only)."""
        return self.scope is not None


DEFAULT_ATTEMPTS = DEFAULT_RETRY.max_attempts
A = TypeVar("A", bound=JobArgs)
_kinds: dict[str, JobKind] = {}
_by_args: dict[type[JobArgs], JobKind] = {}


def kind(
    name: str,
    *,
    result: type[JobResult] = NoResult,
    queue: Queue = Queue.DEFAULT,
    scope: str | None = None,
    retry: RetryPolicy | Callable[[], RetryPolicy] = DEFAULT_RETRY,
    time_limit_seconds: float = 600.0,
    batch_size: int = 1,
    announced: bool = True,
    performed: bool = True,
    limits: Limits | Callable[[], Limits] = NO_LIMITS,
    example: dict[str, Any] | None = None,
) -> Callable[[type[A]], type[A]]:
    """Register the decorated arguments as a kind.

    `scope` is what a caller needs to submit it. `batch_size` above 1 lets one message carry many jobs, run concurrently
    on the worker's loop. `announced` kinds emit `job.succeeded`, `job.failed` and `job.cancelled`. One that is not
    `performed` has no handler: its jobs end with others. `limits` bounds how many run at once, and how many start
    in a time. A function for `retry` or `limits` is asked at each use: for what settings say, which no module reads
    while it is imported.
    """

    def register(args: type[A]) -> type[A]:
        if name in _kinds:
            raise ValueError(f"there are two kinds named {name}")
        _kinds[name] = _by_args[args] = JobKind(
            name=name, args=args, result=result, queue=queue, scope=scope, retry_rule=retry,
            time_limit_seconds=time_limit_seconds, batch_size=batch_size, announced=announced, performed=performed,
            limits_rule=limits, example=example or {}, description=inspect.cleandoc(args.__doc__ or ""),
        )  # fmt: skip
        return args

    return register


def find_kind(name: str) -> JobKind | None:
    """For jobs that are there: their kind may be gone since, or of a version newer than this process."""
    return _kinds.get(name)


def kind_named(name: str) -> JobKind:
    """Raises NotFound."""
    if kind := find_kind(name):
        return kind
    raise NotFound(f"There is no job kind `{name}`; GET /api/v1/job-kinds lists them.")


def kind_of(args: JobArgs | type[JobArgs]) -> JobKind:
    return _by_args[args if isinstance(args, type) else type(args)]


def all_kinds() -> Iterator[JobKind]:
    return iter(sorted(_kinds.values(), key=lambda each: each.name))
