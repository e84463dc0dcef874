"""Asking for a file, finding it, and removing it."""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.service import emit
from models.exports import events, queries
from models.exports.events import ExportState
from models.exports.jobs import CreateExport
from models.exports.rules import EVERYTHING, PERSONAL_DATA, Sight
from models.exports.tables import Export, ExportStatus
from models.jobs.records import JobRecord
from models.jobs.service import enqueue
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.errors import Conflict, NotFound
from models.kernel.files import FileStore
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.session import fetch


class ExportPage(Page):
    sortable = {"createdAt": Export.created_at, "rowCount": Export.row_count, "sizeBytes": Export.size_bytes}

    resource: str | None = None
    status: ExportStatus | None = None


async def request_export(session: AsyncSession, actor: Actor, args: CreateExport) -> JobRecord:
    """The job that makes the file; the export has its id."""
    job = await enqueue(session, actor, args)
    await ensure_export(session, job, args)
    return job


async def ensure_export(session: AsyncSession, job: JobRecord, args: CreateExport) -> None:
    """The export of a job, also of one that was submitted as a job."""
    options = {"bom": args.bom, "locale": args.locale, "notifyEmail": args.notify_email}
    filters_, options_ = (msgspec.json.encode(given).decode() for given in (args.filters, options))
    await fetch(session, queries.ENSURE, job.id, args.resource, args.format, filters_, options_, job.owner)


async def ensure_file_of_person(session: AsyncSession, job: JobRecord, person: str, id_: UUID) -> None:
    """The export that a job makes of everything held of somebody."""
    filters_ = msgspec.json.encode({"person": person, "id": id_}).decode()
    await fetch(session, queries.ENSURE, job.id, PERSONAL_DATA, "zip", filters_, "{}", job.owner)


async def finish_export(
    session: AsyncSession, actor: Actor, id_: UUID, *, file_key: str, row_count: int, size_bytes: int
) -> Export:
    """Offer the file, in the transaction in which its job ends."""
    export = await get_export(session, id_)
    export.file_key, export.row_count, export.size_bytes = file_key, row_count, size_bytes
    export.ready_at = utc_now()
    await session.flush()
    await emit(session, actor, events.EXPORT_READY, id_, ExportState.of(export))
    return export


async def list_exports(session: AsyncSession, page: ExportPage, sight: Sight) -> tuple[list[Export], Pagination]:
    own = {} if sight.others else {"owner": sight.name}
    return await paginate(session, queries.exports({**filters(page), **own}, sight), page)


async def get_export(session: AsyncSession, id_: UUID, sight: Sight = EVERYTHING) -> Export:
    """Raises NotFound, also for an export out of sight."""
    export = await session.get(Export, id_)
    if export is None or not sight.reaches(export.owner, export.resource):
        raise NotFound.thing("export", id_)
    return export


async def get_ready_export(session: AsyncSession, id_: UUID, sight: Sight = EVERYTHING) -> tuple[Export, str]:
    """With the key of its file. Raises NotFound, and Conflict while there is no file."""
    export = await get_export(session, id_, sight)
    if export.file_key is None:
        raise Conflict(f"The export is {export.status}: there is no file.", job_id=id_)
    return export, export.file_key


async def delete_export(session: AsyncSession, files: FileStore, id_: UUID, sight: Sight = EVERYTHING) -> None:
    """The file and the row. Raises Conflict while the job is still to make the file."""
    export = await get_export(session, id_, sight)
    if export.status == ExportStatus.PENDING:
        raise Conflict("The file is still being made.", job_id=id_)
    if export.file_key is not None:
        await files.delete(export.file_key)
    await session.delete(export)
    await session.flush()
