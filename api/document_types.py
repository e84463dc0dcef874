"""Types that the library would describe wrongly in the OpenAPI document."""

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any, cast

from litestar.openapi.spec import OpenAPI, OpenAPIFormat, OpenAPIType, Reference, RequestBody, Schema
from litestar.plugins import OpenAPISchemaPlugin
from litestar.typing import FieldDefinition
from msgspec import inspect

DECIMAL = cast(OpenAPIFormat, "decimal")  # of the registry of formats, and unknown to the library


class DecimalsAreNumbers(OpenAPISchemaPlugin):
    """In answers; in the bodies of requests see `take_strings_too`."""

    @staticmethod
    def is_plugin_supported_type(value: Any) -> bool:
        return value is Decimal

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        return Schema(type=OpenAPIType.NUMBER, format=DECIMAL)


class TuplesAreLists(OpenAPISchemaPlugin):
    """`tuple[Slot, ...]` holds any number of slots, and not a slot and anything."""

    def is_plugin_supported_field(self, field_definition: FieldDefinition) -> bool:
        return field_definition.origin is tuple and field_definition.args[1:] == (...,)

    def to_openapi_schema(self, field_definition: FieldDefinition, schema_creator: Any) -> Schema:
        items = schema_creator.for_field_definition(FieldDefinition.from_annotation(field_definition.args[0]))
        return Schema(type=OpenAPIType.ARRAY, items=items)


def take_strings_too(document: OpenAPI) -> None:
    """In the bodies of requests, so that no client has to send money as a binary fraction."""
    assert document.components is not None
    known: dict[str, Schema] = document.components.schemas or {}
    seen: set[int] = set()
    for item in (document.paths or {}).values():
        for operation in (item.post, item.put, item.patch, item.delete):
            if operation and isinstance(operation.request_body, RequestBody):
                for media in operation.request_body.content.values():
                    _loosen(media.schema, known, seen)


def _loosen(schema: Any, known: dict[str, Schema], seen: set[int]) -> None:
    if isinstance(schema, Reference):
        schema = known[schema.ref.rpartition("/")[2]]
    if not isinstance(schema, Schema) or id(schema) in seen:
        return
    seen.add(id(schema))
    if schema.format == DECIMAL:
        schema.type = [OpenAPIType.NUMBER, OpenAPIType.STRING]
    for part in _parts(schema):
        _loosen(part, known, seen)


def _parts(schema: Schema) -> Iterator[Any]:
    yield from (schema.properties or {}).values()
    yield from (*(schema.one_of or ()), *(schema.any_of or ()), *(schema.all_of or ()))
    yield from (schema.items, schema.additional_properties)


def tighten(document: OpenAPI, bodies: Iterable[Any]) -> None:
    """Say of the bodies of requests what the library leaves out: that no further fields are allowed, the bounds of what
    stands in lists, and a minimum of 0."""
    assert document.components is not None
    known: dict[str, Schema] = document.components.schemas or {}
    for type_ in bodies:
        _tighten(inspect.type_info(type_), None, known)


def _tighten(info: inspect.Type, schema: Any, known: dict[str, Schema]) -> None:
    if isinstance(info, inspect.Metadata):
        _tighten(info.type, schema, known)
    elif isinstance(info, inspect.UnionType):
        for each in info.types:
            _tighten(each, schema, known)
    elif isinstance(info, inspect.StructType):
        _tighten_struct(info, known)
    elif isinstance(info, inspect.ListType):
        _tighten(info.item_type, _items_of(schema), known)
    elif isinstance(info, inspect.IntType | inspect.FloatType) and isinstance(schema, Schema) and info.ge == 0:
        schema.minimum = 0
    elif isinstance(info, inspect.StrType) and isinstance(schema, Schema):
        schema.min_length, schema.max_length = info.min_length, info.max_length
        schema.pattern = schema.pattern or info.pattern


def _tighten_struct(info: inspect.StructType, known: dict[str, Schema]) -> None:
    schema = known.get(info.cls.__name__)
    if schema is None or schema.additional_properties is not None:
        return
    schema.additional_properties = not info.forbid_unknown_fields
    for field in info.fields:
        _tighten(field.type, (schema.properties or {}).get(field.encode_name), known)


def _items_of(schema: Any) -> Any:
    """Of a list, or of what may be one."""
    options = [schema, *(getattr(schema, "one_of", None) or ())]
    return next((option.items for option in options if isinstance(option, Schema) and option.items), None)
