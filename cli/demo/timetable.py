"""The branches, courses, instructors and cycles of the demo, written down by hand.

Dates lie in fixed years, so that the demo does the same whenever it is played. No instructor has two of
their cycles on the same weekday at overlapping times. Haifa moves its clocks on 25 October 2026 and 26 March
2027; Lagos and Mexico City do not move theirs.
"""

from datetime import date
from decimal import Decimal

from cli.demo.records import Branch, Closure, Course, Cycle, Instructor, Slot

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
CLOCKS_CHANGE = ("haifa-robotics-autumn", "haifa-robotics-spring")

BRANCHES = (
    Branch(
        "haifa", "Haifa Carmel", "community_center", "Haifa", "IL", "Asia/Jerusalem", "ILS",
        (
            Closure("Sukkot week", date(2026, 9, 27), date(2026, 10, 2)),
            Closure("Hanukkah", date(2026, 12, 6), date(2026, 12, 10)),
        ),
    ),
    Branch(
        "mexico-city", "Ciudad de México, Roma Norte", "school", "Mexico City", "MX", "America/Mexico_City", "MXN",
        (
            Closure("Puente de muertos", date(2026, 11, 2), date(2026, 11, 3)),
            Closure("Winter", date(2026, 12, 21), date(2027, 1, 6)),
        ),
    ),
    Branch(
        "lagos", "Lagos, Ikeja", "frontal", "Lagos", "NG", "Africa/Lagos", "NGN",
        (Closure("Mid-term break", date(2026, 10, 26), date(2026, 10, 30)),),
    ),
)  # fmt: skip

COURSES = (
    Course("robotics", "Robotics", "technology", "beginner", 90),
    Course("chess", "Chess", "thinking", "intermediate", 60),
    Course("python", "Python for young people", "technology", "advanced", 75),
    Course("art", "Drawing and painting", "art", "beginner", 90),
)

INSTRUCTORS = (
    Instructor("dana", "Dana Katz", "haifa", "employee", Decimal("140"), Decimal("120"), Decimal("180")),
    Instructor("amir", "Amir Haddad", "haifa", "freelancer", Decimal("125.50"), None, None),
    Instructor("lucia", "Lucía Ortiz", "mexico-city", "freelancer", Decimal("350"), Decimal("300"), Decimal("420")),
    Instructor("diego", "Diego Núñez", "mexico-city", "employee", Decimal("310.75"), None, Decimal("333.33")),
    Instructor("ngozi", "Ngozi Okafor", "lagos", "freelancer", Decimal("9500"), Decimal("8000"), None),
    Instructor("tunde", "Tunde Balogun", "lagos", "employee", Decimal("8750.50"), None, Decimal("11000")),
)


def _private(price: str, *, with_vat: bool = False) -> dict[str, object]:
    return {"type": "private", "price": Decimal(price), "price_includes_vat": with_vat}


def _per_child(price: str, students: int | None = None) -> dict[str, object]:
    return {"type": "institutional_per_child", "price": Decimal(price), "student_count": students}


def _fixed(revenue: str) -> dict[str, object]:
    return {"type": "institutional_fixed", "meeting_revenue": Decimal(revenue)}


def _cycle(key: str, name: str, instructor: str, course: str, money: dict[str, object], **more: object) -> Cycle:
    branch = next(person.branch for person in INSTRUCTORS if person.key == instructor)
    fields = {"activity": "frontal", **money, **more}
    return Cycle(key=key, name=name, branch=branch, instructor=instructor, course=course, **fields)  # type: ignore[arg-type]


HAIFA = (
    _cycle(
        "haifa-robotics-autumn", "Robotics, autumn", "dana", "robotics", _private("1450", with_vat=True),
        start=date(2026, 9, 6), total=20, slots=(Slot(SUN, "16:00", "17:30"), Slot(WED, "16:00", "17:30")),
    ),
    _cycle(
        "haifa-chess-tuesdays", "Chess at Reut school", "dana", "chess", _per_child("38.50", 14),
        start=date(2026, 9, 1), total=14, slots=(Slot(TUE, "14:00", "15:00"),),
    ),
    _cycle(
        "haifa-python-online", "Python online", "dana", "python", _private("990"), activity="online",
        start=date(2026, 10, 5), total=12, slots=(Slot(MON, "17:00", "18:15"),), unfinished=2,
    ),
    _cycle(
        "haifa-art-fortnightly", "Art, every second Thursday", "dana", "art", _fixed("620"), every_weeks=2,
        start=date(2026, 9, 3), total=10, slots=(Slot(THU, "15:00", "16:30"),), budget=Decimal("3100"),
    ),
    _cycle(
        "haifa-robotics-spring", "Robotics, spring", "amir", "robotics", _private("1380.90", with_vat=True),
        start=date(2027, 2, 1), total=18, slots=(Slot(MON, "16:00", "17:30"), Slot(THU, "16:00", "17:30")),
    ),
    _cycle(
        "haifa-chess-sundays", "Chess on Sundays", "amir", "chess", _per_child("42.25"),
        start=date(2026, 10, 11), total=12, slots=(Slot(SUN, "15:00", "16:00"),),
    ),
    _cycle(
        "haifa-art-afternoons", "Art, two groups", "amir", "art", _fixed("275.50"), daily_rate=Decimal("480"),
        start=date(2026, 9, 1), total=16, slots=(Slot(TUE, "13:00", "14:30"), Slot(TUE, "15:00", "16:30")),
    ),
    _cycle(
        "haifa-python-private", "Python, small group", "amir", "python", _private("1333.35", with_vat=True),
        start=date(2026, 9, 2), total=7, slots=(Slot(WED, "18:00", "18:45"),), activity="private_lesson",
    ),
)  # fmt: skip

