"""The demo's school: the same one every time."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random

from cli.demo.names import DIALLING, FAMILY, GIVEN, STREETS
from cli.demo.records import Branch, Customer, Cycle, Registration, School, Student
from cli.demo.timetable import BRANCHES, COURSES, CYCLES, INSTRUCTORS

CUSTOMERS, STUDENTS, REGISTRATIONS = 120, 200, 300
_SIBLING_DISCOUNT = Decimal("0.9")


def build_school(seed: int = 2026) -> School:
    """3 branches, 4 courses, 6 instructors, 24 cycles, 120 customers, 200 students, 300 registrations."""
    random = Random(seed)
    customers = tuple(_customer(random, number) for number in range(CUSTOMERS))
    students = tuple(_students(random, customers))
    registrations = tuple(_registrations(random, customers, students))
    return School(BRANCHES, COURSES, INSTRUCTORS, CYCLES, customers, students, registrations)


def _customer(random: Random, number: int) -> Customer:
    branch = _branch_of(number).key
    return Customer(
        key=f"customer-{number:03}",
        name=f"{random.choice(GIVEN[branch])} {random.choice(FAMILY[branch])}",
        branch=branch,
        phone=f"{DIALLING[branch]}{random.randrange(10**6, 10**7)}",
        email=f"family{number:03}@{branch}.example",
        address=f"{random.choice(STREETS[branch])} {random.randrange(1, 120)}",
    )


def _branch_of(number: int) -> Branch:
    return BRANCHES[number * len(BRANCHES) // CUSTOMERS]


def _students(random: Random, customers: tuple[Customer, ...]) -> Iterator[Student]:
    """Two of three families have two children, the others one."""
    number = 0
    for at, customer in enumerate(customers):
        for _ in range(1 if at % 3 == 2 else 2):
            yield _student(random, number, customer)
            number += 1


def _student(random: Random, number: int, customer: Customer) -> Student:
    family = customer.name.split(" ", 1)[1]
    birth_date = date(2012, 1, 1) + timedelta(days=random.randrange(8 * 365))
    return Student(
        key=f"student-{number:03}",
        customer=customer.key,
        name=f"{random.choice(GIVEN[customer.branch])} {family}",
        birth_date=birth_date,
        grade=str(2026 - birth_date.year - 5),
    )


def _registrations(
    random: Random, customers: tuple[Customer, ...], students: tuple[Student, ...]
) -> Iterator[Registration]:
    """Everybody is in one cycle of their branch, every second student in a further one."""
    branch_of = {customer.key: customer.branch for customer in customers}
    second = {student.key for student in random.sample(students, REGISTRATIONS - STUDENTS)}
    number = 0
    for student in students:
        offered = [cycle for cycle in CYCLES if cycle.branch == branch_of[student.customer]]
        for place, cycle in enumerate(random.sample(offered, 2 if student.key in second else 1)):
            yield _registration(number, student, cycle, discounted=place > 0)
            number += 1


def _registration(number: int, student: Student, cycle: Cycle, discounted: bool) -> Registration:
    """Nobody is cancelled where the children of each day count: when that happens is not ours to say."""
    price = cycle.price if cycle.type == "private" and cycle.price else Decimal(0)
    return Registration(
        key=f"registration-{number:03}",
        student=student.key,
        cycle=cycle.key,
        amount=(price * _SIBLING_DISCOUNT if discounted else price).quantize(Decimal("0.01")),
        since=_since(number, cycle),
        trial=number % 17 == 5,
        cancelled=number % 23 == 7 and not cycle.counts_registrations,
    )


def _since(number: int, cycle: Cycle) -> date:
    """In the summer; where the children of each day count, every third one only after some meetings."""
    if cycle.counts_registrations and number % 3 == 0:
        return cycle.start + timedelta(days=38)
    return date(2026, 8, 1) + timedelta(days=number % 28)
