"""The demo from the first light to the closing table."""

import asyncio
import importlib
import json
import os
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

from cli.demo.acts import exports, failures, meetings, money, school, webhooks
from cli.demo.client import Api, time_limit
from cli.demo.dataset import build_school
from cli.demo.inbox import Inbox
from cli.demo.ledger import VAT
from cli.demo.scene import Scene
from cli.demo.stage import DemoError, Stage, mark
from cli.environment import STATE_FOLDER, running_platform
from cli.platform import LocalPlatform
from cli.screen import Screen, say
from cli.state import DEMO_FOLDER, remove_state

OUTPUT = "demo-output"
LONGEST_SECONDS = 420.0
ACTS: tuple[tuple[str, str, ModuleType], ...] = (
    ("a", "A school is created through the API", school),
    ("b", "One job generates the meetings of all cycles", meetings),
    ("c", "Meetings are completed, the money is recalculated", money),
    ("d", "A receiver gets every event as a signed webhook", webhooks),
    ("e", "The meetings are exported to CSV and XLSX", exports),
    ("f", "A worker is killed, the broker loses everything", failures),
)

# Short leases and waits, so that what takes a quarter of a minute in earnest can be watched.
SETTINGS = {
    "BELLWORK_ENV": "development",
    "BELLWORK_API_PORT": "0",
    "BELLWORK_FLOWER_PORT": "0",
    "BELLWORK_JOB_LEASE_SECONDS": "5",
    "BELLWORK_JOB_REDELIVER_SECONDS": "3",
    "BELLWORK_WEBHOOK_RETRY_SECONDS": "0.5,1,1,2,2,3,3,5,5,10",
    "BELLWORK_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
    "BELLWORK_WEBHOOK_ALLOW_HTTP": "true",
    "BELLWORK_RATE_LIMIT_GENERAL": "1000000",
    "BELLWORK_BROKER_URL": "",
    "BELLWORK_RESEND_API_KEY": "",
    "BELLWORK_VAT_RATES": json.dumps({country: str(rate) for country, rate in VAT.items()}),
}


def play(root: Path, console: Screen) -> None:
    """Raises DemoError when anything is not as it should be, and what `LocalPlatform.start` raises."""
    stage, output, state_dir = Stage(console), root / OUTPUT, root / STATE_FOLDER / DEMO_FOLDER
    _prepare(output, state_dir)
    platform = LocalPlatform(root, state_dir=state_dir, settings=SETTINGS, fsync=True, on_progress=stage.tell)
    try:
        with platform:
            console.print("The platform starts", style="bold")
            platform.start()
            os.environ.update(platform.settings)
            asyncio.run(_perform(stage, platform, output))
    except BaseException:
        say(f"logs of the platform's processes are in {state_dir / 'log'}")
        raise
    finally:
        _close(stage, output)
    remove_state(state_dir)


def _prepare(output: Path, state_dir: Path) -> None:
    if running := running_platform(state_dir):
        raise DemoError(f"the demo is played in this checkout already, by process {running.get('pid')}")
    remove_state(state_dir)
    output.mkdir(exist_ok=True)
    for name in ("summary.json", "webhooks.jsonl", "openapi.json", "meetings.csv", "meetings.xlsx"):
        (output / name).unlink(missing_ok=True)


async def _perform(stage: Stage, platform: LocalPlatform, output: Path) -> None:
    async with time_limit(LONGEST_SECONDS, "the demo has not ended"), Api(platform.urls["api"]) as api:
        inbox = Inbox(api, stage, output / "webhooks.jsonl")
        scene = Scene(stage, platform, api, inbox, build_school(), output)
        began = time.monotonic()
        await _log_in(scene)
        (output / "openapi.json").write_text(json.dumps(await api.openapi(), indent=2, default=float) + "\n")
        await inbox.start(platform)
        for letter, title, act in ACTS:
            with stage.act(letter, title):
                await act.play(scene)
        await inbox.close()
        scene.figures["seconds"] = {**stage.seconds, "all": round(time.monotonic() - began, 1)}
        _write_summary(scene)
        stage.console.print("\nThe platform stops", style="bold")


async def _log_in(scene: Scene) -> None:
    """As an administrator made for the occasion."""
    bootstrap = importlib.import_module("models.identity.bootstrap")
    email = f"demo-{secrets.token_hex(4)}@bellwork.example"
    password = await bootstrap.create_admin(scene.platform.database_url, email)
    await scene.api.log_in(email, password)


def _write_summary(scene: Scene) -> None:
    checks = [{"act": check.act, "check": check.text, "passed": check.passed} for check in scene.stage.checks]
    summary = {"playedAt": datetime.now(UTC).isoformat(), **scene.figures, "checks": checks}
    text = json.dumps(summary, indent=2, ensure_ascii=False, default=str)
    (scene.output / "summary.json").write_text(text + "\n")


def _close(stage: Stage, output: Path) -> None:
    if not stage.checks:
        return
    stage.console.print("\nWhat was shown", style="bold")
    for check in stage.checks:
        say(f"  {check.act} ", mark(check.passed), " ", check.text)
    for path in sorted(output.iterdir()):
        say(f"  {path}  {path.stat().st_size:,} bytes")
