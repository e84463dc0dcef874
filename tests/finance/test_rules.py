from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from models.cycles.values import ActivityType, CycleType, MeetingNature, MeetingStatus, PayMode
from models.finance.rules import MeetingFacts, Money, meeting_money

D = Decimal
START = datetime(2026, 11, 9, 14, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")

PRIVATE: dict[str, Any] = {"cycle_type": CycleType.PRIVATE}
PER_CHILD: dict[str, Any] = {"cycle_type": CycleType.INSTITUTIONAL_PER_CHILD, "price_per_student": D("45.50")}
FIXED: dict[str, Any] = {"cycle_type": CycleType.INSTITUTIONAL_FIXED, "meeting_revenue": D("380.00")}
DAILY: dict[str, Any] = {"pay_mode": PayMode.DAILY, "daily_rate": D(500)}


def facts(**changes: Any) -> MeetingFacts:
    """The third of ten completed one-hour meetings of a private cycle, at 100 an hour."""
    usual: dict[str, Any] = {
        "status": MeetingStatus.COMPLETED,
        "nature": MeetingNature.REGULAR,
        "number": 3,
        "total_meetings": 10,
        "starts_at": START,
        "ends_at": START + timedelta(hours=1),
        "currency": "ILS",
        "cycle_type": CycleType.PRIVATE,
        "registration_amounts": (D(1000), D(1200)),
        "price_includes_vat": False,
        "vat_rate": D("0.18"),
        "price_per_student": None,
        "student_count": None,
        "revenue_registrations": 2,
        "meeting_revenue": None,
        "meeting_activity": None,
        "cycle_activity": ActivityType.FRONTAL,
        "rate_frontal": D(100),
        "rate_online": None,
        "rate_private": None,
        "instructor_budget": None,
        "pay_mode": PayMode.HOURLY,
        "daily_rate": None,
        "is_first_completed_of_day": True,
    }
    return MeetingFacts(**(usual | changes))


def all_meetings(**changes: Any) -> list[Money]:
    total = changes["total_meetings"]
    return [meeting_money(facts(**changes, number=number)) for number in range(1, total + 1)]


@pytest.mark.parametrize(
    ("changes", "revenue"),
    [
        pytest.param(PRIVATE, "220.00", id="private: the registrations over the meetings"),
        pytest.param(PRIVATE | {"price_includes_vat": True}, "186.44", id="private: VAT taken off"),
        pytest.param(
            PRIVATE | {"price_includes_vat": True, "vat_rate": D(0)},
            "220.00",
            id="private: a country without VAT",
        ),
        pytest.param(PRIVATE | {"registration_amounts": ()}, "0.00", id="private: nobody registered"),
        pytest.param(
            PRIVATE | {"registration_amounts": (D("0.05"),), "total_meetings": 2, "number": 1},
            "0.03",
            id="private: half an agora goes up",
        ),
        pytest.param(
            PRIVATE | {"registration_amounts": (D(1000),), "total_meetings": 3, "currency": "JPY", "number": 1},
            "333",
            id="private: yen has no decimals",
        ),
        pytest.param(
            PRIVATE | {"registration_amounts": (D(1),), "total_meetings": 3, "currency": "KWD"},
            "0.334",
            id="private: the last of three in dinar",
        ),
        pytest.param(
            PRIVATE | {"registration_amounts": (D(100),), "total_meetings": 3, "number": 4},
            "33.33",
            id="private: beyond the contract it is a plain share",
        ),
        pytest.param(PER_CHILD | {"student_count": 20}, "910.00", id="per child: the agreed number"),
        pytest.param(PER_CHILD | {"student_count": None}, "91.00", id="per child: no number agreed"),
        pytest.param(PER_CHILD | {"student_count": 0}, "91.00", id="per child: zero agreed is none agreed"),
        pytest.param(PER_CHILD | {"revenue_registrations": 0}, "0.00", id="per child: no students"),
        pytest.param(
            PER_CHILD | {"student_count": 20, "price_includes_vat": True}, "910.00", id="per child: VAT stays"
        ),
        pytest.param(
            PER_CHILD | {"price_per_student": D("0.335"), "student_count": 3},
            "1.01",
            id="per child: 1.005 up",
        ),
        pytest.param(PER_CHILD | {"price_per_student": None}, "0.00", id="per child: no price set"),
        pytest.param(FIXED, "380.00", id="fixed: per meeting"),
        pytest.param(FIXED | {"price_includes_vat": True}, "380.00", id="fixed: VAT stays"),
        pytest.param(FIXED | {"total_meetings": 3, "number": 3}, "380.00", id="fixed: nothing is divided"),
        pytest.param(FIXED | {"meeting_revenue": None}, "0.00", id="fixed: no revenue set"),
    ],
)
def test_revenue(changes: dict[str, Any], revenue: str) -> None:
    assert str(meeting_money(facts(**changes)).revenue) == revenue


ONLINE, FRONTAL, LESSON = ActivityType.ONLINE, ActivityType.FRONTAL, ActivityType.PRIVATE_LESSON
RATES: dict[str, Any] = {"rate_frontal": D(100), "rate_online": D(80), "rate_private": D(130)}


@pytest.mark.parametrize(
    ("changes", "payment"),
    [
        pytest.param(RATES | {"cycle_activity": FRONTAL}, "100.00", id="frontal"),
        pytest.param(RATES | {"cycle_activity": ONLINE}, "80.00", id="online"),
        pytest.param(RATES | {"cycle_activity": LESSON}, "130.00", id="private lesson"),
        pytest.param({"cycle_activity": ONLINE}, "100.00", id="online falls back to frontal"),
        pytest.param({"cycle_activity": LESSON}, "100.00", id="private lesson falls back to frontal"),
        pytest.param({"cycle_activity": ONLINE, "rate_online": D(0)}, "0.00", id="a rate of zero is a rate"),
        pytest.param(
            RATES | {"cycle_activity": FRONTAL, "meeting_activity": ONLINE},
            "80.00",
            id="the meeting's activity",
        ),
        pytest.param({"ends_at": START + timedelta(minutes=90)}, "150.00", id="an hour and a half"),
        pytest.param({"ends_at": START + timedelta(minutes=50)}, "83.33", id="fifty minutes"),
        pytest.param(
            {"rate_frontal": D("100.01"), "ends_at": START + timedelta(minutes=30)},
            "50.01",
            id="50.005 goes up",
        ),
        pytest.param(
            {"ends_at": START + timedelta(minutes=50), "currency": "JPY", "registration_amounts": ()},
            "83",
            id="yen",
        ),
        pytest.param({"ends_at": START + timedelta(minutes=50), "currency": "KWD"}, "83.333", id="dinar"),
        pytest.param({"instructor_budget": D(500)}, "50.00", id="a budget goes before the rate"),
        pytest.param(
            {"instructor_budget": D(500), "total_meetings": 3, "number": 2},
            "166.67",
            id="a share of the budget",
        ),
        pytest.param(
            {"instructor_budget": D(500), "total_meetings": 3, "number": 3},
            "166.66",
            id="the last of the budget",
        ),
        pytest.param({"instructor_budget": D(0)}, "0.00", id="a budget of nothing pays nothing"),
        pytest.param(DAILY | {"instructor_budget": D(500)}, "50.00", id="a budget goes before the day"),
        pytest.param(DAILY, "500.00", id="the first of the day has the daily rate"),
        pytest.param(DAILY | {"is_first_completed_of_day": False}, "0.00", id="the others of the day have none"),
        pytest.param(DAILY | {"daily_rate": None}, "0.00", id="no daily rate set"),
    ],
)
def test_instructor_payment(changes: dict[str, Any], payment: str) -> None:
    assert str(meeting_money(facts(**changes)).instructor_payment) == payment


@pytest.mark.parametrize(
    ("start", "end", "payment"),
    [
        pytest.param(
            datetime(2026, 10, 25, 1, 30, tzinfo=BERLIN),
            datetime(2026, 10, 25, 3, 30, tzinfo=BERLIN),
            "300.00",
            id="two hours by the clock are three in autumn",
        ),
        pytest.param(
            datetime(2027, 3, 28, 1, 30, tzinfo=BERLIN),
            datetime(2027, 3, 28, 3, 30, tzinfo=BERLIN),
            "100.00",
            id="two hours by the clock are one in spring",
        ),
    ],
)
def test_hours_are_those_that_elapse(start: datetime, end: datetime, payment: str) -> None:
    assert str(meeting_money(facts(starts_at=start, ends_at=end)).instructor_payment) == payment


@pytest.mark.parametrize("status", [MeetingStatus.SCHEDULED, MeetingStatus.CANCELLED, MeetingStatus.POSTPONED], ids=str)
@pytest.mark.parametrize("kind", [PRIVATE, PER_CHILD, FIXED, DAILY], ids=["private", "per child", "fixed", "daily"])
def test_a_meeting_that_is_not_completed_has_no_money(status: MeetingStatus, kind: dict[str, Any]) -> None:
    assert meeting_money(facts(**kind, status=status)) == Money(D(0), D(0), D(0))


@pytest.mark.parametrize("kind", [PRIVATE, PER_CHILD, FIXED], ids=["private", "per child", "fixed"])
def test_a_meeting_without_revenue_still_pays(kind: dict[str, Any]) -> None:
    money = meeting_money(facts(**kind, nature=MeetingNature.NO_REVENUE))
    assert money == Money(D(0), D(100), D(-100))


def test_profit_is_what_is_left_and_may_be_negative() -> None:
    assert meeting_money(facts()) == Money(D(220), D(100), D(120))
    assert meeting_money(facts(registration_amounts=())).profit == D(-100)


@pytest.mark.parametrize("total_meetings", [1, 3, 7, 12, 30])
@pytest.mark.parametrize(
    ("amounts", "includes_vat", "expected"),
    [
        pytest.param(("1000", "999.99"), False, "1999.99", id="net prices"),
        pytest.param(("1000", "999.99"), True, "1694.91", id="prices with VAT"),
        pytest.param(("0.07",), False, "0.07", id="less than a cent each"),
    ],
)
def test_the_meetings_of_a_cycle_add_up(
    total_meetings: int, amounts: tuple[str, ...], includes_vat: bool, expected: str
) -> None:
    meetings = all_meetings(
        total_meetings=total_meetings,
        registration_amounts=tuple(map(D, amounts)),
        price_includes_vat=includes_vat,
        instructor_budget=D("777.77"),
    )
    assert sum(money.revenue for money in meetings) == D(expected)
    assert sum(money.instructor_payment for money in meetings) == D("777.77")
    assert sum(money.profit for money in meetings) == D(expected) - D("777.77")


def test_the_same_facts_give_the_same_money() -> None:
    assert meeting_money(facts()) == meeting_money(facts())


@pytest.mark.parametrize("includes_vat", [False, True], ids=["net", "with VAT"])
def test_an_amount_finer_than_its_currency_is_refused(includes_vat: bool) -> None:
    with pytest.raises(ValueError, match="JPY has 0 decimals"):
        meeting_money(facts(currency="JPY", registration_amounts=(D("100.50"),), price_includes_vat=includes_vat))
