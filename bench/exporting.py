"""What the two figures of exports share: the rows, and a fresh process for every run, whose memory is seen whole."""

import asyncio
import multiprocessing
import resource
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from bench.harness import Run, Stage

Write = Callable[[str, Path], Awaitable[float]]


def in_a_process(stage: Stage, figure: str, who: str, write: Write, name: str) -> Run:
    """A run that writes the file in a process of its own, and notes the most memory that process ever had."""

    def run() -> float:
        folder = stage.platform.state_dir / "exports"
        folder.mkdir(exist_ok=True)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            rate, megabytes = pool.apply(_run, (write, stage.platform.database_url, folder / name))
        stage.note(figure, f"{who}: {megabytes:.0f} MB at most")
        return rate

    return run


def _run(write: Write, url: str, path: Path) -> tuple[float, float]:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        rate = runner.run(_awaited(write(url, path)))
    return rate, _peak_megabytes()


def _peak_megabytes() -> float:
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    # Not from getrusage, which on Linux begins with what the parent had.
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 2**10


async def _awaited(work: Awaitable[float]) -> float:
    return await work
