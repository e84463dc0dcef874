"""A lock that ends with its holder, however that holder ends."""

import fcntl
import json
import os
from pathlib import Path
from typing import Any


class LockTakenError(Exception):
    """Another process holds the lock; `note` is what it wrote there."""

    def __init__(self, path: Path, note: dict[str, Any]) -> None:
        super().__init__(f"{path} is held by process {note.get('pid', 'unknown')}")
        self.path = path
        self.note = note


class FileLock:
    """An exclusive lock on a file. The kernel drops it when the process dies; the file stays.

    The file holds a JSON note of its holder (at least `pid`), readable by the owner only.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self, note: dict[str, Any] | None = None) -> None:
        """Raises LockTakenError when another process, or another lock object of this one, holds it."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            raise LockTakenError(self.path, read_note(self.path)) from None
        self._descriptor = descriptor
        self.write_note(note or {})

    def write_note(self, note: dict[str, Any]) -> None:
        assert self._descriptor is not None, "the lock is not held"
        content = json.dumps({"pid": os.getpid(), **note}).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, content, 0)

    def release(self) -> None:
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None


def read_note(path: Path) -> dict[str, Any]:
    try:
        note = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def is_locked(path: Path) -> bool:
    """Whether some process holds the lock at this moment."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
