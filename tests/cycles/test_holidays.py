from datetime import date

import pytest

from models.cycles.holidays import HolidaySourceError, public_holidays


@pytest.mark.parametrize(
    ("country", "subdivision", "day", "name"),
    [
        pytest.param("IL", None, date(2026, 9, 21), "Yom Kippur", id="Israel in English"),
        pytest.param("DE", None, date(2026, 10, 3), "German Unity Day", id="Germany in English"),
        pytest.param("DE", "BE", date(2026, 3, 8), "Women's Day", id="Berlin alone"),
        pytest.param("GB", "SCT", date(2026, 11, 30), "Saint Andrew's Day", id="Scotland alone"),
        pytest.param("NG", None, date(2026, 10, 1), "National Day", id="Nigeria"),
        pytest.param("AU", "NSW", date(2027, 1, 26), "Australia Day", id="New South Wales"),
    ],
)
def test_public_holidays_have_english_names(country: str, subdivision: str | None, day: date, name: str) -> None:
    assert public_holidays(country, subdivision, [day.year])[day] == name


def test_a_holiday_of_one_part_of_a_country_is_none_for_the_whole() -> None:
    assert date(2026, 3, 8) not in public_holidays("DE", None, [2026])


def test_a_day_for_schools_only_is_no_public_holiday() -> None:
    assert "Hanukkah" not in public_holidays("IL", None, [2026]).values()


def test_all_years_asked_for_are_there_in_order() -> None:
    found = public_holidays("IL", None, [2027, 2026, 2028, 2027])
    assert list(found) == sorted(found)
    assert {day.year for day in found} == {2026, 2027, 2028}


@pytest.mark.parametrize(
    ("country", "subdivision"),
    [
        pytest.param("XX", None, id="no such country"),
        pytest.param("", None, id="empty"),
        pytest.param("il", None, id="lower case"),
        pytest.param("HolidayBase", None, id="a name inside the library"),
        pytest.param("utils", None, id="a module of the library"),
        pytest.param("US", "ZZ", id="no such subdivision"),
    ],
)
def test_an_unknown_place_is_an_error_never_an_empty_calendar(country: str, subdivision: str | None) -> None:
    with pytest.raises(HolidaySourceError):
        public_holidays(country, subdivision, [2026])


@pytest.mark.parametrize(("country", "year"), [("LK", 2040), ("IL", 2101), ("GW", 2020)])
def test_a_year_outside_the_source_is_an_error_never_an_empty_calendar(country: str, year: int) -> None:
    with pytest.raises(HolidaySourceError, match=str(year)):
        public_holidays(country, None, [year])


def test_no_years_are_no_holidays() -> None:
    assert public_holidays("IL", None, []) == {}


def test_names_are_english_whatever_the_language_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "de")
    assert public_holidays("DE", None, [2025])[date(2025, 10, 3)] == "German Unity Day"
