"""Rules that a machine checks in the sources, and that each of them finds what it is for."""

from pathlib import Path

import pytest

from tests.architecture.sources import Rule, broker_sends, commits, modules, sql_elsewhere, violations


@pytest.mark.parametrize("rule", [commits, sql_elsewhere, broker_sends])
def test_the_tree_keeps_the_rule(rule: Rule) -> None:
    assert violations(rule) == []
    assert len(list(modules())) > 100


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (commits, "models/people/service.py", "async def f(session):\n    await session.commit()\n"),
        (commits, "tasks/runtime.py", "async def f(self):\n    await self.context.session.commit()\n"),
        (sql_elsewhere, "models/people/service.py", "from sqlalchemy import select\n"),
        (sql_elsewhere, "api/health/routes.py", "check = database.fetch('SELECT 1')\n"),
        (sql_elsewhere, "models/jobs/lifecycle.py", 'CLAIM = """\n  UPDATE jobs SET status = 1\n"""\n'),
        (sql_elsewhere, "tasks/exports.py", "SQL = f'COPY ({query}) TO STDOUT'\n"),
        (sql_elsewhere, "models/kernel/errors.py", "from sqlalchemy import text\n"),
        (broker_sends, "api/jobs/routes.py", "perform.delay(1)\n"),
        (broker_sends, "tasks/webhooks.py", "celery.send_task('webhooks.deliver')\n"),
        (broker_sends, "models/jobs/service.py", "task.apply_async(countdown=3)\n"),
        (broker_sends, "tasks/app.py", "from kombu import Connection\n"),
        (broker_sends, "tasks/app.py", "import kombu.pools\n"),
    ],
)
def test_a_planted_violation_is_found(rule: Rule, path: str, source: str) -> None:
    assert list(rule(Path(path), source))


@pytest.mark.parametrize(
    ("rule", "path", "source"),
    [
        (commits, "models/kernel/session.py", "async def f(session):\n    await session.commit()\n"),
        (commits, "api/jobs/following.py", "async def f(unit):\n    await unit.commit()\n"),
        (sql_elsewhere, "models/people/queries.py", "from sqlalchemy import select\nSQL = 'SELECT 1'\n"),
        (sql_elsewhere, "api/jobs/routes.py", '"""Select what to do."""\nTEXT = "Selected jobs"\n'),
        (broker_sends, "scheduler/broker.py", "import kombu\nproducer.publish(body)\n"),
    ],
)
def test_what_is_allowed_is_left_alone(rule: Rule, path: str, source: str) -> None:
    assert list(rule(Path(path), source)) == []
