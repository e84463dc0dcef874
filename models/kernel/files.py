"""The object store: a local folder by default (`file:…`), any S3 (`s3://bucket/prefix`) by configuration.

What an S3 needs besides is the URL's query, by the store's own names, or the usual `AWS_*` variables:
`s3://bucket/prefix?endpoint=https://minio.example&region=us-east-1&access_key_id=…&secret_access_key=…`.
"""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import msgspec
import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from models.kernel.errors import NotFound, Unavailable

READ_CHUNK_BYTES = 256 * 1024
PUT_CHUNK_BYTES = 8 * 1024 * 1024
PARALLEL_CHUNKS = 2
RETRIES = {"max_retries": 3, "retry_timeout": timedelta(seconds=30)}
FULL = {errno.ENOSPC, errno.EDQUOT}


class StoredFile(msgspec.Struct, frozen=True):
    size: int
    etag: str | None


class FileStore:
    """Files by key (`exports/0198….csv`). A file appears whole or not at all."""

    def __init__(self, url: str) -> None:
        """Raises ValueError for a URL that is no store's."""
        if url.startswith("file:"):
            folder = Path(url.removeprefix("file:").replace("//", "/", 1) or ".").expanduser().resolve()
            self._store: Any = LocalStore(prefix=folder, mkdir=True)
        else:
            self._store = _remote(url)

    async def put(self, key: str, source: Path) -> StoredFile:
        """Store the content of a local file, streamed, in place of what was there.

        Raises OSError when the disk is full, Unavailable when the store cannot be reached.
        """
        with _translated():
            await obstore.put_async(
                self._store, key, source, chunk_size=PUT_CHUNK_BYTES, max_concurrency=PARALLEL_CHUNKS
            )
        return await self.stat(key)

    async def stat(self, key: str) -> StoredFile:
        """Raises NotFound."""
        with _translated():
            meta = await obstore.head_async(self._store, key)
        return StoredFile(meta["size"], meta["e_tag"])

    async def read(self, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`, in chunks. Raises NotFound."""
        if start >= end:
            return
        with _translated():
            result = await obstore.get_async(self._store, key, options={"range": (start, end)})
            async for chunk in result.stream(min_chunk_size=READ_CHUNK_BYTES):
                yield bytes(chunk)

    async def delete(self, key: str) -> None:
        """Removing what is not there is no error."""
        try:
            with _translated():
                await obstore.delete_async(self._store, key)
        except NotFound:
            return


@contextmanager
def scratch_folder(parent: str, name: str) -> Iterator[Path]:
    """A folder for one attempt, gone at its end; what a killed one of the same name has left is removed first.

    Under the system's temporary folder when `parent` is empty. Raises Unavailable when there can be none.
    """
    base, prefix = Path(parent or tempfile.gettempdir()), f"bellwork-{name}-"
    try:
        base.mkdir(parents=True, exist_ok=True)
        for leftover in base.glob(f"{prefix}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        folder = tempfile.TemporaryDirectory(prefix=prefix, dir=base)
    except OSError as error:
        if error.errno in FULL:
            raise
        raise Unavailable(f"The folder for files in the making cannot be used ({error.strerror}).") from error
    with folder as path:
        yield Path(path)


@contextmanager
def translate_full_disk() -> Iterator[None]:
    """Libraries that only say `os error 28` in their message: that becomes the OSError it was."""
    try:
        yield
    except Exception as error:
        found = re.search(r"os error (\d+)", str(error))
        if found and int(found[1]) in FULL:
            raise OSError(int(found[1]), os.strerror(int(found[1]))) from error
        raise


@contextmanager
def _translated() -> Iterator[None]:
    try:
        with translate_full_disk():
            yield
    except FileNotFoundError:
        raise NotFound("The file is no longer there.") from None
    except BaseError as error:
        raise Unavailable("The file store cannot be reached.") from error


def _remote(url: str) -> Any:
    parts = urlsplit(url)
    config: dict[str, Any] = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    plain = str(config.get("endpoint", "")).startswith("http:")
    return from_url(
        urlunsplit(parts._replace(query="")),
        config=config,
        client_options={"allow_http": plain, "connect_timeout": timedelta(seconds=5)},
        retry_config=RETRIES,
    )  # type: ignore[call-overload]
