"""What is held of people, and of secrets."""

import msgspec

from models.privacy.jobs import ColumnResealed, KeysRotated, RotateKeys
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
