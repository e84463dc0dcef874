"""Whether the scheduler of this machine works: it touches a file, and `python -m scheduler.heartbeat` looks at it.

For containers, where nothing listens that could be asked.
"""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

from models.kernel.settings import get_settings

STALE_SECONDS = 60.0


def path() -> Path:
    return Path(get_settings().scratch_dir or tempfile.gettempdir()) / f"bellwork-scheduler-{os.getuid()}.beat"


def beat() -> None:
    """A disk that is full or closed is no reason to stop working."""
    with contextlib.suppress(OSError):
        path().touch()


def age() -> float:
    """Seconds since the last beat. Raises FileNotFoundError when there was none."""
    return time.time() - path().stat().st_mtime


def main() -> None:
    try:
        seconds = age()
    except FileNotFoundError:
        sys.exit("the scheduler has not begun to work")
    if seconds > STALE_SECONDS:
        sys.exit(f"the scheduler has done nothing for {seconds:.0f} s")


if __name__ == "__main__":
    main()
