"""What the README tells a newcomer to type does what it says."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import tomllib
from pathlib import Path

import pytest

from cli.embedded.ports import choose_port
from cli.platform import LocalPlatform
from models.identity.bootstrap import ensure_admin
from tests.support.servers import REPOSITORY


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_the_tour_is_walked(web: LocalPlatform, clean: None) -> None:
    found = re.search(r"<!-- tour -->\n```sh\n(.*?)```", (REPOSITORY / "README.md").read_text(), re.S)
    assert found is not None
    admin = await ensure_admin(web.database_url)
    assert admin is not None
    own = {"API": f"{web.urls['api']}/api/v1", "PASSWORD": admin[1], "PORT": str(choose_port(None))}
    process = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", found[1], env={**os.environ, **own}, cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )  # fmt: skip
    try:
        said = (await asyncio.wait_for(process.communicate(), 90))[0].decode()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # with the receiver, should the tour have ended before it
    assert process.returncode == 0, said
    first, second = re.findall(r'^{"id":"[^"]+","name":"Noa Levi".*$', said, re.M)
    assert first == second
    assert '"code":"VALIDATION_ERROR"' in said
    assert '"status":"succeeded"' in said
    assert "event: end" in said
    assert re.search(r"^[0-9a-f-]{36},Noa Levi,", said, re.M), "the file"
    assert re.search(r'^1 customer.created {.*"Omer Cohen"', said, re.M), "the webhook"
    assert '"status":"delivered"' in said


def test_every_link_of_the_documents_leads_somewhere() -> None:
    documents = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md", *(REPOSITORY / "docs").glob("*.md")]
    for document in documents:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text()):
            assert (document.parent / Path(link)).exists(), f"{document.name}: {link}"


def test_the_changelog_names_the_version() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert f"\n## {version}" in (REPOSITORY / "CHANGELOG.md").read_text()
