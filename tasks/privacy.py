"""What is held of people, and of secrets."""

import asyncio
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import msgspec

from models.exports import service as exports
from models.exports.snapshot import READ_ONLY_SNAPSHOT
from models.kernel.errors import NotFound
from models.kernel.files import scratch_folder
from models.kernel.origin import Origin, acting, current_origin
from models.privacy import erasing
from models.privacy.files import Finder, file_holds, finder_of
from models.privacy.giving import own_files, rows_by_table
from models.privacy.jobs import (
    ColumnResealed,
    DataExported,
    Erase,
    ExportData,
    KeysRotated,
    PersonErased,
    RotateKeys,
)
from models.privacy.persons import Person, find_person
from models.privacy.sealed_queries import sealed_columns
from models.privacy.sealing import count_sealed, reseal_some
from tasks.context import JobContext
from tasks.handlers import handles

RESEALED_AT_ONCE = 200


class RotationState(msgspec.Struct):
    """How many values were sealed anew, by `table.column`."""

    resealed: dict[str, int]


@handles(RotateKeys)
async def rotate_keys(ctx: JobContext, args: RotateKeys) -> KeysRotated:
    """What an earlier attempt has sealed anew is no longer found."""
    done = (ctx.resume(RotationState) or RotationState({})).resealed
    for sealed in sealed_columns():
        name = f"{sealed.table}.{sealed.column}"
        while count := await reseal_some(ctx.session, ctx.keys, sealed, RESEALED_AT_ONCE):
            done[name] = done.get(name, 0) + count
            await ctx.checkpoint(RotationState(done))
            ctx.progress(sum(done.values()), None, name)
    newest = ctx.keys.names[:1]
    return KeysRotated(
        columns=[
            ColumnResealed(
                table=each.table, column=each.column, resealed=done.get(f"{each.table}.{each.column}", 0),
                left=each.besides(newest),
            )
            for each in await count_sealed(ctx.session)
        ]
    )  # fmt: skip


@handles(ExportData)
async def export_data(ctx: JobContext, args: ExportData) -> DataExported:
    """The key is the same in every attempt, so that a later one replaces the file of one that was cut off."""
    key = f"exports/{ctx.job.id}.zip"
    with scratch_folder(ctx.settings.scratch_dir, str(ctx.job.id)) as folder:
        file = folder / "export.zip"
        rows = await _write_zip(ctx, args, file)
        stored = await ctx.files.put(key, file)
    export = await exports.finish_export(
        ctx.session, ctx.actor, ctx.job.id, file_key=key, row_count=rows, size_bytes=stored.size
    )
    return DataExported(export_id=export.id, size_bytes=stored.size)


async def _write_zip(ctx: JobContext, args: ExportData, file: Path) -> int:
    """One moment's rows, a file for each table that has some; and the files they had made, as they are."""
    async with ctx.database.transaction() as session:
        await session.connection(execution_options=READ_ONLY_SNAPSHOT)
        person = await find_person(session, args.person, args.id)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            total = 0
            for table, rows in rows_by_table(session, person):
                total += await _write_rows(archive, f"{table}.json", rows)
                ctx.progress(total, None, table)
            files = await own_files(session, person)
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        for each in files:
            await _copy_file(ctx, archive, each["file_key"], f"files/{each['resource']}-{each['id']}.{each['format']}")
    return total


async def _write_rows(archive: zipfile.ZipFile, name: str, rows: AsyncIterator[str]) -> int:
    count = 0
    first = await anext(rows, None)
    if first is None:
        return 0
    with archive.open(name, "w") as entry:
        entry.write(b"[" + first.encode())
        async for row in rows:
            entry.write(b",\n" + row.encode())
            count += 1
        entry.write(b"]\n")
    return count + 1


async def _copy_file(ctx: JobContext, archive: zipfile.ZipFile, key: str, name: str) -> None:
    try:
        size = (await ctx.files.stat(key)).size
    except NotFound:
        return
    with archive.open(name, "w", force_zip64=True) as entry:
        async for chunk in ctx.files.read(key, 0, size):
            entry.write(chunk)


class ErasureState(msgspec.Struct):
    """What is done of it; nothing that names anybody."""

    rows: int = 0
    files: int = 0
    answers_after: tuple[str, str] | None = ("", "")
    file_after: UUID = UUID(int=0)
    files_done: bool = False


@handles(Erase)
async def erase(ctx: JobContext, args: Erase) -> PersonErased:
    state = ctx.resume(ErasureState) or ErasureState()
    origin = current_origin() or Origin(ctx.job.owner)
    with acting(msgspec.structs.replace(origin, erasing=True)):
        person = await erasing.shut_out(ctx.session, args.person, args.id)
        await ctx.checkpoint(state)
        async for rows in erasing.sweep(ctx.session, args.person, args.id, person):
            state.rows += rows
            await ctx.checkpoint(state)
            ctx.progress(state.rows, None, "rows")
        holds = finder_of(person)
        await _forget_answers(ctx, state, holds)
        await _forget_files(ctx, state, holds)
        return await _end(ctx, args, person, state)


async def _end(ctx: JobContext, args: Erase, person: Person, state: ErasureState) -> PersonErased:
    """In one transaction with the job's end: their own rows, and what was written about them meanwhile."""
    erased = await erasing.erase_names(ctx.session, person)
    async for rows in erasing.sweep(ctx.session, args.person, args.id, person):
        state.rows += rows
    if erased:
        await erasing.tell_of_it(ctx.session, ctx.actor, args.person, args.id)
    return PersonErased(rows=state.rows + erased, files=state.files)


async def _forget_answers(ctx: JobContext, state: ErasureState, holds: Finder) -> None:
    while state.answers_after is not None:
        state.answers_after = await erasing.forget_answers(ctx.session, ctx.keys, state.answers_after, holds)
        await ctx.checkpoint(state)


async def _forget_files(ctx: JobContext, state: ErasureState, holds: Finder) -> None:
    """The files go first: a row without its file can be found again, a file without its row cannot."""
    while files := await erasing.list_files(ctx.session, state.file_after):
        await ctx.checkpoint(state)
        for id_, key in files:
            if await _file_holds(ctx, key, holds):
                await ctx.files.delete(key)
                await erasing.forget_file(ctx.session, id_)
                state.files += 1
            state.file_after = id_
            await ctx.checkpoint(state)


async def _file_holds(ctx: JobContext, key: str, holds: Finder) -> bool:
    with scratch_folder(ctx.settings.scratch_dir, f"{ctx.job.id}-search") as folder:
        local = folder / "file"
        try:
            size = (await ctx.files.stat(key)).size
            with local.open("wb") as copy:
                async for chunk in ctx.files.read(key, 0, size):
                    copy.write(chunk)
        except NotFound:
            return False
        return await asyncio.to_thread(file_holds, local, holds)
