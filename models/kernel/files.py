"""The object store: a local folder by default (`file:…`), any S3 (`s3://bucket/prefix`) by configuration."""

import errno
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from models.kernel.errors import NotFound, Unavailable


class StoredFile(msgspec.Struct, frozen=True):
    size: int
    etag: str | None


class FileStore:
    """Files by key (`exports/0198….csv`). A file appears whole or not at all."""

    def __init__(self, url: str) -> None:
        if url.startswith("file:"):
            folder = Path(url.removeprefix("file:").replace("//", "/", 1) or ".").expanduser().resolve()
            self._store: Any = LocalStore(prefix=folder, mkdir=True)
        else:
            self._store = from_url(url)

    async def put(self, key: str, source: Path) -> StoredFile:
        """Store the content of a local file, streamed. Raises OSError when the disk is full."""
        try:
            await obstore.put_async(self._store, key, source)
            return await self.stat(key)
        except BaseError as error:
            raise _as_oserror(error) from error

    async def stat(self, key: str) -> StoredFile:
        """Raises NotFound."""
        try:
            meta = await obstore.head_async(self._store, key)
        except FileNotFoundError:
            raise NotFound("The file is no longer there.") from None
        return StoredFile(meta["size"], meta["e_tag"])

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`, in chunks. Raises NotFound."""
        try:
            result = await obstore.get_async(self._store, key, options={"range": (start, end)})
        except FileNotFoundError:
            raise NotFound("The file is no longer there.") from None
        except BaseError as error:
            raise Unavailable("The file store cannot be reached.") from error
        async for chunk in result.stream(min_chunk_size=256 * 1024):
            yield bytes(chunk)

    async def delete(self, key: str) -> None:
        """Removing what is not there is no error."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return


def _as_oserror(error: BaseError) -> Exception:
    if "No space left" in str(error) or "os error 28" in str(error):
        return OSError(errno.ENOSPC, "no space left in the file store")
    return Unavailable("The file store cannot be reached.")
