"""What a container asks to know whether its scheduler, or its worker, works."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from cli.platform import LocalPlatform
from models.kernel.session import Database
from models.kernel.settings import Settings
from tasks.heartbeat import Heartbeat
from tests.support.client import eventually
from tests.support.servers import REPOSITORY


@pytest.fixture
def environment(platform: LocalPlatform, tmp_path: Path) -> dict[str, str]:
    """A scheduler's, with a folder that it shares with no other."""
    return {**platform.env, "BELLWORK_SCRATCH_DIR": str(tmp_path)}


@pytest.fixture
async def scheduler(environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await _start("scheduler", environment)
    yield process
    process.terminate()
    assert await process.wait() == 0


async def test_a_working_scheduler_is_healthy(
    scheduler: asyncio.subprocess.Process, environment: dict[str, str]
) -> None:
    async def healthy() -> bool:
        return await _check(environment) == ""

    await eventually(healthy)


async def test_one_that_has_not_begun_or_no_longer_works_is_not(environment: dict[str, str], tmp_path: Path) -> None:
    assert "has not begun" in await _check(environment)
    beat = tmp_path / f"bellwork-scheduler-{os.getuid()}.beat"
    beat.touch()
    assert await _check(environment) == ""
    os.utime(beat, (0, 0))
    assert "has done nothing for" in await _check(environment)


async def test_a_worker_that_takes_what_the_broker_has_is_healthy(
    environment: dict[str, str],
    settings: Settings,
    quiet_database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = settings.model_copy(update={"scratch_dir": str(tmp_path)})
    monkeypatch.setattr("models.kernel.heartbeat.get_settings", lambda: here)
    monkeypatch.setattr(Heartbeat, "node", "default@here")
    await Heartbeat().show(quiet_database, ["default"])
    assert await _check(environment, "tasks.heartbeat", "default@here") == ""


async def test_one_that_has_taken_nothing_for_long_is_not(environment: dict[str, str], tmp_path: Path) -> None:
    assert "has not begun" in await _check(environment, "tasks.heartbeat", "default@here")
    beat = tmp_path / f"bellwork-default@here-{os.getuid()}.beat"
    beat.touch()
    assert await _check(environment, "tasks.heartbeat", "default@here") == ""
    os.utime(beat, (0, 0))
    assert "has done nothing for" in await _check(environment, "tasks.heartbeat", "default@here")


async def test_a_check_that_does_not_know_where_to_look_says_so() -> None:
    complaint = await _check({"PATH": os.environ["PATH"]}, "tasks.heartbeat", "default@here")
    assert complaint.startswith("the settings are at fault:\nBELLWORK_")


async def _check(environment: Mapping[str, str], module: str = "scheduler.heartbeat", *arguments: str) -> str:
    """What it complains about; nothing when all is well."""
    process = await _start(module, environment, *arguments)
    _, complaint = await process.communicate()
    assert (process.returncode != 0) == bool(complaint), complaint
    return complaint.decode()


async def _start(module: str, environment: Mapping[str, str], *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *arguments, env=environment, cwd=REPOSITORY,
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
