"""`python -m tests.chaos`: jobs of every sort while everything around them is killed, paused, stopped and emptied.

They are submitted with a key and without, alone, in batches and by schedules; some are cancelled, some waited for.
Ends with a table of promises, writes chaos-output/report.json, and fails when one of the promises was broken.
"""

import argparse
import asyncio
import shutil
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from cli.embedded.server import ServerError
from cli.platform import PlatformError
from cli.processes import ProcessError
from cli.state import remove_state
from tests.chaos.faults import Fault
from tests.chaos.plan import Plan
from tests.chaos.stage import ROOT
from tests.chaos.suite import run
from tests.chaos.verdict import Promise, Report, promises_of, report_of


def main() -> None:
    plan, output = _arguments()
    console = Console(stderr=True)
    state = output / "servers"
    remove_state(state)
    output.mkdir(parents=True, exist_ok=True)
    try:
        with console.status("starting") as status:
            seen = asyncio.run(run(plan, state, status.update, lambda fault: console.print(_line(fault))))
    except (PlatformError, ServerError, ProcessError) as error:
        sys.exit(str(error))
    finally:
        _keep_logs(state, output / "log")
    report = report_of(plan.works(), seen)
    promises = promises_of(plan.works(), seen, report)
    (output / "report.json").write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n")
    _show(plan, report, promises)
    sys.exit(0 if all(promise.kept for promise in promises) else 1)


def _arguments() -> tuple[Plan, Path]:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--jobs", type=int, default=20_000, help="how many to submit (default 20000)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it should take (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="of the jobs and of the order of the faults (default 1)")
    parser.add_argument("--output", type=Path, default=ROOT / "chaos-output", help="folder (default chaos-output)")
    given = parser.parse_args()
    return Plan(jobs=given.jobs, minutes=given.minutes, seed=given.seed), given.output.absolute()


def _keep_logs(state: Path, logs: Path) -> None:
    shutil.rmtree(logs, ignore_errors=True)
    if (state / "log").is_dir():
        shutil.copytree(state / "log", logs)
    remove_state(state)


def _show(plan: Plan, report: Report, promises: Sequence[Promise]) -> None:
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(_faults(report.faults))
    table = Table(title=f"{report.accepted:,} of {plan.jobs:,} jobs accepted, {report.ended:,} ended; seed {plan.seed}")
    table.add_column("promise")
    for heading in ("found", "promised"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for promise in promises:
        table.add_row(promise.words, promise.figure, promise.limit, "kept" if promise.kept else "[bold red]BROKEN")
    console.print(table)
    for promise in promises:
        if not promise.kept:
            console.print(f"{promise.words}: {list(promise.examples)}", highlight=False, markup=False)


def _faults(faults: Sequence[Fault]) -> Table:
    table = Table(title=f"{len(faults)} faults")
    for heading in ("at", "for", "fault", "target"):
        table.add_column(heading, justify="left" if heading in ("fault", "target") else "right", no_wrap=True)
    start: datetime = faults[0].started_at
    for fault in faults:
        seconds = (fault.ended_at - fault.started_at).total_seconds()
        at = (fault.started_at - start).total_seconds()
        table.add_row(f"{at:.1f} s", f"{seconds:.1f} s" if seconds else "", fault.kind, fault.target)
    return table


def _line(fault: Fault) -> str:
    seconds = (fault.ended_at - fault.started_at).total_seconds()
    return f"{fault.started_at:%H:%M:%S} {fault.kind} {fault.target}" + (f" for {seconds:.1f} s" if seconds else "")


if __name__ == "__main__":
    main()
