"""Events on their way to receivers, with real workers and real HTTP."""

import json

import pytest
from standardwebhooks import Webhook

from tests.support.client import ApiClient
from tests.support.receiver import Receiver, Reply, running_receiver

pytestmark = pytest.mark.usefixtures("workers")


async def subscribe(client: ApiClient, receiver: Receiver, *types: str, **fields: object) -> dict[str, str]:
    return await client.create("/webhooks", url=f"{receiver.url}/hook", eventTypes=types or ["*"], **fields)  # type: ignore[no-any-return]


async def test_a_delivery_that_fails_at_first_arrives_with_the_same_id_and_a_valid_signature(client: ApiClient) -> None:
    async with running_receiver(Reply(500), Reply(404)) as receiver:
        endpoint = await subscribe(client, receiver, "customer.*")
        customer = await client.create("/customers", name="Noa Levi", city="חיפה")
        requests = await receiver.wait_for(3)
        assert len(set(receiver.ids)) == 1
        for request in requests:
            body = Webhook(endpoint["secret"]).verify(request.body, request.headers)
            assert body["type"] == "customer.created"
            assert body["data"]["id"] == customer["id"]
            assert body["sequence"] == 1
        assert json.loads(requests[0].body)["data"]["city"] == "חיפה"
