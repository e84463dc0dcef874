"""Which function does which kind. Importing `tasks.all_handlers` fills this."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from models.jobs.kinds import JobArgs, JobResult, kind_of
from tasks.context import JobContext

A = TypeVar("A", bound=JobArgs)
Handler = Callable[[JobContext, A], Awaitable[JobResult | None]]
_handlers: dict[str, Handler[Any]] = {}


def handles(args: type[A]) -> Callable[[Handler[A]], Handler[A]]:
    """Register the decorated coroutine as the handler of the arguments' kind; there is exactly one."""

    def register(handler: Handler[A]) -> Handler[A]:
        name = kind_of(args).name
        if name in _handlers:
            raise ValueError(f"{name} has two handlers")
        _handlers[name] = handler
        return handler

    return register


def handler_of(kind: str) -> Handler[Any]:
    return _handlers[kind]


def handled_kinds() -> set[str]:
    return set(_handlers)
