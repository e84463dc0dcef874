"""Small disks: real ones, in a namespace where an ordinary user too may mount them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.servers import REPOSITORY

NAMESPACE = ["unshare", "--user", "--map-root-user", "--mount"]


def run_with_mounts(
    script: str, *args: Path, environment: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run Python code that may mount file systems nobody else sees; skips the test where nobody may."""
    if subprocess.run([*NAMESPACE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this system lets nobody mount a small disk")
    return subprocess.run(
        [*NAMESPACE, sys.executable, "-c", script, *args],
        cwd=REPOSITORY, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False,
    )  # fmt: skip
