"""Public holidays, computed offline from the rules of each country."""

from collections.abc import Iterable
from datetime import date
from functools import cache

import holidays

from models.kernel.errors import Unprocessable


class HolidaySourceError(Unprocessable):
    """The calendar is not known; an empty one would put meetings on holidays."""


def public_holidays(country: str, subdivision: str | None, years: Iterable[int]) -> dict[date, str]:
    """English names by date, in order of date, substitute days included.

    `country` is ISO 3166-1 alpha-2, `subdivision` the second part of ISO 3166-2 (`BE` of `DE-BE`) or None for
    the days that hold everywhere. Raises HolidaySourceError for a country, subdivision or year the source
    does not have.
    """
    wanted = sorted(set(years))
    known = _calendar(country, subdivision, [])
    missing = [year for year in wanted if not known.start_year <= year <= known.end_year]
    if missing:
        raise HolidaySourceError(f"The holidays of `{country}` are not known for {missing}.")
    return dict(sorted(_calendar(country, subdivision, wanted).items()))


def _calendar(country: str, subdivision: str | None, years: list[int]) -> holidays.HolidayBase:
    if country not in _countries():
        raise HolidaySourceError(f"There is no holiday calendar for the country `{country}`.")
    try:
        return holidays.country_holidays(country, subdiv=subdivision, years=years, language="en_US")
    except NotImplementedError as error:
        raise HolidaySourceError(f"`{country}` has no subdivision `{subdivision}`.") from error


@cache
def _countries() -> frozenset[str]:
    """Asked by hand because the library takes any name in its own namespace for a country."""
    return frozenset(holidays.list_supported_countries(include_aliases=False))
