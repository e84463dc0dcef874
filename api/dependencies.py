"""What handlers ask for by name: `session: Session`, `caller: CurrentCaller`, `reach: CurrentReach`,
`match: IfMatch`, and their query string as a struct by `dependencies={"page": query_of(CustomerPage)}`.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
import msgspec.inspect
from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.openapi.spec import OpenAPIType, Operation, Parameter, Schema
from sqlalchemy.ext.asyncio import AsyncSession

from api.conditions import IF_MATCH, IF_NONE_MATCH, condition_faults, etags_in
from models.identity.caller import Caller
from models.kernel.crud import Match
from models.kernel.errors import Fault, Invalid
from models.kernel.reach import Reach
from models.kernel.validation import convert, nuls, refuse_nuls

Q = TypeVar("Q", bound=msgspec.Struct)
ApiRequest = Request[Caller, Any, Any]
Session = NamedDependency[AsyncSession]
CurrentCaller = NamedDependency[Caller]
CurrentReach = NamedDependency[Reach]
IfMatch = NamedDependency[Match]


async def provide_session(request: ApiRequest) -> AsyncSession:
    """The request's transaction; committed before the answer is sent."""
    session: AsyncSession = await request.scope["state"]["unit"].session()
    return session


def provide_caller(request: ApiRequest) -> Caller:
    """Only on routes whose guard lets nobody unknown in."""
    return request.user


def provide_reach(request: ApiRequest) -> Reach:
    """Only on routes guarded by `reaches`: the rows that the caller may do with what the route does."""
    reach: Reach = request.scope["state"]["reach"]
    return reach


def provide_match(request: ApiRequest) -> Match:
    """The states named by `If-Match: "3"`; none without the header or for `*`. (Where there is a body, who reads
    that has looked at the header, so that what is wrong with both is named.)"""
    if faults := condition_faults(request, IF_MATCH):
        raise Invalid.of(faults)
    etags = etags_in(request, IF_MATCH)
    if etags is None:
        return Match()
    return Match(states=None if etags.anything else etags.named, exists=True)


def provide_new_only(request: ApiRequest) -> bool:
    """Whether only what is not there yet is to be written (`If-None-Match: *`)."""
    etags = None if condition_faults(request, IF_NONE_MATCH) else etags_in(request, IF_NONE_MATCH)
    if IF_NONE_MATCH in request.headers and not (etags and etags.anything):
        raise Invalid.field(IF_NONE_MATCH, "can only be `*` here: write it if it is not there yet")
    return etags is not None


DEPENDENCIES = {
    "session": Provide(provide_session),
    "caller": Provide(provide_caller, sync_to_thread=False),
    "reach": Provide(provide_reach, sync_to_thread=False),
    "match": Provide(provide_match, sync_to_thread=False),
}


def query_of(struct: type[Q]) -> Provide:
    """A dependency that reads the whole query string into the struct and names every fault in it.

    A field that is a list may be given repeatedly and, if it is one of fixed words, with commas between them.
    """
    lists = _lists_in(struct)

    def read(request: ApiRequest) -> Any:
        pairs = list(request.query_params.multi_items())
        repeated = {name for name, count in Counter(name for name, _ in pairs).items() if count > 1} - lists.keys()
        if repeated:
            raise Invalid.of([Fault(name, "is given more than once") for name in sorted(repeated)])
        values: dict[str, Any] = dict(pairs)
        for name in values.keys() & lists.keys():
            given = [value for other, value in pairs if other == name]
            values[name] = ",".join(given).split(",") if lists[name] else given
        refuse_nuls(list(nuls(values)))
        return _without_nulls(convert(values, struct, strict=False), pairs)

    return Provide(read, sync_to_thread=False)


def _lists_in(struct: type[msgspec.Struct]) -> dict[str, bool]:
    """The fields that are lists, and whether of fixed words."""
    info = msgspec.inspect.type_info(struct)
    assert isinstance(info, msgspec.inspect.StructType)
    lists = {field.encode_name: _list_in(field.type) for field in info.fields}
    return {name: isinstance(type_.item_type, msgspec.inspect.EnumType) for name, type_ in lists.items() if type_}


def _list_in(info: msgspec.inspect.Type) -> msgspec.inspect.ListType | None:
    if isinstance(info, msgspec.inspect.Metadata):
        return _list_in(info.type)
    if isinstance(info, msgspec.inspect.UnionType):
        return next(filter(None, map(_list_in, info.types)), None)
    return info if isinstance(info, msgspec.inspect.ListType) else None


def _without_nulls(query: Q, pairs: list[tuple[str, str]]) -> Q:
    """`?isActive=null` is a mistake, and not the question without the parameter."""
    fields = {field.encode_name: field.name for field in msgspec.structs.fields(query)}
    nulls = [name for name, value in pairs if value.lower() == "null" and getattr(query, fields[name]) is None]
    if nulls:
        raise Invalid.of([Fault(name, "cannot be null") for name in nulls])
    return query


def documented(struct: type[msgspec.Struct]) -> type[Operation]:
    """An OpenAPI operation whose query parameters are the struct's fields."""

    @dataclass
    class DocumentedOperation(Operation):
        def __post_init__(self) -> None:
            self.parameters = [*(self.parameters or []), *query_parameters(struct)]

    return DocumentedOperation


def query_parameters(struct: type[msgspec.Struct]) -> list[Parameter]:
    (schema,), components = msgspec.json.schema_components([struct])
    properties = components[schema["$ref"].rpartition("/")[2]]["properties"]
    return [_parameter(name, _resolved(spec, components)) for name, spec in properties.items()]


def _parameter(name: str, spec: dict[str, Any]) -> Parameter:
    options = [option for option in spec.get("anyOf", [spec]) if option.get("type") != "null"]
    option = options[0]
    schema = _schema(option, spec.get("default"))
    return Parameter(name=name, param_in="query", required=False, schema=schema, description=option.get("description"))


def _schema(option: dict[str, Any], default: Any = None) -> Schema:
    return Schema(
        type=OpenAPIType(option["type"]) if "type" in option else None,
        format=option.get("format"), enum=option.get("enum"), default=default,
        minimum=option.get("minimum"), maximum=option.get("maximum"), max_length=option.get("maxLength"),
        pattern=option.get("pattern"), items=_schema(option["items"]) if "items" in option else None,
        min_items=option.get("minItems"), max_items=option.get("maxItems"),
    )  # fmt: skip


def _resolved(spec: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    def resolve(part: dict[str, Any]) -> dict[str, Any]:
        if "items" in part:
            return {**part, "items": resolve(part["items"])}
        return {**components[part["$ref"].rpartition("/")[2]], **part} if "$ref" in part else part

    return {
        **resolve(spec),
        **({"anyOf": [resolve(option) for option in spec["anyOf"]]} if "anyOf" in spec else {}),
    }
