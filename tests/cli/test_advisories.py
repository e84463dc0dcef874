"""The audit of dependencies: vulnerabilities fail, silence of the source does not, and neither hides the other."""

import json
import subprocess
import sys
from typing import Any

import pytest

from cli.advisories import judge
from tests.support.servers import REPOSITORY

FINE = {"name": "litestar", "version": "2.25.0", "vulns": []}
BAD = {"name": "jinja2", "version": "2.10", "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"]}]}
UNKNOWN = {"name": "msgspec", "skip_reason": "Dependency not found on PyPI"}


def told(*dependencies: dict[str, Any]) -> str:
    return json.dumps({"dependencies": dependencies, "fixes": []})


@pytest.mark.parametrize("answer", [None, "", "Traceback …", "[]", told(), told(UNKNOWN, UNKNOWN)])
def test_who_could_not_look_says_so_and_does_not_fail(answer: str | None) -> None:
    assert judge(answer) == ([], "dependencies were not audited: the advisories cannot be reached from here")


def test_what_is_known_to_be_bad_is_named() -> None:
    faults, note = judge(told(FINE, BAD))
    assert faults == ["jinja2 2.10: PYSEC-2019-217, fixed in 2.10.1"]
    assert note == "2 dependencies audited, 1 vulnerabilities known"


def test_what_could_not_be_looked_up_is_counted() -> None:
    assert judge(told(FINE, UNKNOWN)) == (
        [],
        "1 dependencies audited, 0 vulnerabilities known; 1 could not be looked up",
    )


def test_without_a_network_it_takes_one_line_and_passes() -> None:
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:1", "HTTP_PROXY": "http://127.0.0.1:1", "HOME": "/nonexistent"}
    done = subprocess.run(
        [sys.executable, "-m", "cli.advisories", "requirements.lock"],
        cwd=REPOSITORY, env=nowhere, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1), done.stdout + done.stderr
