"""Exports that go wrong: no part of a file is ever offered, and nothing is left lying about.

The worker's part is done in this process, so that its disk can be full: the file in the making is `/dev/full`, which
answers every write as a full disk does, to root as well.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import tasks.exports
from models.exports.jobs import CreateExport
from models.exports.service import get_export, request_export
from models.exports.tables import Export, ExportStatus
from models.exports.xlsx_file import write_sheet
from models.jobs.kinds import kind_named
from models.jobs.logs import list_lines
from models.jobs.records import JobRecord
from models.jobs.rules import JobStatus
from models.jobs.service import get_job
from models.kernel.actor import SYSTEM
from models.kernel.files import scratch_folder
from models.kernel.session import Database
from models.kernel.settings import Settings
from tasks.context import Tools
from tasks.outcomes import JobStopped
from tasks.runtime import Runtime
from tests.support.factories import make_customer
from tests.support.mounts import run_with_mounts
from tests.support.tools import making_tools

FORMATS = ["csv", "xlsx"]


@contextmanager
def full_scratch_folder(parent: str, name: str) -> Iterator[Path]:
    with scratch_folder(parent, name) as folder:
        for format_ in FORMATS:
            (folder / f"export.{format_}").symlink_to("/dev/full")
        yield folder


class Worker:
    """One that takes the jobs it is given, with folders of its own."""

    def __init__(self, tools: Tools, folder: Path) -> None:
        self.database = tools.database
        self.files = tools.files
        self.scratch = folder / "scratch"
        self.store = folder / "store"
        self._runtime = Runtime(tools, "test")

    async def ask(self, format_: Any = "csv", **options: Any) -> JobRecord:
        async with self.database.transaction() as session:
            args = CreateExport(resource="customers", format=format_, **options)
            return await request_export(session, SYSTEM, args)

    async def work(self, job: JobRecord, *, last: bool = False) -> JobRecord:
        """The job after an attempt now, whenever it was due."""
        attempts = 1 if last else 99
        await self.database.execute(
            "UPDATE jobs SET status = 'queued', finished_at = NULL, max_attempts = $2 WHERE id = $1", job.id, attempts
        )
        await self._runtime.perform(kind_named(job.kind), [job.id])
        return await get_job(self.database, job.id)

    async def export(self, job: JobRecord) -> Export:
        async with self.database.transaction() as session:
            return await get_export(session, job.id)

    def files_of(self, folder: Path) -> list[str]:
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.fixture
async def worker(quiet_database: Database, settings: Settings, tmp_path: Path) -> AsyncIterator[Worker]:
    folders = {"scratch_dir": str(tmp_path / "scratch"), "files_url": f"file:{tmp_path}/store"}
    async with making_tools(settings.model_copy(update=folders), quiet_database) as tools:
        async with quiet_database.transaction() as session:
            await make_customer(session, name="Noa")
        yield Worker(tools, tmp_path)


@pytest.mark.parametrize("rows", [1, 400], ids=["at the end", "on the way"])
@pytest.mark.parametrize("format_", FORMATS)
async def test_a_full_disk_ends_an_attempt_and_a_later_one_succeeds(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, format_: str, rows: int
) -> None:
    await worker.database.execute(
        f"""INSERT INTO customers (id, name, notes)
            SELECT gen_random_uuid(), 'Customer', repeat('x', 9000) FROM generate_series(1, {rows})"""
    )
    job = await worker.ask(format_)
    with monkeypatch.context() as patch:
        patch.setattr(tasks.exports, "scratch_folder", full_scratch_folder)
        tried = await worker.work(job)
    assert (tried.status, b"DISK_FULL" in bytes(tried.error)) == (JobStatus.RETRYING, True)
    assert (await worker.export(job)).status == ExportStatus.PENDING
    assert worker.files_of(worker.scratch) == worker.files_of(worker.store) == []
    assert (await worker.work(job)).status == JobStatus.SUCCEEDED
    assert (await worker.export(job)).status == ExportStatus.READY
    assert worker.files_of(worker.store) == [f"exports/{job.id}.{format_}"]
    assert worker.files_of(worker.scratch) == []
    lines = [(line.attempt, line.message) for line in await list_lines(worker.database, job.id)]
    begun = "Writing rows as they are now."
    assert lines == [(1, begun), (2, begun), (2, "The file is stored.")]


async def test_a_disk_that_stays_full_fails_the_export_with_the_reason(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await worker.ask()
    monkeypatch.setattr(tasks.exports, "scratch_folder", full_scratch_folder)
    assert (await worker.work(job, last=True)).status == JobStatus.FAILED
    export = await worker.export(job)
    assert (export.status, export.file_key) == (ExportStatus.FAILED, None)
    assert export.job_error is not None
    assert export.job_error["code"] == "DISK_FULL"
    assert await worker.database.fetch("SELECT id FROM events WHERE type = 'export.ready'") == []


async def test_a_failed_export_whose_job_is_tried_again_becomes_ready(worker: Worker) -> None:
    job = await worker.ask()
    await worker.database.execute(
        "UPDATE jobs SET status = 'failed', finished_at = clock_timestamp() WHERE id = $1", job.id
    )
    assert (await worker.export(job)).status == ExportStatus.FAILED
    await worker.work(job)
    assert (await worker.export(job)).status == ExportStatus.READY


async def test_an_export_whose_job_was_forgotten_keeps_its_file(worker: Worker) -> None:
    ready, lost = await worker.ask(), await worker.ask()
    await worker.work(ready)
    await worker.database.execute("DELETE FROM jobs")
    assert (await worker.export(ready)).status == ExportStatus.READY
    assert (await worker.export(lost)).status == ExportStatus.FAILED


async def test_what_a_killed_attempt_has_left_is_swept_by_the_next(worker: Worker) -> None:
    job, other = await worker.ask(), await worker.ask()
    for each in (job, other):
        left = worker.scratch / f"bellwork-{each.id}-left"
        left.mkdir(parents=True)
        (left / "export.csv").write_text("half a line")
    await worker.work(job)
    assert worker.files_of(worker.scratch) == [f"bellwork-{other.id}-left/export.csv"]


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_second_attempt_replaces_the_file_of_the_first(worker: Worker, format_: str) -> None:
    job = await worker.ask(format_)
    key = f"exports/{job.id}.{format_}"
    half = worker.scratch / "half"
    half.parent.mkdir()
    half.write_bytes(b"x" * 1_000_000)
    await worker.files.put(key, half)
    await worker.work(job)
    export = await worker.export(job)
    assert (await worker.files.stat(key)).size == export.size_bytes
    assert export.size_bytes is not None
    assert export.size_bytes < 1_000_000


async def test_an_unreachable_store_is_worth_another_attempt(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "store" / "exports").write_text("a file where the folder should be")
    job = await worker.ask()
    tried = await worker.work(job)
    assert (tried.status, b"SERVICE_UNAVAILABLE" in bytes(tried.error)) == (JobStatus.RETRYING, True)
    assert b"file store" in bytes(tried.error)
    assert worker.files_of(worker.scratch) == []


@pytest.mark.parametrize("format_", FORMATS)
async def test_a_job_that_is_told_to_stop_leaves_no_file(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    job = await worker.ask(format_)

    def stop(*_: object) -> None:
        raise JobStopped

    monkeypatch.setattr("tasks.context.JobContext.progress", stop)
    ended = await worker.work(job)
    assert ended.status == JobStatus.CANCELLED, bytes(ended.error)
    assert (await worker.export(job)).status == ExportStatus.FAILED
    assert worker.files_of(worker.scratch) == worker.files_of(worker.store) == []


async def test_more_rows_than_a_sheet_holds_are_refused_before_any_is_written(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.exports.xlsx_file.MAX_ROWS", 0)
    ended = await worker.work(await worker.ask("xlsx"))
    assert (ended.status, b"UNPROCESSABLE" in bytes(ended.error)) == (JobStatus.FAILED, True)


async def test_no_transaction_waits_for_the_writer_of_a_sheet(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL ends a transaction that is idle for long, and packing a large sheet takes long."""
    loop = asyncio.get_running_loop()
    waiting: list[Any] = []
    idle = "SELECT pid FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND datname = 'quiet'"

    def write(records: Iterable[Any], *args: Any) -> None:
        taken = list(records)
        waiting.extend(asyncio.run_coroutine_threadsafe(worker.database.fetch(idle), loop).result())
        write_sheet(taken, *args)

    monkeypatch.setattr("models.exports.xlsx_file.write_sheet", write)
    assert (await worker.work(await worker.ask("xlsx"))).status == JobStatus.SUCCEEDED
    assert waiting == []


FILL = """
import errno, pathlib, subprocess, sys
import models.all_contexts
from models.exports.registry import exportable_named
from models.exports.xlsx_file import write_sheet
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", sys.argv[1]], check=True)
rows = ({"Name": f"Customer {number}"} for number in range(100_000))
try:
    write_sheet(rows, pathlib.Path(sys.argv[2]), exportable_named("customers"), None)
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def test_a_disk_that_fills_up_under_a_sheet_is_an_error_and_no_crash(tmp_path: Path) -> None:
    """The writer's own temporary file is on a small disk."""
    disk = tmp_path / "disk"
    disk.mkdir()
    done = run_with_mounts(FILL, disk, tmp_path / "sheet.xlsx", environment={"TMPDIR": str(disk)})
    assert done.stdout == "ENOSPC\n", done.stderr
