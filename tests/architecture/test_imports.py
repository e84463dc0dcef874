"""The import rules of pyproject.toml: that the tree keeps them, and that each one bites."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import REPOSITORY

PACKAGES = ("api", "tasks", "scheduler", "models", "cli")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the sources, to plant violations in."""
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def lint(tree: Path, contract: str | None = None) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--no-cache", "--no-logo", *(["--contract", contract] if contract else [])]
    env = {**os.environ, "PYTHONPATH": str(tree)}
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, check=False)


def test_the_tree_keeps_the_import_rules(tree: Path) -> None:
    answer = lint(tree)
    assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("contract", "module", "line"),
    [
        ("edges", "api/jobs/routes.py", "import tasks.handlers"),
        ("edges", "scheduler/broker.py", "from tasks.app import celery"),
        ("edges", "tasks/runtime.py", "import api.problems"),
        ("edges", "cli/platform.py", "import scheduler.dispatch"),
        ("edges", "models/jobs/service.py", "import tasks.context"),
        ("models", "models/jobs/service.py", "import celery"),
        ("models", "models/people/service.py", "from litestar import Request"),
        ("models", "models/webhooks/queries.py", "import aiohttp"),
        ("models", "models/webhooks/fan_out.py", "import resend"),
        ("api", "api/jobs/routes.py", "from celery import Celery"),
        ("api", "api/people/routes.py", "import stripe"),
        ("scheduler", "scheduler/dispatch.py", "import httpx"),
        ("rules", "models/finance/rules.py", "from sqlalchemy import select"),
        ("rules", "models/cycles/rules.py", "from models.kernel.session import Database"),
        ("contexts", "models/jobs/service.py", "import models.people.service"),
        ("contexts", "models/people/service.py", "import models.cycles.rules"),
        ("contexts", "models/people/service.py", "import models.courses.tables"),
        ("contexts", "models/kernel/crud.py", "import models.jobs.rules"),
    ],
)
def test_a_planted_violation_is_found(tree: Path, contract: str, module: str, line: str) -> None:
    path = tree / module
    path.write_text(f"{path.read_text()}\n{line}\n")
    answer = lint(tree, contract)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "BROKEN" in answer.stdout
    assert module.removesuffix(".py").replace("/", ".") in answer.stdout


def test_a_context_without_a_place_in_the_order_is_found(tree: Path) -> None:
    (tree / "models/gifts").mkdir()
    (tree / "models/gifts/__init__.py").touch()
    answer = lint(tree, "contexts")
    assert answer.returncode == 1
    assert "models.gifts" in answer.stdout
