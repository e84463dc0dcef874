"""Where Python processes spend their time: stacks by py-spy, one file per process, beside the other output."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

PYTHONS = ("web", "scheduler", "worker", "worker-bulk", "peer-web", "peer-worker")


@contextmanager
def profiled(pids: Mapping[str, int], folder: Path, *, wanted: bool) -> Iterator[None]:
    """Write `folder/<process>.txt`, a line per stack and how often it was seen (for flame graphs, or to sort)."""
    program = shutil.which("py-spy", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin") if wanted else None
    if wanted and program is None:
        print("py-spy is not installed: CPU time by process only", file=sys.stderr)
    watchers = []
    if program is not None:
        folder.mkdir(parents=True, exist_ok=True)
        watchers = [_watch(program, pid, folder / name) for name, pid in pids.items() if name in PYTHONS]
    try:
        yield
    finally:
        for watcher in watchers:
            watcher.send_signal(signal.SIGINT)  # py-spy writes its file then
        for watcher in watchers:
            watcher.wait(30)


def _watch(program: str, pid: int, path: Path) -> "subprocess.Popen[bytes]":
    command = [program, "record", "--subprocesses", "--rate", "50", "--format", "raw", "--pid", str(pid)]
    with path.with_suffix(".log").open("wb") as log:
        return subprocess.Popen([*command, "--output", str(path.with_suffix(".txt"))], stdout=log, stderr=log)
