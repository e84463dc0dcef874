"""Idempotency keys: the same key and body gets the first answer again; the work is done once.

Answers are kept encrypted: some of them show a secret, which is stored nowhere else.
"""

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.kernel.crypto import KeyRing
from models.kernel.errors import Conflict, Unprocessable
from models.kernel.session import Connection, fetch
from models.requests import queries


class Answer(msgspec.Struct, frozen=True):
    """As sent: status, headers and body."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


async def find_answer(session: AsyncSession, keys: KeyRing, caller: str, key: str, fingerprint: str) -> Answer | None:
    """The answer to replay, or None: then this transaction holds the key until it ends.

    Raises Conflict while a twin is in flight, Unprocessable when the key came with another request before.
    """
    if not (await fetch(session, queries.TRY_LOCK, caller, key))[0]["mine"]:
        raise Conflict("A request with this Idempotency-Key is still being worked on.")
    rows = await fetch(session, queries.FIND, caller, key)
    if not rows:
        return None
    if rows[0]["fingerprint"] != fingerprint:
        raise Unprocessable("This Idempotency-Key was used with another request.")
    headers = msgspec.msgpack.decode(rows[0]["headers"], type=list[tuple[bytes, bytes]])
    return Answer(rows[0]["status"], headers, keys.decrypt_bytes(rows[0]["body"]))


async def keep_answer(
    session: AsyncSession, keys: KeyRing, caller: str, key: str, fingerprint: str, answer: Answer
) -> None:
    """In the transaction of the work itself, so that a crash cannot part the two. Raises Conflict for a twin."""
    headers = msgspec.msgpack.encode(answer.headers)
    body = keys.encrypt_bytes(answer.body)
    kept = await fetch(session, queries.KEEP, caller, key, fingerprint, answer.status, headers, body)
    if not kept:
        raise Conflict("A request with this Idempotency-Key was answered meanwhile.")


async def forget_expired(on: Connection) -> int:
    return len(await fetch(on, queries.FORGET_EXPIRED))
