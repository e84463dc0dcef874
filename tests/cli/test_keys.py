"""The operator's view of the encryption keys."""

import pytest

from models.kernel.crypto import KeyRing
from models.kernel.settings import Settings
from tests.cli.conftest import Bellwork
from tests.support.client import ApiClient


@pytest.mark.usefixtures("workers")
async def test_keys_are_counted_and_rotated(client: ApiClient, bellwork: Bellwork, settings: Settings) -> None:
    await client.create("/webhooks", url="https://hooks.example.com/bellwork", eventTypes=["meeting.*"])
    (newest,) = KeyRing(settings.encryption_keys).names
    output = await bellwork("keys", "status")
    (line,) = [line for line in output.splitlines() if "webhook_endpoints.secret" in line]
    assert (line.split()[-1], f"{newest} (newest)" in output) == ("1", True)
    done = await client.finish((await bellwork("keys", "rotate")).split()[-1])
    assert (done["status"], done["kind"]) == ("succeeded", "privacy.rotate_keys")
    assert all((each["resealed"], each["left"]) == (0, 0) for each in done["result"]["columns"])
