"""Webhook endpoints, and the log of what they were sent."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, JSONBody

from api.auth import admins_only, authenticated, requires
from api.dependencies import ApiRequest, CurrentCaller, IfMatch, Session, documented, query_of
from api.jobs.following import accepted
from api.jobs.schemas import JobOut
from api.resources import Response, created, hard_delete_allowed, listing
from api.webhooks.schemas import (
    CallbackSecretOut,
    DeliveryAttemptOut,
    DeliveryOut,
    DeliveryWithLogOut,
    EndpointIn,
    EndpointOut,
    EndpointPatch,
    EndpointWithSecretOut,
    ExampleIn,
)
from models.identity.permissions import Scope
from models.kernel.paging import Listing
from models.webhooks import deliveries
from models.webhooks.callbacks import callback_secret
from models.webhooks.deliveries import DeliveryPage
from models.webhooks.service import EndpointPage, EndpointState, Webhooks

READ, WRITE = [requires(Scope.READ_WEBHOOKS)], [requires(Scope.WRITE_WEBHOOKS)]
WebhookService = NamedDependency[Webhooks]


def provide_webhooks(request: ApiRequest) -> Webhooks:
    return Webhooks(request.app.state["keys"], request.app.state["settings"])


class WebhooksController(Controller):
    path = "/webhooks"
    tags = ("Webhooks",)
    dependencies = {"webhooks": Provide(provide_webhooks, sync_to_thread=False)}

    @get(
        "/", guards=READ, summary="List webhook endpoints",
        dependencies={"page": query_of(EndpointPage)}, operation_class=documented(EndpointPage),
    )  # fmt: skip
    async def list_endpoints(
        self, session: Session, webhooks: WebhookService, page: NamedDependency[EndpointPage]
    ) -> Listing[EndpointOut]:
        """Searched by URL and description."""
        return listing(EndpointOut, *await webhooks.list_endpoints(session, page))

    @get("/callback-secret", guards=[authenticated], summary="Read your callback secret")
    async def get_callback_secret(self, request: ApiRequest, caller: CurrentCaller) -> CallbackSecretOut:
        """What calls to the `callbackUrl` of your jobs are signed with, by Standard Webhooks."""
        return CallbackSecretOut(secret=callback_secret(request.app.state.settings.secret_key, caller.name))

    @post("/", guards=WRITE, summary="Create a webhook endpoint")
    async def create_endpoint(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        webhooks: WebhookService,
        data: JSONBody[EndpointIn],
    ) -> Response[EndpointWithSecretOut]:
        """The answer shows the signing secret, this once: keep it where the receiver checks `webhook-signature`."""
        endpoint, secret = await webhooks.create_endpoint(session, caller, data)
        return created(request, _with_secret(endpoint, secret), endpoint.id)

    @get("/{endpoint_id:uuid}", guards=READ, summary="Read a webhook endpoint")
    async def get_endpoint(
        self, session: Session, webhooks: WebhookService, endpoint_id: FromPath[UUID]
    ) -> EndpointOut:
        return EndpointOut.of(await webhooks.get_endpoint(session, endpoint_id))

    @put("/{endpoint_id:uuid}", guards=WRITE, summary="Replace a webhook endpoint")
    async def replace_endpoint(
        self,
        session: Session,
        webhooks: WebhookService,
        endpoint_id: FromPath[UUID],
        data: JSONBody[EndpointIn],
        match: IfMatch,
    ) -> EndpointOut:
        """Secret and sequence stay. Without `headers` the static headers are removed."""
        return EndpointOut.of(await webhooks.update_endpoint(session, endpoint_id, data, match))

    @patch("/{endpoint_id:uuid}", guards=WRITE, summary="Change a webhook endpoint")
    async def update_endpoint(
        self,
        session: Session,
        webhooks: WebhookService,
        endpoint_id: FromPath[UUID],
        data: JSONBody[EndpointPatch],
        match: IfMatch,
    ) -> EndpointOut:
        return EndpointOut.of(await webhooks.update_endpoint(session, endpoint_id, data, match))

    @delete("/{endpoint_id:uuid}", guards=WRITE, summary="Delete a webhook endpoint")
    async def delete_endpoint(
        self,
        session: Session,
        caller: CurrentCaller,
        webhooks: WebhookService,
        endpoint_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """Its deliveries end without failing; `hard=true` (administrators) removes their log too."""
        hard = hard_delete_allowed(caller, hard)
        await webhooks.delete_endpoint(session, endpoint_id, match, hard=hard)

    @post("/{endpoint_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a webhook endpoint")
    async def restore_endpoint(
        self, session: Session, webhooks: WebhookService, endpoint_id: FromPath[UUID]
    ) -> EndpointOut:
        return EndpointOut.of(await webhooks.restore_endpoint(session, endpoint_id))

    @post("/{endpoint_id:uuid}/rotate-secret", guards=WRITE, status_code=200, summary="Rotate a signing secret")
    async def rotate_secret(
        self, session: Session, webhooks: WebhookService, endpoint_id: FromPath[UUID]
    ) -> EndpointWithSecretOut:
        """The answer shows the new secret, this once. For 24 hours every delivery is signed with both."""
        return _with_secret(*await webhooks.rotate_secret(session, endpoint_id))

    @post("/{endpoint_id:uuid}/enable", guards=WRITE, status_code=200, summary="Enable a webhook endpoint")
    async def enable_endpoint(
        self, session: Session, webhooks: WebhookService, endpoint_id: FromPath[UUID]
    ) -> EndpointOut:
        """It gets what happens from now on; what ended meanwhile can be retried delivery by delivery."""
        return EndpointOut.of(await webhooks.enable_endpoint(session, endpoint_id))

    @post("/{endpoint_id:uuid}/test", guards=WRITE, status_code=202, summary="Send an example to a webhook endpoint")
    async def send_example(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        endpoint_id: FromPath[UUID],
        data: JSONBody[ExampleIn],
    ) -> Response[JobOut]:
        """The example of the type from the catalogue, signed, numbered and logged like any delivery.

        It carries the type that was asked for (whether subscribed to or not) and the header `webhook-test: true`. No
        other endpoint gets it, and `GET /events` shows it as `webhook.test`.
        """
        return await accepted(request, await deliveries.send_example(session, caller, endpoint_id, data.type))

    @get(
        "/{endpoint_id:uuid}/deliveries", guards=READ, summary="List an endpoint's deliveries",
        dependencies={"page": query_of(DeliveryPage)}, operation_class=documented(DeliveryPage),
    )  # fmt: skip
    async def list_deliveries(
        self, session: Session, endpoint_id: FromPath[UUID], page: NamedDependency[DeliveryPage]
    ) -> Listing[DeliveryOut]:
        return listing(DeliveryOut, *await deliveries.list_deliveries(session, endpoint_id, page))

    @get("/deliveries/{delivery_id:uuid}", guards=READ, summary="Read a delivery")
    async def get_delivery(self, session: Session, delivery_id: FromPath[UUID]) -> DeliveryWithLogOut:
        """With every attempt: when, how long, what the receiver answered, or why it did not."""
        delivery = DeliveryOut.of(await deliveries.get_delivery(session, delivery_id))
        rows = await deliveries.list_delivery_attempts(session, delivery_id)
        return DeliveryWithLogOut(**_fields(delivery), log=[DeliveryAttemptOut(**row) for row in rows])

    @post("/deliveries/{delivery_id:uuid}/retry", guards=WRITE, status_code=202, summary="Retry a delivery")
    async def retry_delivery(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, delivery_id: FromPath[UUID]
    ) -> Response[JobOut]:
        """Sends it again now, delivered or not, with the same id and sequence; further attempts follow as ever."""
        return await accepted(request, await deliveries.retry_delivery(session, caller, delivery_id))


def _with_secret(endpoint: EndpointState, secret: str) -> EndpointWithSecretOut:
    return EndpointWithSecretOut(**_fields(endpoint), secret=secret)


def _fields(struct: msgspec.Struct) -> dict[str, Any]:
    return {name: getattr(struct, name) for name in struct.__struct_fields__}
