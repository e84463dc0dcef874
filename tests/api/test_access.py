"""Every operation with every kind of caller: who is let in is what the operation declares, no more and no less."""

import inspect
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from api.auth import AuthenticationMiddleware, own_verb_of
from api.permissions import PAGE, page
from models.identity.caller import Caller
from models.identity.permissions import (
    GUEST,
    MATRIX,
    Role,
    Scope,
    permission_of,
    resource_of,
    verbs_of,
)
from models.kernel.ids import new_id
from models.kernel.session import Database
from tests.conftest import sign_in
from tests.support.client import ApiClient
from tests.support.sides import make_login
from tests.support.walking import Guarded, guarded_operations

NO_SCOPES: frozenset[str] = frozenset()
ENDING_THE_SESSION = ("log_out", "log_out_everywhere")
EVERY_SCOPE = frozenset(scope.value for scope in Scope)


async def test_without_credentials_only_what_is_public_is_open(app: Litestar, anonymous: ApiClient) -> None:
    for operation in guarded_operations(app):
        status = (await operation.call(anonymous)).status_code
        assert (status == 401) == (operation.access != "public"), f"{operation}: {status}"


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_is_let_in_by_the_matrix(
    app: Litestar, anonymous: ApiClient, database: Database, role: Role
) -> None:
    client = await sign_in(anonymous, database, role)
    async with database.transaction() as session:
        logins = {name: (await make_login(session, role, name))[1] for name in ENDING_THE_SESSION}
    for operation in guarded_operations(app):
        status = (await operation.call(client, headers=logins.get(operation.name))).status_code
        if operation.access == "public":
            continue
        assert status != 401, operation
        assert (status != 403) == _lets_in(operation, role), f"{role}: {operation}: {status}"


async def test_a_guest_gets_to_what_is_public_and_to_what_the_matrix_gives(
    app: Litestar, anonymous: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _call_as(monkeypatch, Caller(kind=GUEST, id=new_id(), role=None, scopes=NO_SCOPES))
    for operation in guarded_operations(app):
        status = (await operation.call(anonymous)).status_code
        if operation.access != "public":
            assert (status != 403) == _lets_in(operation, GUEST), f"{operation}: {status}"


async def test_a_key_without_scopes_gets_to_nothing_that_needs_one(
    app: Litestar, anonymous: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    _call_as(monkeypatch, Caller(kind="api_key", id=new_id(), role=None, scopes=NO_SCOPES))
    for operation in guarded_operations(app):
        status = (await operation.call(anonymous)).status_code
        if operation.access != "public":
            assert (status == 403) == (operation.access != "authenticated"), f"{operation}: {status}"


async def test_of_all_scopes_it_takes_just_the_one_declared(app: Litestar, client: ApiClient) -> None:
    """With real keys: one for each scope that an operation declares, and one for all but that."""
    for scope, declared in _by_scope(app).items():
        needed = "*" if scope == "admin" else scope
        with_it = await _key(client, {needed})
        without = await _key(client, EVERY_SCOPE - {needed})
        for operation in declared:
            status = (await operation.call(client, headers=with_it)).status_code
            assert status not in (401, 403), f"{operation}: {status}"
            assert (await operation.call(client, headers=without)).status_code == 403, operation


async def test_what_is_about_oneself_is_closed_to_every_key(app: Litestar, client: ApiClient) -> None:
    mighty = await _key(client, {"*"})
    for operation in guarded_operations(app):
        if operation.access == "person":
            assert (await operation.call(client, headers=mighty)).status_code == 403, operation


async def test_bad_credentials_are_refused_even_where_none_are_needed(anonymous: ApiClient) -> None:
    answer = await anonymous.get("http://test/health/live", headers={"Authorization": "Bearer forged"})
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


def test_the_page_of_permissions_is_up_to_date() -> None:
    """An operation that is new, or opened to somebody else, is in the page only after somebody has looked at it."""
    assert page() == PAGE.read_text(), "run `python -m api.permissions --write` and read what has changed"


def test_every_scope_has_its_row_in_the_matrix() -> None:
    assert {resource_of(scope) for scope in Scope} <= MATRIX.keys()


def test_what_opens_to_the_owners_of_rows_knows_whose_they_are(app: Litestar) -> None:
    """By the reach, or by the caller, who has asked for a job or a file; nothing else opens to them."""
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/v1"):
            for handler, _ in route.route_handler_map.values():
                takes = inspect.signature(handler.fn).parameters.keys() & {"reach", "caller", "request"}
                assert takes or own_verb_of(handler) is None, handler
                assert "reach" not in takes or own_verb_of(handler) is not None, handler


def test_the_matrix_gives_no_right_that_no_operation_has(app: Litestar) -> None:
    opened = {(resource_of(each.access), each.own_verb) for each in guarded_operations(app) if each.own_verb}
    given = {
        (resource, verb)
        for resource in MATRIX
        for party in (*Role, GUEST)
        for verb in permission_of(party, resource).own
    }
    assert given == opened


def _lets_in(operation: Guarded, party: str) -> bool:
    """What the matrix says, read in another way than the program does."""
    if operation.access == "authenticated":
        return party != GUEST
    if operation.access == "person":
        return party in set(Role)
    if operation.access == "admin" or party == Role.ADMIN:
        return party == Role.ADMIN
    permission = permission_of(party, resource_of(operation.access))
    if operation.own_verb is not None:
        return operation.own_verb in permission.all | permission.own
    return verbs_of(operation.access) <= permission.all


def _by_scope(app: Litestar) -> dict[str, list[Guarded]]:
    found: dict[str, list[Guarded]] = {}
    for operation in guarded_operations(app):
        if operation.access not in ("public", "authenticated", "person"):
            found.setdefault(operation.access, []).append(operation)
    return found


async def _key(client: ApiClient, scopes: Any) -> dict[str, str]:
    key = await client.create("/api-keys", name="walker", scopes=sorted(scopes))
    return {"Authorization": f"Bearer {key['secret']}"}


def _call_as(monkeypatch: pytest.MonkeyPatch, caller: Caller) -> None:
    """Whoever calls is taken for this one."""

    async def identify(*_: object) -> Caller:
        return caller

    monkeypatch.setattr(AuthenticationMiddleware, "identify", identify)
