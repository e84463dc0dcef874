"""The dates on which a branch gives no lessons: its closures, those of all branches, and public holidays."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from functools import lru_cache

import msgspec

from models.cycles.holidays import public_holidays


class Closed(msgspec.Struct, frozen=True):
    """Both dates inclusive."""

    name: str
    start_date: date
    end_date: date


class BlockedDates(Mapping[date, str]):
    """Reasons by date. A year's holidays are computed when the plan first reaches it, so that none is missing.

    Looking up a date raises HolidaySourceError when the calendar of its country or year is not known.
    """

    def __init__(self, country: str, subdivision: str | None, closures: Sequence[Closed]) -> None:
        self._country = country
        self._subdivision = subdivision
        self._closures = closures
        self._years: dict[int, Mapping[date, str]] = {}

    def __getitem__(self, day: date) -> str:
        for closure in self._closures:
            if closure.start_date <= day <= closure.end_date:
                return f"closed: {closure.name}"
        return f"public holiday: {self._holidays(day.year)[day]}"

    def __iter__(self) -> Iterator[date]:
        """The dates of the years looked into so far."""
        for year in self._years.values():
            yield from year

    def __len__(self) -> int:
        return sum(map(len, self._years.values()))

    def _holidays(self, year: int) -> Mapping[date, str]:
        if year not in self._years:
            self._years[year] = holidays_of(self._country, self._subdivision, year)
        return self._years[year]


@lru_cache(maxsize=1000)
def holidays_of(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    """One year of a calendar, computed once per process."""
    return public_holidays(country, subdivision, [year])
