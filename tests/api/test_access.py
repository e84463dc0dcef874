"""Every operation with every role: who is let in is what the operation declares, no more and no less."""

import re
from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from api.auth import access_of, own_verb_of
from models.identity.permissions import ROLE_SCOPES, Role, Verb, allows, permission_of, resource_of
from models.kernel.session import Database
from tests.conftest import sign_in
from tests.support.client import ApiClient

ID = "0198c0de-0000-7000-8000-000000000001"


def operations(app: Litestar) -> Iterator[tuple[str, str, str, Verb | None]]:
    """Method, an address that leads nowhere, and what is declared."""
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path.startswith("/api/v1"):
            for method, (handler, _) in route.route_handler_map.items():
                if method != "OPTIONS":
                    yield method, re.sub(r"{[^}]+}", ID, route.path), access_of(handler)[0], own_verb_of(handler)


async def test_without_credentials_only_what_is_public_is_open(app: Litestar, anonymous: ApiClient) -> None:
    for method, path, access, _ in operations(app):
        status = (await anonymous.request(method, f"http://test{path}")).status_code
        assert (status == 401) == (access != "public"), f"{method} {path} ({access}): {status}"


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_is_let_in_by_its_scopes(
    app: Litestar, anonymous: ApiClient, database: Database, role: Role
) -> None:
    client = await sign_in(anonymous, database, role)
    for method, path, access, verb in operations(app):
        status = (await client.request(method, f"http://test{path}")).status_code
        expected = _let_in(role, access, verb)
        assert status != 401, f"{method} {path}"
        assert (status != 403) == expected, f"{role}: {method} {path} ({access}): {status}"


async def test_bad_credentials_are_refused_even_where_none_are_needed(anonymous: ApiClient) -> None:
    answer = await anonymous.get("http://test/health/live", headers={"Authorization": "Bearer forged"})
    assert (answer.status_code, answer.json()["code"]) == (401, "UNAUTHORIZED")


def _let_in(role: Role, access: str, verb: Verb | None) -> bool:
    if access == "admin":
        return role == Role.ADMIN
    if access in ("public", "authenticated") or allows(ROLE_SCOPES[role], access):
        return True
    return verb is not None and verb in permission_of(role, resource_of(access)).own
