"""The OpenAPI document, and the page that shows it."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from openapi_spec_validator import OpenAPIV31SpecValidator

from api.access import sentence
from api.auth import access_of, takes_job_tokens
from models.jobs.kinds import all_kinds
from models.kernel.errors import Invalid
from models.kernel.validation import convert
from tests.support.client import ApiClient

Operation = dict[str, Any]


@pytest.fixture
def document(app: Litestar) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(app.openapi_schema.to_schema()))
    return decoded


def operations(app: Litestar, document: dict[str, Any]) -> Iterator[tuple[str, HTTPRouteHandler, Operation]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute) and route.path_format in document["paths"]:
            for method, (handler, _) in route.route_handler_map.items():
                if operation := document["paths"][route.path_format].get(method.lower()):
                    yield f"{method} {route.path_format}", handler, operation


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_every_operation_says_what_it_is_and_who_may_call_it(app: Litestar, document: dict[str, Any]) -> None:
    names = set()
    for place, handler, operation in operations(app, document):
        assert re.fullmatch("[a-z][A-Za-z0-9]+", operation["operationId"]), place
        assert operation["operationId"] not in names, place
        assert operation["summary"][0].isupper(), place
        assert operation["tags"], place
        access = access_of(handler)
        assert access, f"{place} does not declare who may call it"
        needed = [each for each in access if each not in ("public", "authenticated", "person")]
        assert sentence(handler) in operation["description"], place
        ways = [] if access == ["public"] else [{"bearer": needed}, {"apiKey": needed}]
        if takes_job_tokens(handler):
            ways.append({"jobToken": []})
        assert operation["security"] == ways, place
        names.add(operation["operationId"])
    assert len(names) > 20


def test_every_operation_documents_its_problems(app: Litestar, document: dict[str, Any]) -> None:
    for place, handler, operation in operations(app, document):
        problems = {status for status, answer in operation["responses"].items() if "$ref" in answer}
        expected = {"401"}
        if place.partition(" ")[2].startswith("/api/v1"):
            expected.add("503")
        if "{" in place:
            expected.add("404")
        if handler.http_methods & {"POST", "PUT", "PATCH", "DELETE"}:
            expected |= {"409", "413", "422"}
        if "match" in handler.parsed_fn_signature.parameters:
            expected.add("412")
        if "requestBody" in operation:
            expected.add("400")
        if any(scheme for scheme in operation["security"] if any(scheme.values())):
            expected.add("403")
        assert expected <= problems, f"{place} lacks {expected - problems}"
    for answer in document["components"]["responses"].values():
        assert list(answer["content"]) == ["application/problem+json"]


def test_every_json_body_has_an_example_that_its_handler_accepts(app: Litestar, document: dict[str, Any]) -> None:
    tried, faults = 0, []
    for place, handler, operation in operations(app, document):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json")
        if body is None:
            continue
        assert handler.parsed_data_field is not None
        examples = [each["value"] for each in body["examples"].values()] if "examples" in body else [body["example"]]
        for example in examples:
            tried += 1
            try:
                convert(example, handler.parsed_data_field.annotation)
            except Invalid as error:
                faults.append((place, error.errors))
    assert faults == []
    assert tried > 5


def test_every_kind_that_may_be_submitted_has_an_example_that_fits_its_payload() -> None:
    for kind in all_kinds():
        if kind.public and kind.args.__module__.startswith("models."):
            assert isinstance(convert(kind.example, kind.args), kind.args), kind.name


async def test_the_document_is_served_and_the_old_addresses_lead_to_the_page(anonymous: ApiClient) -> None:
    served = await anonymous.get("http://test/schema/openapi.json")
    assert served.json()["info"]["title"] == "Bellwork"
    moved = await anonymous.get("http://test/swagger")
    assert (moved.status_code, moved.headers["location"]) == (302, "/schema/swagger")


async def test_the_page_needs_nothing_from_elsewhere_and_runs_no_inline_script(anonymous: ApiClient) -> None:
    page = await anonymous.get("http://test/schema/swagger")
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) == 4
    for link in links:
        assert link.startswith("/"), link
        asset = await anonymous.get(f"http://test{link}")
        assert asset.status_code == 200, link
        assert "immutable" in asset.headers["cache-control"]
    assert "<script>" not in page.text
    policy = page.headers["content-security-policy"]
    assert "script-src 'self';" in policy


async def test_an_asset_of_another_version_is_not_served(anonymous: ApiClient) -> None:
    assert (await anonymous.get("http://test/swagger/assets/0.0.0/start.js")).status_code == 404
