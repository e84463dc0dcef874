"""The short form of the chaos suite: all faults at least once, with short leases, pauses and outages."""

import os
import subprocess
import sys

import msgspec
import pytest

from tests.chaos.verdict import Report
from tests.support.servers import REPOSITORY, server_folder

SECONDS = 170


@pytest.mark.timeout(SECONDS + 20)
def test_nothing_accepted_is_lost_or_done_twice_whatever_dies() -> None:
    """In a process of its own, with servers of its own: it kills what it uses."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("BELLWORK_")}
    with server_folder() as folder:
        command = [sys.executable, "-m", "tests.chaos", "--jobs", "400", "--minutes", "1.5", "--seed", "20"]
        answer = subprocess.run(
            [*command, "--output", str(folder)],
            cwd=REPOSITORY,
            env=env,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr
        report = msgspec.json.decode((folder / "report.json").read_bytes(), type=Report)
    assert report.accepted == report.ended == 400
    assert (report.lost, report.doubled_submits, report.doubled_effects, report.unkeyed_repeats) == (0, 0, 0, 0)
    assert report.keyless > 0
