"""The base of everything that crosses a boundary as JSON: camelCase names; input refuses unknown fields."""

import contextlib
import inspect
import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar, Protocol, Self
from zoneinfo import available_timezones

import msgspec
from msgspec import Meta

from models.kernel.errors import Fault
from models.kernel.money import exponent, is_known, quantize
from models.kernel.validation import FaultsFound, alternatives

Name = Annotated[str, Meta(min_length=1, max_length=200)]
ShortText = Annotated[str, Meta(max_length=200)]
LongText = Annotated[str, Meta(max_length=10_000)]
# Without what parts one address from another in a header.
_EMAIL = r"^[^@\s<>()\[\],;:\\\"]+@[^@\s<>()\[\],;:\\\"]+\.[^@\s<>()\[\],;:\\\"]+$(?!\n)"
Email = Annotated[str, Meta(min_length=3, max_length=254, pattern=_EMAIL)]
Phone = Annotated[str, Meta(pattern=r"^\+[1-9][0-9]{6,14}$(?!\n)", description="E.164", examples=["+972501234567"])]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$(?!\n)", description="ISO 3166-1 alpha-2", examples=["IL"])]
Currency = Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)", description="ISO 4217", examples=["ILS"])]
Locale = Annotated[
    str, Meta(max_length=35, pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$(?!\n)", description="BCP 47", examples=["he"])
]
Instant = Annotated[datetime, Meta(tz=True)]
Timezone = Annotated[str, Meta(max_length=64, description="IANA time zone", examples=["Asia/Jerusalem"])]
Link = Annotated[
    str, Meta(max_length=2000, pattern=r"^https?://[^\s/]+\S*$(?!\n)", examples=["https://example.com/files/4711.pdf"])
]
Money = Annotated[Decimal, Meta(description="exact decimal, never rounded silently", examples=[149.90])]

Rule = Callable[[Any], Iterable[Fault]]

FIRST_YEAR, LAST_YEAR = 2, 9998
# Without those that say nothing of a place: the machine's own, and none.
_ZONES = available_timezones() - {"localtime", "Factory"}
MAX_MONEY = Decimal(10) ** 12


class In(msgspec.Struct, rename="camel", forbid_unknown_fields=True, kw_only=True):
    """What a caller sends. Rules between fields are `rules`, or one: `faults`; all faults are named in one answer."""

    rules: ClassVar[tuple[Rule, ...]] = ()

    def __post_init__(self) -> None:
        strange = _out_of_calendar(type(self), self)
        if faults := self.judge(msgspec.structs.asdict(self)) if strange else self.faults():
            raise FaultsFound(faults)

    def faults(self) -> list[Fault]:
        return list(dict.fromkeys(fault for rule in self.rules for fault in rule(self)))

    @classmethod
    def judge(cls, readable: dict[str, Any]) -> list[Fault]:
        """Of an input of which only the `readable` fields make sense, given by their Python names: what every rule says
        that asks for none of the others."""
        strange = _out_of_calendar(cls, _Partial(cls, readable))
        partial = _Partial(cls, {name: value for name, value in readable.items() if name not in strange})
        faults = list(strange.values())
        for rule in cls.rules or (cls.faults,):
            with contextlib.suppress(_UnreadableError):
                faults += rule(partial)  # type: ignore[arg-type]
        return list(dict.fromkeys(faults))


class _UnreadableError(AttributeError):
    """Something asks for a field that cannot be read."""


class _Partial:
    """Stands for a struct in its own rules."""

    def __init__(self, struct: type[In], values: dict[str, Any]) -> None:
        self._struct = struct
        self._values = values

    def __getattr__(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name in self._struct.__struct_fields__:
            raise _UnreadableError(name)
        found = inspect.getattr_static(self._struct, name)
        return found.__get__(self, self._struct) if hasattr(found, "__get__") else found


def in_calendar(day: date) -> bool:
    """Whether PostgreSQL and Python agree on it: at the edges of their calendars an offset passes the end, and the
    first and last moments of Python mean for ever."""
    if isinstance(day, datetime) and day.tzinfo and day.year in (FIRST_YEAR, LAST_YEAR):
        day = day.astimezone(UTC)
    return FIRST_YEAR <= day.year <= LAST_YEAR


def _out_of_calendar(struct: type[In], values: Any) -> dict[str, Fault]:
    faults = {}
    for name, told in _days_in(struct):
        value = getattr(values, name, None)
        if isinstance(value, date) and not in_calendar(value):
            faults[name] = Fault(told, f"must be in the years {FIRST_YEAR} to {LAST_YEAR}")
    return faults


@cache
def _days_in(struct: type[In]) -> tuple[tuple[str, str], ...]:
    """The fields that hold dates and instants: their names in Python and on the wire."""
    return tuple(
        (field.name, field.encode_name)
        for field in msgspec.structs.fields(struct)
        if any(isinstance(each, type) and issubclass(each, date) for each in alternatives(field.type))
    )


class Hides(Protocol):
    """Something that names fields, as the API does."""

    @property
    def hidden(self) -> frozenset[str]: ...


class Out(msgspec.Struct, rename="camel", kw_only=True):
    """What a caller gets. Fields have no defaults: what was not loaded must not become an empty value."""

    @classmethod
    def of(cls, row: Any) -> Self:
        return msgspec.convert(row, cls, from_attributes=True)

    @classmethod
    def within(cls, row: Any, reach: Hides) -> Self:
        """As `of`, with null for what is hidden from whom the answer is for (see `Reach`)."""
        out = cls.of(row)
        for name in map(snake, reach.hidden):
            if name in cls.__struct_fields__:
                setattr(out, name, None)
        return out


class Priced(Out):
    """With amounts, all of them in `currency`: they go out with exactly its decimals."""

    currency: str | None

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if isinstance(value, Decimal) and self.currency:
                setattr(self, name, quantize(value, self.currency))


def check_timezone(field: str, value: str) -> list[Fault]:
    return [] if value in _ZONES else [Fault(field, f"`{value}` is not an IANA time zone")]


def check_range(field: str, value: Decimal | None) -> list[Fault]:
    """Money is not negative and fits its column."""
    if value is None or (value.is_finite() and 0 <= value < MAX_MONEY):
        return []
    return [Fault(field, "must be between 0 and 999,999,999,999.99")]


def check_money(currency: str | None, **amounts: Decimal | None) -> list[Fault]:
    """Amounts in one currency of ISO 4217, none finer than its minor unit; keywords are the fields as the caller
    wrote them, the currency's is `currency`.
    """
    given_amounts = {field: value for field, value in amounts.items() if value is not None}
    if currency is None:
        return [Fault("currency", "is required with an amount")] if given_amounts else []
    if not is_known(currency):
        return [Fault("currency", f"`{currency}` is not a currency of ISO 4217")]
    return [fault for field, value in given_amounts.items() for fault in _check_amount(field, value, currency)]


def _check_amount(field: str, value: Decimal, currency: str) -> list[Fault]:
    if out_of_range := check_range(field, value):
        return out_of_range
    exact = quantize(value, currency) == value
    return [] if exact else [Fault(field, f"must have at most {exponent(currency)} decimals in {currency}")]


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


def snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


def given(data: msgspec.Struct) -> dict[str, Any]:
    """The fields of a PATCH body the caller has sent, by their Python names."""
    values = {name: getattr(data, name) for name in data.__struct_fields__}
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}
