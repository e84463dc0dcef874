"""Customers, students and instructors."""

from uuid import UUID

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from api.auth import admins_only, requires
from api.dependencies import ApiRequest, CurrentCaller, IfMatch, Session, documented, query_of
from api.people.schemas import CustomerIn, CustomerOut, CustomerPatch
from api.resources import Response, created, hard_delete_allowed, listing
from models.identity.permissions import Scope
from models.kernel.paging import Listing
from models.people import service as people
from models.people.service import CustomerPage


class CustomersController(Controller):
    path = "/customers"
    tags = ("People",)

    @get(
        "/", guards=[requires(Scope.READ_CUSTOMERS)], summary="List customers",
        dependencies={"page": query_of(CustomerPage)}, operation_class=documented(CustomerPage),
    )  # fmt: skip
    async def list_customers(self, session: Session, page: NamedDependency[CustomerPage]) -> Listing[CustomerOut]:
        """Searched by name, phone and email."""
        return listing(CustomerOut, *await people.list_customers(session, page))

    @post("/", guards=[requires(Scope.WRITE_CUSTOMERS)], summary="Create a customer")
    async def create_customer(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[CustomerIn]
    ) -> Response[CustomerOut]:
        customer = await people.create_customer(session, caller, data)
        return created(request, CustomerOut.of(customer), customer.id)

    @get("/{customer_id:uuid}", guards=[requires(Scope.READ_CUSTOMERS)], summary="Read a customer")
    async def get_customer(self, session: Session, customer_id: FromPath[UUID]) -> CustomerOut:
        return CustomerOut.of(await people.get_customer(session, customer_id))

    @put("/{customer_id:uuid}", guards=[requires(Scope.WRITE_CUSTOMERS)], summary="Replace a customer")
    async def replace_customer(
        self, session: Session, caller: CurrentCaller, customer_id: FromPath[UUID], data: JSONBody[CustomerIn], match: IfMatch
    ) -> CustomerOut:
        return CustomerOut.of(await people.update_customer(session, caller, customer_id, data, match))

    @patch("/{customer_id:uuid}", guards=[requires(Scope.WRITE_CUSTOMERS)], summary="Change a customer")
    async def update_customer(
        self, session: Session, caller: CurrentCaller, customer_id: FromPath[UUID], data: JSONBody[CustomerPatch], match: IfMatch
    ) -> CustomerOut:
        return CustomerOut.of(await people.update_customer(session, caller, customer_id, data, match))

    @delete("/{customer_id:uuid}", guards=[requires(Scope.WRITE_CUSTOMERS)], summary="Delete a customer")
    async def delete_customer(
        self, session: Session, caller: CurrentCaller, customer_id: FromPath[UUID], match: IfMatch, hard: FromQuery[bool] = False
    ) -> None:
        """The customer leaves every list; `hard=true` (administrators) removes the row for good."""
        if hard_delete_allowed(caller, hard):
            await people.remove_customer(session, customer_id)
        else:
            await people.delete_customer(session, caller, customer_id, match)

    @post("/{customer_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a customer")
    async def restore_customer(self, session: Session, customer_id: FromPath[UUID]) -> CustomerOut:
        return CustomerOut.of(await people.restore_customer(session, customer_id))
