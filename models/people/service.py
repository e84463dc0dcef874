"""Customers: the people who pay."""

from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.events.service import emit
from models.kernel import crud
from models.kernel.actor import Actor
from models.kernel.crud import ANY, Match
from models.kernel.paging import Page, Pagination, filters, paginate
from models.people import events, queries
from models.people.events import CustomerState
from models.people.tables import Customer


class CustomerPage(Page):
    city: str | None = None
    has_active_registration: bool | None = None


async def list_customers(session: AsyncSession, page: CustomerPage) -> tuple[list[Customer], Pagination]:
    sortable = {"createdAt": Customer.created_at, "name": Customer.name, "city": Customer.city}
    searched = [Customer.name, Customer.phone, Customer.email]
    return await paginate(session, queries.customers(filters(page)), page, sortable=sortable, searched=searched)


async def get_customer(session: AsyncSession, id_: UUID) -> Customer:
    """Raises NotFound."""
    return await crud.get_live(session, Customer, id_)


async def create_customer(session: AsyncSession, actor: Actor, data: msgspec.Struct) -> Customer:
    customer = Customer(**msgspec.structs.asdict(data))
    session.add(customer)
    await session.flush()
    await emit(session, actor, events.CUSTOMER_CREATED, customer.id, CustomerState.of(customer))
    return customer


async def update_customer(
    session: AsyncSession, actor: Actor, id_: UUID, data: msgspec.Struct, match: Match = ANY
) -> Customer:
    """`data` is a whole customer (PUT) or a part of one (PATCH)."""
    customer = await crud.apply(session, await get_customer(session, id_), data, match)
    await emit(session, actor, events.CUSTOMER_UPDATED, id_, CustomerState.of(customer))
    return customer


async def delete_customer(session: AsyncSession, actor: Actor, id_: UUID, match: Match = ANY) -> None:
    customer = await crud.delete(session, Customer, id_, match)
    await emit(session, actor, events.CUSTOMER_DELETED, id_, CustomerState.of(customer))


async def remove_customer(session: AsyncSession, id_: UUID) -> None:
    """For good. Raises Conflict while there are students of theirs."""
    await crud.remove(session, Customer, id_)


async def restore_customer(session: AsyncSession, id_: UUID) -> Customer:
    return await crud.restore(session, Customer, id_)
