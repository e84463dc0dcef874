from decimal import Decimal, localcontext

import pytest

from models.kernel import money

D = Decimal


@pytest.mark.parametrize(
    ("currency", "exponent"),
    [
        ("ILS", 2), ("USD", 2), ("NGN", 2), ("MRU", 2), ("MGA", 2), ("JPY", 0), ("UGX", 0), ("CLP", 0),
        ("XOF", 0), ("ISK", 0), ("KWD", 3), ("BHD", 3), ("TND", 3), ("CLF", 4),
    ],
)  # fmt: skip
def test_the_exponent_is_the_minor_unit_of_iso_4217(currency: str, exponent: int) -> None:
    assert money.exponent(currency) == exponent


def test_a_withdrawn_currency_in_old_rows_still_has_two_decimals() -> None:
    assert not money.is_known("HRK")
    assert money.exponent("HRK") == 2


@pytest.mark.parametrize("currency", ["ILS", "EUR", "XCG", "ZWG", "SLE", "XOF"])
def test_codes_of_today_are_known(currency: str) -> None:
    assert money.is_known(currency)


@pytest.mark.parametrize("currency", ["", "ils", "ABC", "BTC", "XXX", "XAU", "XTS", "BGN", "ANG", "ZWL", "EURO"])
def test_other_codes_are_not_known(currency: str) -> None:
    assert not money.is_known(currency)


def test_every_exception_to_two_decimals_is_a_known_currency() -> None:
    assert all(money.exponent(code) in (0, 2, 3, 4) for code in money.ISO_4217)
    assert len([code for code in money.ISO_4217 if money.exponent(code) != 2]) == 17 + 7 + 2


@pytest.mark.parametrize(
    ("amount", "currency", "expected"),
    [
        pytest.param("10.005", "ILS", "10.01", id="a tie goes up where half-even would go down"),
        pytest.param("10.015", "ILS", "10.02", id="a tie goes up where half-even would go up too"),
        pytest.param("10.0049999", "ILS", "10.00", id="below the tie goes down"),
        pytest.param("-10.005", "ILS", "-10.01", id="a negative tie goes away from zero"),
        pytest.param("7", "ILS", "7.00", id="missing decimals are added"),
        pytest.param("0.5", "JPY", "1", id="yen has no decimals"),
        pytest.param("1.0005", "KWD", "1.001", id="dinar has three"),
        pytest.param("1e30", "USD", "1000000000000000000000000000000.00", id="wider than the default precision"),
    ],
)
def test_quantize_is_half_up(amount: str, currency: str, expected: str) -> None:
    assert str(money.quantize(D(amount), currency)) == expected


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-Infinity", "1e999999"])
def test_what_is_no_amount_is_refused(amount: str) -> None:
    for refuse in (money.quantize, money.check_precision, money.to_minor_units):
        with pytest.raises(ValueError, match="amount"):
            refuse(D(amount), "USD")


@pytest.mark.parametrize(
    ("amount", "currency", "exact"),
    [
        ("10.10", "ILS", "10.10"),
        ("100.00", "JPY", "100"),
        ("1.250", "USD", "1.25"),
        ("1.234", "KWD", "1.234"),
    ],
)
def test_precision_is_about_the_value_not_about_trailing_zeros(amount: str, currency: str, exact: str) -> None:
    assert str(money.check_precision(D(amount), currency)) == exact


@pytest.mark.parametrize(
    ("amount", "currency"), [("10.001", "ILS"), ("100.5", "JPY"), ("1.2345", "KWD"), ("0.005", "USD")]
)
def test_input_finer_than_the_currency_is_refused_not_rounded(amount: str, currency: str) -> None:
    with pytest.raises(ValueError, match=f"{currency} has {money.exponent(currency)} decimals"):
        money.check_precision(D(amount), currency)


