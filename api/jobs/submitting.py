"""From what a caller sends to a kind and its arguments, with everything wrong about them named."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from api.jobs.schemas import BatchIn, JobIn
from models.identity.caller import Caller
from models.identity.services.owners import check_may_ask
from models.jobs.kinds import JobArgs, JobKind, find_kind, kind_named
from models.jobs.service import BatchItem, JobOptions
from models.kernel.errors import Fault, Forbidden, Invalid, NotFound
from models.kernel.settings import Settings
from models.kernel.validation import convert
from models.webhooks.addresses import url_fault
from models.webhooks.service import address_policy


def submittable(caller: Caller, kind_name: str, payload: dict[str, Any]) -> tuple[JobKind, JobArgs]:
    """Raises NotFound for an unknown kind, Forbidden where the caller may not, Invalid with faults below `payload`."""
    kind = kind_named(kind_name)
    check_may_ask(caller, kind)
    try:
        args = convert(payload, kind.args)
    except Invalid as error:
        raise error.under("payload") from None
    check_may_ask(caller, kind, args)
    return kind, args


def callback_faults(settings: Settings, url: str | None) -> list[Fault]:
    """Of an address that is never called: a private one, or without TLS outside development."""
    fault = None if url is None else url_fault(address_policy(settings), url)
    return [Fault("callbackUrl", fault)] if fault else []


@contextmanager
def along_with(faults: list[Fault]) -> Iterator[None]:
    """Raises Invalid with these, and with those for which it is raised within."""
    try:
        yield
    except Invalid as error:
        raise Invalid.of([*error.errors, *faults]) from None
    if faults:
        raise Invalid.of(faults)


def options_of(data: JobIn) -> JobOptions:
    return JobOptions(
        run_at=data.run_at, start_by=data.start_by, priority=data.priority, dedupe_key=data.dedupe_key,
        on_duplicate=data.on_duplicate, tags=tuple(dict.fromkeys(data.tags)), max_attempts=data.max_attempts,
        callback_url=data.callback_url,
    )  # fmt: skip


def batch_items(caller: Caller, data: BatchIn) -> list[BatchItem]:
    """Raises Invalid with the faults of all jobs, each below its `jobs[n]`, and Forbidden for the first that the caller
    may not ask for."""
    items: list[BatchItem] = []
    faults: list[Fault] = []
    for at, job in enumerate(data.jobs):
        try:
            kind, args = submittable(caller, job.kind, job.payload)
            items.append(BatchItem(kind, args, options_of(job)))
        except Invalid as error:
            faults += error.under(f"jobs[{at}]").errors
        except NotFound as error:
            faults.append(Fault(f"jobs[{at}].kind", error.detail))
        except Forbidden as error:
            raise Forbidden(f"jobs[{at}]: {error.detail}", **error.ids) from None
    if faults:
        raise Invalid.of(faults)
    return items


def judge_job(settings: Settings, body: Any) -> list[Fault]:
    """What can be said of the kind, the payload and the callback of a job, or a schedule, that is wrong elsewhere."""
    if not isinstance(body, dict):
        return []
    url = body.get("callbackUrl")
    return [*_payload_faults(body), *callback_faults(settings, url if isinstance(url, str) else None)]


def judge_batch(settings: Settings, body: Any) -> list[Fault]:
    if not isinstance(body, dict):
        return []
    jobs = body.get("jobs")
    of_jobs = [
        Fault(f"jobs[{at}].{fault.field}", fault.message)
        for at, job in enumerate(jobs if isinstance(jobs, list) else ())
        for fault in _payload_faults(job)
    ]
    return [*of_jobs, *judge_job(settings, {"callbackUrl": body.get("callbackUrl")})]


def _payload_faults(body: Any) -> list[Fault]:
    name, payload = (body.get("kind"), body.get("payload")) if isinstance(body, dict) else (None, None)
    if not isinstance(name, str):
        return []
    if (kind := find_kind(name)) is None:
        return [Fault("kind", f"there is no job kind `{name}`")]
    try:
        convert(payload, kind.args)
    except Invalid as error:
        return list(error.under("payload").errors)
    return []
