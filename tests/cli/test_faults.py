"""What is wrong with the database or the settings ends a command in a sentence, with exit code 1."""

import pytest

from cli.platform import LocalPlatform
from tests.cli.conftest import Bellwork
from tests.cli.test_jobs import NOWHERE

COMMANDS = [
    "jobs list", f"jobs show {NOWHERE}", f"jobs watch {NOWHERE}", f"jobs logs {NOWHERE}", f"jobs explain {NOWHERE}",
    f"jobs cancel {NOWHERE}", f"jobs retry {NOWHERE}", f"jobs move {NOWHERE} --now", "jobs redrive",
    "jobs cancel --kind probe.echo", "queues", "schedules", "kinds", "kinds pause jobs.redrive", "keys status",
    "migrate", "create-admin a@example.com",
]  # fmt: skip


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize("words", COMMANDS)
async def test_postgresql_being_away(bellwork: Bellwork, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setenv("BELLWORK_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/none")
    monkeypatch.delenv("BELLWORK_DATABASE_OWNER_URL", raising=False)
    output = await bellwork(*words.split(), code=1)
    assert output.startswith("bellwork: PostgreSQL cannot be reached (")
    assert (len(output.splitlines()), "secret" in output) == (1, False)


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("name", "password", "told"),
    [
        ("none_such", None, 'PostgreSQL refused: database "none_such" does not exist.'),
        (None, "wrong", "PostgreSQL refused: password authentication failed"),
        ("postgres", None, 'the tables are not of this version (relation "jobs" does not exist): bellwork migrate'),
    ],
)
async def test_a_database_that_is_not_the_one(
    platform: LocalPlatform, bellwork: Bellwork, monkeypatch: pytest.MonkeyPatch,
    name: str | None, password: str | None, told: str,
) -> None:  # fmt: skip
    server, _, own = platform.owner_url.rpartition("/")
    login, _, host = server.rpartition("@")
    user, _, known = login.rpartition(":")
    monkeypatch.setenv("BELLWORK_DATABASE_URL", f"{user}:{password or known}@{host}/{name or own}")
    output = await bellwork("jobs", "list", code=1)
    assert output.startswith(f"bellwork: {told}")
    assert len(output.splitlines()) == 1


@pytest.mark.usefixtures("client")
async def test_a_missing_setting(bellwork: Bellwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BELLWORK_SECRET_KEY")
    monkeypatch.setattr("cli.database.adopt_settings", lambda root: None)
    output = await bellwork("jobs", "list", code=1)
    assert output.startswith("bellwork: BELLWORK_SECRET_KEY: is missing; set it in the environment")
