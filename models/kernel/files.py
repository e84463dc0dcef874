"""The object store: a local folder by default (`file:…`), any S3 (`s3://bucket/prefix`) by configuration.

What an S3 needs besides is the URL's query, by the store's own names, or the usual `AWS_*` variables:
`s3://bucket/prefix?endpoint=https://minio.example&region=us-east-1&access_key_id=…&secret_access_key=…`
(values percent-encoded). An `http:` endpoint is spoken to without TLS.
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

from models.kernel.errors import DomainError, NotFound, Unavailable

READ_CHUNK_BYTES = 1024 * 1024
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
        with _translated(absent=Unavailable("The file store is not there.")):
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
        """The bytes from `start` up to, not including, `end`, in chunks. Raises NotFound.

        Each chunk is a request of its own: one for the whole file would time out while a slow reader takes it.
        """
        for position in range(start, end, READ_CHUNK_BYTES):
            with _translated():
                chunk = await obstore.get_range_async(
                    self._store, key, start=position, end=min(position + READ_CHUNK_BYTES, end)
                )
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
        with translate_full_disk():
            base.mkdir(parents=True, exist_ok=True)
            for leftover in base.glob(f"{prefix}*"):
                shutil.rmtree(leftover, ignore_errors=True)
            folder = tempfile.TemporaryDirectory(prefix=prefix, dir=base)
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise
        raise Unavailable(f"The folder for files in the making cannot be used ({error.strerror}).") from error
    with folder as path:
        yield Path(path)


@contextmanager
def translate_full_disk() -> Iterator[None]:
    """Whatever says that a disk or a quota is full, a library's `os error 28` too, becomes OSError(ENOSPC)."""
    try:
        yield
    except Exception as error:
        said = re.search(r"(?:os error|code:) (\d+)", str(error))
        number = error.errno if isinstance(error, OSError) and error.errno else int(said[1]) if said else None
        if number in FULL:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


@contextmanager
def _translated(absent: DomainError | None = None) -> Iterator[None]:
    try:
        with translate_full_disk():
            yield
    except FileNotFoundError:
        raise (absent or NotFound("The file is no longer there.")) from None
    except BaseError as error:
        raise Unavailable("The file store cannot be reached.") from error


def _remote(url: str) -> Any:
    parts = urlsplit(url)
    try:
        config = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        plain = config.get("endpoint", "").startswith("http:")
        return from_url(  # type: ignore[call-overload]
            urlunsplit(parts._replace(query="")),
            config=config,
            client_options={"allow_http": plain, "connect_timeout": timedelta(seconds=5)},
            retry_config=RETRIES,
        )
    except (ValueError, BaseError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"BELLWORK_FILES_URL is not the URL of a file store: {reason}") from error
