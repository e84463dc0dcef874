"""Endpoints: who wants to hear of events, and with which secret they are signed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.catalogue import all_event_types
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.clock import utc_now
from models.kernel.crud import ANY, Match
from models.kernel.crypto import KeyRing
from models.kernel.errors import Fault, Invalid
from models.kernel.paging import Page, Pagination, filters, paginate
from models.kernel.schema import given
from models.kernel.settings import Settings
from models.webhooks import queries
from models.webhooks.addresses import AddressPolicy, url_fault
from models.webhooks.deliveries import open_headers, seal_headers
from models.webhooks.rules import ROTATION_HOURS, event_type_faults, header_faults, new_secret
from models.webhooks.tables import WebhookEndpoint


class EndpointPage(Page):
    sortable = {"createdAt": WebhookEndpoint.created_at, "url": WebhookEndpoint.url}
    searched = (WebhookEndpoint.url, WebhookEndpoint.description)

    is_active: bool | None = None


class EndpointState(msgspec.Struct, frozen=True):
    """An endpoint as it may be shown: with the names of its static headers, without their values or a secret."""

    id: UUID
    url: str
    event_types: list[str]
    payload_filter: dict[str, Any]
    description: str | None
    header_names: list[str]
    is_active: bool
    disabled_reason: str | None
    previous_secret_until: datetime | None
    last_sequence: int
    created_by: str
    created_at: datetime
    updated_at: datetime
    version: int


class Webhooks:
    """The use cases that need the key ring or the rules about addresses."""

    def __init__(self, keys: KeyRing, settings: Settings) -> None:
        self._keys = keys
        self._policy = address_policy(settings)

    async def list_endpoints(self, session: AsyncSession, page: EndpointPage) -> tuple[list[EndpointState], Pagination]:
        rows, pagination = await paginate(session, queries.endpoints(filters(page)), page)
        return [self._state(row) for row in rows], pagination

    async def get_endpoint(self, session: AsyncSession, id_: UUID) -> EndpointState:
        """Raises NotFound."""
        return self._state(await crud.get_live(session, WebhookEndpoint, id_))

    async def create_endpoint(
        self, session: AsyncSession, actor: Actor, data: msgspec.Struct
    ) -> tuple[EndpointState, str]:
        """The endpoint and its secret, which nobody can read again. Raises Invalid."""
        values, secret = self._checked(data), new_secret()
        endpoint = WebhookEndpoint(**values, secret=self._keys.encrypt(secret), created_by=actor.name)
        return self._state(await crud.add(session, endpoint)), secret

    async def update_endpoint(
        self, session: AsyncSession, id_: UUID, data: msgspec.Struct, match: Match = ANY
    ) -> EndpointState:
        """`data` is a whole endpoint (PUT) or a part of one (PATCH). Raises NotFound, PreconditionFailed, Invalid."""
        values = self._checked(data)
        endpoint = await crud.get_live(session, WebhookEndpoint, id_, lock=True)
        match.check(endpoint)
        if values.get("is_active"):
            endpoint.disabled_reason = None
        return await self._change(session, endpoint, values)

    async def enable_endpoint(self, session: AsyncSession, id_: UUID) -> EndpointState:
        endpoint = await crud.get_live(session, WebhookEndpoint, id_, lock=True)
        return await self._change(session, endpoint, {"is_active": True, "disabled_reason": None})

    async def rotate_secret(self, session: AsyncSession, id_: UUID) -> tuple[EndpointState, str]:
        """The endpoint and its new secret; the one before signs too for another day."""
        endpoint, secret = await crud.get_live(session, WebhookEndpoint, id_, lock=True), new_secret()
        values = {
            "secret": self._keys.encrypt(secret),
            "previous_secret": endpoint.secret,
            "previous_until": utc_now() + timedelta(hours=ROTATION_HOURS),
        }
        return await self._change(session, endpoint, values), secret

    async def delete_endpoint(
        self, session: AsyncSession, id_: UUID, match: Match = ANY, *, hard: bool = False
    ) -> None:
        """What is still to be delivered ends; `hard` removes the endpoint with the log of its deliveries."""
        await crud.delete(session, WebhookEndpoint, id_, match, hard=hard)

    async def restore_endpoint(self, session: AsyncSession, id_: UUID) -> EndpointState:
        return self._state(await crud.restore(session, WebhookEndpoint, id_))

    async def _change(self, session: AsyncSession, endpoint: WebhookEndpoint, values: dict[str, Any]) -> EndpointState:
        for name, value in values.items():
            setattr(endpoint, name, value)
        await session.flush()
        return self._state(endpoint)

    def _checked(self, data: msgspec.Struct) -> dict[str, Any]:
        """The columns that a body gives, its static headers sealed. Raises Invalid naming every fault."""
        values = given(data)
        if faults := endpoint_faults(self._policy, values):
            raise Invalid.of(faults)
        if "headers" in values:
            values["headers"] = seal_headers(self._keys, values["headers"])
        return values

    def _state(self, row: WebhookEndpoint) -> EndpointState:
        rotating = row.previous_until is not None and row.previous_until > utc_now()
        derived: dict[str, Any] = {
            "header_names": sorted(open_headers(self._keys, row.headers)),
            "previous_secret_until": row.previous_until if rotating else None,
        }
        names = [name for name in EndpointState.__struct_fields__ if name not in derived]
        return EndpointState(**derived, **{name: getattr(row, name) for name in names})


def address_policy(settings: Settings) -> AddressPolicy:
    return AddressPolicy(settings.webhook_allow_http, settings.webhook_allowed_networks)


def endpoint_faults(policy: AddressPolicy, values: dict[str, Any]) -> list[Fault]:
    """Of those fields that are there."""
    faults = []
    if "url" in values and (fault := url_fault(policy, values["url"])):
        faults.append(Fault("url", fault))
    if "event_types" in values:
        known = [type_.name for type_ in all_event_types()]
        faults += event_type_faults("eventTypes", values["event_types"], known)
    return faults + header_faults("headers", values.get("headers", {}))