@pytest.mark.parametrize(
    ("amount", "currency", "units"),
    [
        ("149.90", "ILS", 14990),
        ("500", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("-0.01", "USD", -1),
        ("0", "USD", 0),
    ],
)
def test_minor_units_there_and_back(amount: str, currency: str, units: int) -> None:
    assert money.to_minor_units(D(amount), currency) == units
    assert money.from_minor_units(units, currency) == D(amount)


@pytest.mark.parametrize(
    ("total", "parts", "currency", "share", "last"),
    [
        pytest.param("100", 4, "ILS", "25.00", "25.00", id="even"),
        pytest.param("100", 3, "ILS", "33.33", "33.34", id="the last takes what is missing"),
        pytest.param("200", 3, "ILS", "66.67", "66.66", id="the last gives what is too much"),
        pytest.param("0.01", 2, "ILS", "0.01", "0.00", id="a tie at half a cent goes up"),
        pytest.param("0.05", 10, "ILS", "0.00", "0.05", id="rounded down where the last would be negative"),
        pytest.param("0.06", 10, "ILS", "0.00", "0.06", id="so too just above the tie"),
        pytest.param("0.09", 10, "ILS", "0.01", "0.00", id="the last may be nothing"),
        pytest.param("1000", 3, "JPY", "333", "334", id="yen"),
        pytest.param("1", 3, "KWD", "0.333", "0.334", id="dinar"),
        pytest.param("847.46", 10, "ILS", "84.75", "84.71", id="a net price over ten lessons"),
        pytest.param("99.99", 1, "ILS", "99.99", "99.99", id="one part"),
        pytest.param("0", 7, "ILS", "0.00", "0.00", id="nothing"),
        pytest.param("-100", 3, "ILS", "-33.33", "-33.34", id="a credit mirrors a charge"),
    ],
)
def test_splitting(total: str, parts: int, currency: str, share: str, last: str) -> None:
    assert money.split_evenly(D(total), parts, currency) == (D(share), D(last))


@pytest.mark.parametrize("currency", ["JPY", "ILS", "KWD"])
def test_the_parts_always_add_up_and_none_changes_sign(currency: str) -> None:
    for units in [*range(60), 99_999, 1_234_567]:
        total = money.from_minor_units(units, currency)
        for parts in range(1, 40):
            share, last = money.split_evenly(total, parts, currency)
            assert share * (parts - 1) + last == total
            assert share >= 0
            assert last >= 0


@pytest.mark.parametrize("parts", [0, -1])
def test_there_is_no_splitting_into_no_parts(parts: int) -> None:
    with pytest.raises(ValueError, match="cannot be split"):
        money.split_evenly(D(10), parts, "ILS")


def test_a_total_finer_than_the_currency_is_not_split() -> None:
    with pytest.raises(ValueError, match="JPY has 0 decimals"):
        money.split_evenly(D("10.50"), 2, "JPY")


@pytest.mark.parametrize(
    ("gross", "rate", "currency", "net"),
    [
        pytest.param("118", "0.18", "ILS", "100.00", id="18 percent"),
        pytest.param("1000", "0.18", "ILS", "847.46", id="rounded"),
        pytest.param("0.01", "0", "ILS", "0.01", id="no tax"),
        pytest.param("1.01", "0.25", "USD", "0.81", id="0.808 up"),
        pytest.param("1.5", "0.5", "JPY", "1", id="yen"),
        pytest.param("1.25625", "0.25", "USD", "1.01", id="1.005 is a tie and goes up"),
        pytest.param("2.513", "0.25", "KWD", "2.010", id="dinar"),
    ],
)
def test_the_net_of_a_gross_amount(gross: str, rate: str, currency: str, net: str) -> None:
    assert str(money.net_of_vat(D(gross), D(rate), currency)) == net


@pytest.mark.parametrize("rate", ["18", "1", "-0.1"])
def test_a_percentage_is_not_taken_for_a_fraction(rate: str) -> None:
    with pytest.raises(ValueError, match=r"18 % is 0\.18"):
        money.net_of_vat(D(100), D(rate), "ILS")


def test_the_precision_of_the_thread_changes_no_amount() -> None:
    with localcontext(prec=3):
        assert money.quantize(D("12345.675"), "ILS") == D("12345.68")
        assert money.split_evenly(D("12345.67"), 2, "ILS") == (D("6172.84"), D("6172.83"))
        assert money.net_of_vat(D("14568.48"), D("0.18"), "ILS") == D("12346.17")
