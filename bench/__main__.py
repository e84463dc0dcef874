"""`python -m bench [name …]`: measure ours beside a peer and a limit, print one table, write bench-output/."""

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from bench.harness import ROOT, Figure, machine, measure, stage
from bench.results import Measured, Taken, lines_of, table_of
from cli.embedded.server import ServerError
from cli.platform import PlatformError
from cli.processes import ProcessError

NAMES = (
    "submit_durable_job",
    "submit_under_1000_clients",
    "read_job_status",
    "noop_end_to_end",
    "noop_batchable",
    "idle_latency_ms",
    "waiting_clients",
    "polls_per_job",
    "fairness",
    "growth",
    "memory",
    "ten_million",
    "export_csv",
    "export_xlsx",
    "generate_meetings",
    "recalculate",
    "audit_bulk_update",
)
TABLE_WIDTH = 110  # also where nobody looks, in a file


def main() -> None:
    given = _arguments()
    console = Console(stderr=True)
    try:
        with (
            console.status("starting PostgreSQL and Valkey") as status,
            stage(given.output, status.update, scale=given.scale, profile=given.profile) as ready,
        ):
            described = {**machine(ready), "scale": given.scale}
            measured, taken = [], {}
            for figure in map(_load, given.names or NAMES):
                progress = _Progress(status, figure.name, given.runs)
                result, taken[figure.name] = measure(figure, ready, given.runs, progress)
                measured.append(result)
                console.print("\n".join(lines_of(result)), highlight=False, soft_wrap=True)
                _write(given.output, described, measured, taken)
    except (PlatformError, ServerError, ProcessError) as error:
        sys.exit(str(error))
    console = Console(width=max(Console().width, TABLE_WIDTH))
    console.print(table_of(measured, [_legend(figure) for figure in map(_load, taken) if figure.peer]))
    console.print(f"Written to {os.path.relpath(given.output / 'results.json')}", highlight=False)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of {', '.join(NAMES)} (default: all)")
    parser.add_argument("--runs", type=int, default=3, help="counted runs of each contender (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="of the sizes: 0.01 is a hundredth (default 1)")
    parser.add_argument("--profile", action="store_true", help="where CPU time goes, by py-spy, if it is installed")
    parser.add_argument("--output", type=Path, default=ROOT / "bench-output", help="a folder (default bench-output)")
    given = parser.parse_args()
    if unknown := set(given.names) - set(NAMES):
        parser.error(f"there is no figure {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    return given


def _load(name: str) -> Figure:
    figure: Figure = importlib.import_module(f"bench.{name}").FIGURE
    return figure


class _Progress:
    def __init__(self, status: Any, figure: str, runs: int) -> None:
        self._status, self._figure, self._runs = status, figure, runs

    def __call__(self, contender: str, number: int) -> None:
        which = f"run {number} of {self._runs}" if number else "warming up"
        self._status.update(f"{self._figure}: {contender}, {which}")


def _write(output: Path, machine: dict[str, Any], measured: list[Measured], taken: dict[str, Taken]) -> None:
    _store(output / "results.json", {"machine": machine, "figures": measured})
    runs = {name: {"runs": each.values, "details": each.details} for name, each in taken.items()}
    _store(output / "runs.json", runs)


def _store(path: Path, content: Any) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n")


def _legend(figure: Figure) -> str:
    beside = {"peer": figure.peer, "limit": figure.limit}
    return f"{figure.name}: {'; '.join(f'{word} {what}' for word, what in beside.items() if what)}"


if __name__ == "__main__":
    main()
