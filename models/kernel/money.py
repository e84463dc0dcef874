"""Exact money: amounts are Decimals in the currency's major unit, currencies are ISO 4217 codes."""

from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# As in use since January 2026; precious metals, test and no-currency codes are left out.
ISO_4217 = _codes(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD
    CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL
    GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW
    KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD
    NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP
    SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS
    VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """
)

_DEFAULT_EXPONENT = 2
_EXPONENTS = {
    **dict.fromkeys(_codes("BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"), 0),
    **dict.fromkeys(_codes("BHD IQD JOD KWD LYD OMR TND"), 3),
    **dict.fromkeys(_codes("CLF UYW"), 4),
}

# Wider than any column, and not the thread's own context: a caller's precision must not change an amount.
_EXACT = Context(prec=60, rounding=ROUND_HALF_UP)


def is_known(currency: str) -> bool:
    """Whether the code is a currency of ISO 4217 today; codes are upper case."""
    return currency in ISO_4217


def exponent(currency: str) -> int:
    """Decimals of the minor unit by ISO 4217; 2 for a code not on the list, such as a withdrawn one."""
    return _EXPONENTS.get(currency, _DEFAULT_EXPONENT)


def quantize(amount: Decimal, currency: str) -> Decimal:
    """Half-up (a tie goes away from zero) to the minor unit; ValueError when not finite or too large."""
    if not amount.is_finite():
        raise ValueError(f"{amount} is not an amount")
    try:
        return amount.quantize(Decimal(1).scaleb(-exponent(currency)), context=_EXACT)
    except InvalidOperation as error:
        raise ValueError(f"{amount} is too large for an amount") from error


def check_precision(amount: Decimal, currency: str) -> Decimal:
    """The amount with exactly the currency's decimals.

    Raises ValueError when that would change its value: what a caller sends is refused, never rounded.
    """
    exact = quantize(amount, currency)
    if exact != amount:
        raise ValueError(f"{currency} has {exponent(currency)} decimals, {amount} has more")
    return exact


def to_minor_units(amount: Decimal, currency: str) -> int:
    """Cents, agorot, yen …; ValueError when the amount is not a whole number of them."""
    return int(check_precision(amount, currency).scaleb(exponent(currency), context=_EXACT))


def from_minor_units(units: int, currency: str) -> Decimal:
    return Decimal(units).scaleb(-exponent(currency), context=_EXACT)


def split_evenly(total: Decimal, parts: int, currency: str) -> tuple[Decimal, Decimal]:
    """`(share, last)` with share x (parts - 1) + last = total.

    The share is half-up, or rounded down where half-up would leave a last part of the other sign.
    Raises ValueError for fewer than one part and for a total finer than the currency's minor unit.
    """
    if parts < 1:
        raise ValueError(f"an amount cannot be split into {parts} parts")
    units = to_minor_units(total, currency)
    if units < 0:
        share, last = split_evenly(-total, parts, currency)
        return -share, -last
    each = (2 * units + parts) // (2 * parts)
    if each * (parts - 1) > units:
        each = units // parts
    return from_minor_units(each, currency), from_minor_units(units - each * (parts - 1), currency)


def net_of_vat(gross: Decimal, rate: Decimal, currency: str) -> Decimal:
    """gross / (1 + rate), half-up. The rate is a fraction: 0.18 is 18 %; ValueError outside 0 <= rate < 1."""
    if not 0 <= rate < 1:
        raise ValueError(f"{rate} is not a VAT rate: 18 % is 0.18")
    return quantize(_EXACT.divide(gross, 1 + rate), currency)
