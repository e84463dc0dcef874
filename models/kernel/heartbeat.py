"""Whether a process of this machine works: it touches a file now and then, and a health check looks how long ago."""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from models.kernel.settings import SettingsError, get_settings


def path(name: str) -> Path:
    return Path(get_settings().scratch_dir or tempfile.gettempdir()) / f"bellwork-{name}-{os.getuid()}.beat"


def beat(name: str) -> None:
    """A disk that is full or closed is no reason to stop working."""
    with contextlib.suppress(OSError):
        path(name).touch()


def check(name: str, stale_seconds: float) -> None:
    """Ends the process with a complaint when the last beat is longer ago, or there was none, or no settings say where
    to look."""
    try:
        seconds = time.time() - path(name).stat().st_mtime
    except SettingsError as error:
        sys.exit(f"the settings are at fault:\n{error}")
    except FileNotFoundError:
        sys.exit(f"{name} has not begun to work")
    if seconds > stale_seconds:
        sys.exit(f"{name} has done nothing for {seconds:.0f} s")
