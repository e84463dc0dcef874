"""Countries and their parts, as far as their public holidays are known."""

from functools import cache

import holidays

from models.kernel.errors import Fault


def check_place(country: str, subdivision: str | None) -> list[Fault]:
    """`country` is ISO 3166-1 alpha-2, `subdivision` the second part of ISO 3166-2 (`BE` of `DE-BE`)."""
    parts = _subdivisions().get(country)
    if parts is None:
        return [Fault("country", f"there is no holiday calendar for the country `{country}`")]
    if subdivision is None or subdivision in parts:
        return []
    known = f"one of {', '.join(parts)}" if parts else "null: the country has no calendars of its parts"
    return [Fault("subdivision", f"must be {known}")]


@cache
def _subdivisions() -> dict[str, list[str]]:
    return holidays.list_supported_countries(include_aliases=False)
