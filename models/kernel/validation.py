"""Convert untrusted data to a struct and name every fault at once (msgspec stops at the first)."""

import contextlib
from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

import msgspec

from models.kernel.errors import Fault, Invalid

T = TypeVar("T")
NUL_IN_JSON = rb"\u0000"
OUR_WORDS = {
    "Expected `datetime` with a timezone component": "needs an offset (RFC 3339), such as `Z`",
    "Expected `datetime` with no timezone component": "must be a wall-clock time, without an offset",
}


def decode(body: bytes, type_: type[T]) -> T:
    """JSON to a struct.

    Raises Invalid with a fault for every bad, missing or unknown field.
    """
    try:
        return msgspec.json.decode(body, type=type_)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return convert(_plain(body), type_)


def _plain(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except RecursionError:
        raise Invalid("The body is nested too deeply.") from None
    except msgspec.ValidationError as error:
        raise Invalid(f"The body cannot be read: {_reason(error)}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"The body is not JSON: {error}.") from error


def convert(raw: Any, type_: type[T], *, strict: bool = True) -> T:
    """Plain Python data to a struct; `strict=False` reads numbers and booleans out of strings (query parameters).

    Raises Invalid with a fault for every bad, missing or unknown field.
    """
    try:
        return msgspec.convert(raw, type=type_, strict=strict)
    except msgspec.ValidationError as error:
        faults = _faults(raw, type_, "", strict) or [Fault("", _reason(error))]
        raise Invalid.of(faults) from error


def check_storable(body: bytes) -> None:
    """PostgreSQL stores no NUL, in any text. Raises Invalid with a fault for every one in a JSON body."""
    if NUL_IN_JSON not in body:
        return
    try:
        found = list(nuls(msgspec.json.decode(body)))
    except RecursionError:
        raise Invalid("The body is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # whoever reads it for good says what is wrong
    refuse_nuls(found)


def refuse_nuls(paths: list[str]) -> None:
    if paths:
        raise Invalid.of([Fault(path, "holds what no text may (NUL)") for path in paths])


def nuls(raw: Any, path: str = "") -> Iterator[str]:
    """Where in plain Python data a text with NUL stands."""
    if isinstance(raw, str) and "\0" in raw:
        yield path
    elif isinstance(raw, dict):
        for name, value in raw.items():
            inner = _join(path, name.replace("\0", ""))
            yield from [inner] if "\0" in name else nuls(value, inner)
    elif isinstance(raw, list):
        for number, value in enumerate(raw):
            yield from nuls(value, f"{path}[{number}]")


def alternatives(type_: Any) -> Iterator[Any]:
    """What a value of the type may be: `list[UUID]` and None for `Annotated[list[UUID], …] | None`."""
    origin = get_origin(type_)
    if origin is Annotated:
        yield from alternatives(get_args(type_)[0])
    elif origin in (Union, UnionType):
        for each in get_args(type_):
            yield from alternatives(each)
    else:
        yield type_


def _faults(raw: Any, type_: Any, path: str, strict: bool) -> list[Fault]:
    struct = _struct_in(type_)
    if struct is not None and isinstance(raw, dict):
        return _struct_faults(raw, struct, path, strict)
    item = _item_type(type_)
    if item is not None and isinstance(raw, list):
        nested = [fault for i, value in enumerate(raw) for fault in _faults(value, item, f"{path}[{i}]", strict)]
        if nested:
            return nested
    try:
        msgspec.convert(raw, type=type_, strict=strict)
    except msgspec.ValidationError as error:
        return [Fault(path, _reason(error))]
    return []


def _struct_faults(raw: dict[str, Any], struct: type[msgspec.Struct], path: str, strict: bool) -> list[Fault]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    faults: list[Fault] = []
    for name, field in fields.items():
        if name in raw:
            faults += _faults(raw[name], field.type, _join(path, name), strict)
        elif field.required:
            faults.append(Fault(_join(path, name), "is required"))
    if struct.__struct_config__.forbid_unknown_fields:
        tag = struct.__struct_config__.tag_field
        unknown = [str(name) for name in raw if name not in fields and name != tag]
        faults += [Fault(_join(path, name), "is not a known field") for name in unknown]
    return faults + _between_fields(raw, struct, path, strict) if faults else _check_whole(raw, struct, path, strict)


def _between_fields(raw: dict[str, Any], struct: type[msgspec.Struct], path: str, strict: bool) -> list[Fault]:
    """What the rules between fields say, where some of these cannot be read (see `schema.In.judge`)."""
    judge = getattr(struct, "judge", None)
    if judge is None:
        return []
    readable: dict[str, Any] = {}
    for field in msgspec.structs.fields(struct):
        if field.encode_name in raw:
            with contextlib.suppress(msgspec.ValidationError):
                readable[field.name] = msgspec.convert(raw[field.encode_name], type=field.type, strict=strict)
        elif not field.required:
            readable[field.name] = _default(field)
    return [Fault(_join(path, fault.field), fault.message) for fault in judge(readable)]


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _check_whole(raw: dict[str, Any], struct: type[msgspec.Struct], path: str, strict: bool) -> list[Fault]:
    """The faults of a struct's `__post_init__`, which sees the fields together."""
    try:
        msgspec.convert(raw, type=struct, strict=strict)
    except msgspec.ValidationError as error:
        if isinstance(error.__cause__, FaultsFound):
            return [Fault(_join(path, fault.field), fault.message) for fault in error.__cause__.faults]
        return [Fault(path, _reason(error))]
    return []


class FaultsFound(ValueError):
    """For a struct's `__post_init__`: what is wrong between fields that are each right alone."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("; ".join(f"{fault.field} {fault.message}" for fault in faults))
        self.faults = faults


def _struct_in(type_: Any) -> type[msgspec.Struct] | None:
    structs = [each for each in alternatives(type_) if isinstance(each, type) and issubclass(each, msgspec.Struct)]
    return structs[0] if len(structs) == 1 else None


def _item_type(type_: Any) -> Any:
    for each in alternatives(type_):
        if get_origin(each) is list or (get_origin(each) is tuple and get_args(each)[1:] == (...,)):
            return get_args(each)[0]
    return None


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _reason(error: msgspec.ValidationError) -> str:
    """msgspec's sentence, or ours for it, without its own path, which we give as the field."""
    text = str(error).split(" - at `")[0]
    text = OUR_WORDS.get(text, text)
    return text[:1].lower() + text[1:]
