"""The operator's view of the encryption keys."""

from typing import Any

import pytest

from models.kernel.crypto import KeyRing
from models.kernel.settings import Settings
from tests.cli.test_jobs import bellwork as bellwork
from tests.support.client import ApiClient


@pytest.mark.usefixtures("workers")
async def test_keys_are_counted_and_rotated(client: ApiClient, bellwork: Any, settings: Settings) -> None:
    await client.create("/webhooks", url="https://hooks.example.com/bellwork", eventTypes=["meeting.*"])
    (newest,) = KeyRing(settings.encryption_keys).names
    code, output = await bellwork("keys", "status")
    (line,) = [line for line in output.splitlines() if "webhook_endpoints.secret" in line]
    assert (code, line.split()[-1], f"{newest} (newest)" in output) == (0, "1", True)
    code, output = await bellwork("keys", "rotate")
    done = await client.finish(output.split()[-1])
    assert (code, done["status"], done["kind"]) == (0, "succeeded", "privacy.rotate_keys")
    assert all((each["resealed"], each["left"]) == (0, 0) for each in done["result"]["columns"])
