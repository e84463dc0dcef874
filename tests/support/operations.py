"""Every operation of the OpenAPI document, with a body that fits it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec
from litestar import Litestar

METHODS = ("get", "post", "put", "patch", "delete")
NOBODY = "0198c0de-0000-7000-8000-0000000000ff"
Json = Any


class Operation(NamedTuple):
    name: str
    method: str
    path: str
    content: dict[str, Any]

    @property
    def placeholders(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def body(self) -> Json:
        """An example of the body in JSON; None where there is none."""
        media = self.content.get("requestBody", {}).get("content", {}).get("application/json", {})
        examples = [each["value"] for each in media.get("examples", {}).values()]
        return media.get("example", examples[0] if examples else None)

    def at(self, ids: Mapping[str, str]) -> str:
        """The address with these ids, or ids of nothing."""
        return re.sub(r"{(\w+)}", lambda found: ids.get(found[1], NOBODY), self.path)

    def body_for(self, ids: Mapping[str, str]) -> Json:
        return referring(self.body, ids)


def document_of(app: Litestar) -> dict[str, Any]:
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(app.openapi_schema.to_schema()))
    return decoded


def operations_of(document: Mapping[str, Any]) -> list[Operation]:
    return [
        Operation(item[method]["operationId"], method.upper(), path, item[method])
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    ]


def referring(body: Json, ids: Mapping[str, str]) -> Json:
    """The body with what it refers to replaced by what is there: `customerId` by `ids["customer_id"]`, and lists of
    such.
    """
    if isinstance(body, list):
        return [referring(each, ids) for each in body]
    if not isinstance(body, dict):
        return body
    return {name: _reference(name, value, ids) for name, value in body.items()}


def _reference(name: str, value: Json, ids: Mapping[str, str]) -> Json:
    singular = re.sub(r"([A-Z])", r"_\1", name.removesuffix("s")).lower()
    if singular in ids:
        return [ids[singular]] if isinstance(value, list) else ids[singular]
    return referring(value, ids)


def leaves(body: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """What stands at the ends of a body, by dotted path as the API names faults."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield from leaves(value, f"{path}.{name}" if path else name)
    elif isinstance(body, list):
        for number, value in enumerate(body):
            yield from leaves(value, f"{path}[{number}]")
    else:
        yield path, body


def with_leaf(body: Json, wanted: str, value: Json, path: str = "") -> Json:
    """The body with another value at the path."""
    if isinstance(body, dict):
        return {name: with_leaf(each, wanted, value, f"{path}.{name}" if path else name) for name, each in body.items()}
    if isinstance(body, list):
        return [with_leaf(each, wanted, value, f"{path}[{number}]") for number, each in enumerate(body)]
    return value if path == wanted else body
