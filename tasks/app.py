"""The Celery application: one task per kind, named after it; the task's id is the job's id.

A message says only `look at these jobs`. It is acknowledged at once, because the table, not the broker, knows what is
still to be done.
"""

import logging
import os
import socket
from typing import Any
from uuid import UUID

import aiohttp
import uvloop
from celery import Celery, signals

import tasks.all_handlers  # noqa: F401
from models.jobs.kinds import JobKind, all_kinds
from models.jobs.rules import Queue
from models.kernel.crypto import KeyRing
from models.kernel.files import FileStore
from models.kernel.logs import configure_logging
from models.kernel.session import Database
from models.kernel.settings import get_settings
from models.webhooks.service import address_policy
from tasks.consumer import UNKNOWN_KIND
from tasks.context import Tools
from tasks.ending import Bell
from tasks.heartbeat import Heartbeat
from tasks.integrations.receivers import Receivers
from tasks.messages import write_ends
from tasks.runtime import Runtime


def make_celery() -> Celery:
    settings = get_settings()
    celery = Celery("bellwork", broker=settings.effective_broker_url)
    celery.conf.update(
        task_default_queue=Queue.DEFAULT.value,
        task_ignore_result=True,
        task_serializer="json",
        accept_content=["json"],
        task_acks_late=False,
        task_send_sent_event=False,
        worker_send_task_events=True,
        worker_prefetch_multiplier=1,
        worker_disable_prefetch=True,
        worker_soft_shutdown_timeout=settings.job_lease_seconds,
        worker_enable_soft_shutdown_on_idle=False,
        worker_consumer="tasks.consumer:Consumer",
        worker_hijack_root_logger=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=settings.broker_transport_options,
        timezone="UTC",
    )
    return celery


celery = make_celery()
bell = Bell()


def _add_task(kind: JobKind) -> None:
    @celery.task(name=kind.name, Request="tasks.messages:JobMessage", resultrepr_maxsize=1_000_000)
    def perform(job_ids: list[str]) -> str:
        process, ids = WorkerProcess.current(), [UUID(id_) for id_ in job_ids]
        ended = process.loop.run_until_complete(process.runtime.perform(kind, ids))
        return write_ends([ended.get(id_) for id_ in ids])


for _kind in all_kinds():
    _add_task(_kind)


@celery.task(name="bellwork.canary", bind=True)
def canary(task: Any, _ids: list[str]) -> str:
    """Note that the queue it came by is served."""
    process = WorkerProcess.current()
    queue = task.request.delivery_info["routing_key"]
    process.loop.run_until_complete(process.runtime.show_alive(queue))
    return f"{queue} is served"


@celery.task(name=UNKNOWN_KIND, Request="tasks.messages:JobMessage", resultrepr_maxsize=1_000_000)
def refuse(job_ids: list[str]) -> str:
    """What a message becomes whose kind has no task here."""
    process = WorkerProcess.current()
    process.loop.run_until_complete(process.runtime.refuse([UUID(id_) for id_ in job_ids]))
    return write_ends([None for _ in job_ids])


class WorkerProcess:
    """One event loop, one database pool and one HTTP client, made after the fork, for the process's life."""

    _current: "WorkerProcess | None" = None

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = uvloop.new_event_loop()
        self.runtime = Runtime(self.loop.run_until_complete(_make_tools()), f"{socket.gethostname()}:{self.pid}")
        bell.when_rung(self.loop, self.runtime.end)

    @classmethod
    def current(cls) -> "WorkerProcess":
        if cls._current is None or cls._current.pid != os.getpid():
            cls._current = cls()
        return cls._current


async def _make_tools() -> Tools:
    settings = get_settings()
    return Tools(
        settings=settings,
        database=Database(
            settings.asyncpg_dsn, pool_size=settings.database_pool_size, application="bellwork-worker",
            idle_in_transaction_seconds=settings.job_lease_seconds,
            statement_seconds=None,  # a job's are bounded by the time limit of its kind
            hot_seconds=settings.job_lease_seconds * 2 / 3,
        ),
        files=FileStore(settings.files_url),
        keys=KeyRing(settings.encryption_keys),
        http=aiohttp.ClientSession(),
        receivers=Receivers(address_policy(settings), settings.webhook_timeout_seconds),
    )  # fmt: skip


@signals.celeryd_init.connect
def _remember_node(sender: str, **_: Any) -> None:
    Heartbeat.node = sender


@signals.worker_process_init.connect
def _start_process(**_: Any) -> None:
    WorkerProcess.current()


@signals.worker_shutting_down.connect
def _tell_processes(**_: Any) -> None:
    bell.ring()


@signals.setup_logging.connect
def _set_up_logging(**_: Any) -> None:
    settings = get_settings()
    configure_logging(settings.log_level, settings.log_format)
    for name in ("celery.worker.strategy", "celery.app.trace"):  # the runtime's line about each attempt says more
        logging.getLogger(name).setLevel(logging.WARNING)
