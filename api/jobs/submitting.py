"""From what a caller sends to a kind and its arguments, with everything wrong about them named."""

from typing import Any

from api.jobs.schemas import BatchIn, JobIn
from models.identity.caller import Caller
from models.identity.services.owners import check_may_ask
from models.jobs.kinds import JobArgs, JobKind, kind_named
from models.jobs.service import BatchItem, JobOptions
from models.kernel.errors import Fault, Invalid
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


def check_callback(settings: Settings, url: str | None) -> None:
    """Raises Invalid for an address that is never called: a private one, or without TLS outside development."""
    if url is not None and (fault := url_fault(address_policy(settings), url)):
        raise Invalid.field("callbackUrl", fault)


def options_of(data: JobIn) -> JobOptions:
    return JobOptions(
        run_at=data.run_at, start_by=data.start_by, priority=data.priority, dedupe_key=data.dedupe_key,
        on_duplicate=data.on_duplicate, tags=tuple(dict.fromkeys(data.tags)), max_attempts=data.max_attempts,
        callback_url=data.callback_url,
    )  # fmt: skip


def batch_items(caller: Caller, data: BatchIn) -> list[BatchItem]:
    """Raises Invalid with the faults of all payloads, each below its `jobs[n]`."""
    items: list[BatchItem] = []
    faults: list[Fault] = []
    for at, job in enumerate(data.jobs):
        try:
            kind, args = submittable(caller, job.kind, job.payload)
        except Invalid as error:
            faults += error.under(f"jobs[{at}]").errors
            continue
        items.append(BatchItem(kind, args, options_of(job)))
    if faults:
        raise Invalid.of(faults)
    return items
