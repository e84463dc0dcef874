"""Files of rows: read in one snapshot, written aside, stored, and only then offered."""

import os
from pathlib import Path

import models.all_contexts  # noqa: F401
from models.exports import service as exports
from models.exports.csv_file import write_csv
from models.exports.jobs import CreateExport, ExportCreated
from models.exports.links import make_link
from models.exports.snapshot import open_snapshot
from models.exports.tables import Export
from models.exports.xlsx_file import write_xlsx
from models.identity.services.owners import caller_of
from models.kernel.files import scratch_folder
from models.notifications.service import request_email
from tasks.context import JobContext
from tasks.handlers import handles


@handles(CreateExport)
async def create_export(ctx: JobContext, args: CreateExport) -> ExportCreated:
    """The key is the same in every attempt, so that a later one replaces the file of one that was cut off."""
    async with ctx.database.transaction() as session:
        await exports.ensure_export(session, ctx.job, args)
    key = f"exports/{ctx.job.id}.{args.format}"
    with scratch_folder(ctx.settings.scratch_dir, str(ctx.job.id)) as folder:
        file = folder / f"export.{args.format}"
        rows = await _write(ctx, args, file)
        stored = await ctx.files.put(key, file)
    ctx.log("The file is stored.", rows=rows, bytes=stored.size)
    export = await exports.finish_export(
        ctx.session, ctx.actor, ctx.job.id, file_key=key, row_count=rows, size_bytes=stored.size
    )
    if args.notify_email is not None:
        await _announce(ctx, export, args.notify_email)
    return ExportCreated(export_id=export.id, row_count=rows, size_bytes=stored.size)


async def _announce(ctx: JobContext, export: Export, recipient: str) -> None:
    """A mail with a link, if and only if the export becomes ready."""
    link = make_link(ctx.settings, export.id, ctx.now())
    variables = {
        "resource": export.resource,
        "format": export.format,
        "row_count": export.row_count,
        "url": link.url,
        "expires_at": f"{link.until:%Y-%m-%d %H:%M} UTC",
    }
    await request_email(ctx.session, ctx.actor, "export_ready", recipient, variables)


async def _write(ctx: JobContext, args: CreateExport, file: Path) -> int:
    """What the owner reaches at this moment."""
    caller = await caller_of(ctx.database, ctx.actor)
    reach = caller.require_reach(args.exportable.scope)
    exportable = args.exportable.without(reach.hidden)
    if hidden := [column.name for column in args.exportable.columns if column.name in reach.hidden]:
        ctx.log("Columns that its owner does not see were left out.", columns=hidden)
    async with open_snapshot(ctx.database, exportable, args.filters, reach) as snapshot:
        ctx.log("Writing rows as they are now.", rows=snapshot.total)
        if args.format == "csv":
            return await write_csv(snapshot, file, ctx.progress, bom=args.bom)
        if ctx.settings.scratch_dir:
            # The sheet's writer keeps what it has written so far among the temporary files.
            os.environ["TMPDIR"] = ctx.settings.scratch_dir
        return await write_xlsx(snapshot, file, ctx.progress, exportable, locale=args.locale)