MEXICO_CITY = (
    _cycle(
        "mexico-robotics", "Robótica", "lucia", "robotics", _private("4200", with_vat=True),
        start=date(2026, 9, 7), total=22, slots=(Slot(MON, "16:00", "17:30"), Slot(WED, "16:00", "17:30")),
    ),
    _cycle(
        "mexico-chess", "Ajedrez en el Colegio Roma", "lucia", "chess", _per_child("95", 18),
        start=date(2026, 9, 8), total=15, slots=(Slot(TUE, "10:00", "11:00"),),
    ),
    _cycle(
        "mexico-python-online", "Python en línea", "lucia", "python", _private("3150.75"), activity="online",
        start=date(2026, 9, 10), total=13, slots=(Slot(THU, "18:00", "19:15"),),
    ),
    _cycle(
        "mexico-art", "Dibujo para la fundación", "lucia", "art", _fixed("1800"), every_weeks=1,
        start=date(2026, 9, 11), total=14, slots=(Slot(FRI, "12:00", "13:30"),),
    ),
    _cycle(
        "mexico-robotics-saturday", "Robótica sabatina", "diego", "robotics", _per_child("110.40"),
        start=date(2026, 9, 12), total=12, slots=(Slot(SAT, "10:00", "11:30"),), unfinished=3,
    ),
    _cycle(
        "mexico-chess-evening", "Ajedrez, tarde", "diego", "chess", _fixed("950.25"),
        start=date(2026, 9, 7), total=16, slots=(Slot(MON, "17:00", "18:00"), Slot(THU, "17:00", "18:00")),
    ),
    _cycle(
        "mexico-python-private", "Python, clases privadas", "diego", "python", _private("2999.99", with_vat=True),
        start=date(2026, 10, 6), total=9, slots=(Slot(TUE, "18:30", "19:20"),), activity="private_lesson",
    ),
    _cycle(
        "mexico-art-spring", "Pintura, primavera", "diego", "art", _per_child("130", 20),
        start=date(2027, 1, 13), total=11, slots=(Slot(WED, "16:00", "17:30"),), budget=Decimal("5000"),
    ),
)  # fmt: skip

LAGOS = (
    _cycle(
        "lagos-robotics", "Robotics, Ikeja", "ngozi", "robotics", _private("185000", with_vat=True),
        start=date(2026, 9, 14), total=20, slots=(Slot(MON, "15:30", "17:00"), Slot(THU, "15:30", "17:00")),
    ),
    _cycle(
        "lagos-chess", "Chess at Greenfield school", "ngozi", "chess", _fixed("42000"),
        start=date(2026, 9, 15), total=14, slots=(Slot(TUE, "14:00", "15:00"),), mistaken_revenue=Decimal("24000"),
    ),
    _cycle(
        "lagos-python-online", "Python online, Lagos", "ngozi", "python", _private("120000.50"), activity="online",
        start=date(2026, 9, 16), total=12, slots=(Slot(WED, "18:00", "19:15"),),
    ),
    _cycle(
        "lagos-art-fortnightly", "Art, every second Friday", "ngozi", "art", _per_child("3500", 22), every_weeks=2,
        start=date(2026, 9, 18), total=9, slots=(Slot(FRI, "13:00", "14:30"),), budget=Decimal("100000"),
    ),
    _cycle(
        "lagos-robotics-saturday", "Robotics on Saturdays", "tunde", "robotics", _private("150000"),
        start=date(2026, 9, 19), total=13, slots=(Slot(SAT, "10:00", "11:40"),),
    ),
    _cycle(
        "lagos-chess-camp", "Chess, two groups", "tunde", "chess", _fixed("30000"), daily_rate=Decimal("21500"),
        start=date(2026, 9, 16), total=18, slots=(Slot(WED, "14:00", "15:00"), Slot(WED, "15:15", "16:15")),
    ),
    _cycle(
        "lagos-python-private", "Python, private lessons", "tunde", "python", _private("98765.43", with_vat=True),
        start=date(2026, 10, 5), total=11, slots=(Slot(MON, "17:00", "17:50"),), activity="private_lesson",
    ),
    _cycle(
        "lagos-art-spring", "Painting, spring term", "tunde", "art", _per_child("4100.10"),
        start=date(2027, 2, 3), total=12, slots=(Slot(WED, "16:30", "18:00"),), unfinished=1,
    ),
)  # fmt: skip

CYCLES = HAIFA + MEXICO_CITY + LAGOS
