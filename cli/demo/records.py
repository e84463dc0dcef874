"""What the demo's school is made of. Everything is known by its `key` until the API has given it an id."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True)
class Closure:
    """Both dates inclusive."""

    name: str
    start: date
    end: date


@dataclass(frozen=True)
class Branch:
    key: str
    name: str
    type: str
    city: str
    country: str
    timezone: str
    currency: str
    closures: tuple[Closure, ...]


@dataclass(frozen=True)
class Course:
    key: str
    title: str
    category: str
    difficulty: str
    minutes: int


@dataclass(frozen=True)
class Instructor:
    """Rates per hour in the branch's currency; without one of its own an activity is paid as frontal."""

    key: str
    name: str
    branch: str
    employment: str
    frontal: Decimal
    online: Decimal | None
    private: Decimal | None


@dataclass(frozen=True)
class Slot:
    weekday: int  # 0 = Monday
    start: str  # HH:MM by the wall clock of the branch
    end: str

    @property
    def minutes(self) -> int:
        start, end = (int(at[:2]) * 60 + int(at[3:]) for at in (self.start, self.end))
        return end - start


@dataclass(frozen=True)
class Cycle:
    """`every_weeks` set: given to the API as an RRULE. `unfinished`: so many of the last meetings stay scheduled.

    `mistaken_revenue` is what the meetings are first said to earn, before somebody notices.
    """

    key: str
    name: str
    branch: str
    course: str
    instructor: str
    type: str
    activity: str
    start: date
    total: int
    slots: tuple[Slot, ...]
    every_weeks: int | None = None
    price: Decimal | None = None
    price_includes_vat: bool = False
    student_count: int | None = None
    meeting_revenue: Decimal | None = None
    mistaken_revenue: Decimal | None = None
    daily_rate: Decimal | None = None
    budget: Decimal | None = None
    unfinished: int = 0

    @property
    def counts_registrations(self) -> bool:
        """Whether a meeting earns by the children that are registered on its day."""
        return self.type == "institutional_per_child" and self.student_count is None


@dataclass(frozen=True)
class Customer:
    key: str
    name: str
    branch: str
    phone: str
    email: str
    address: str


@dataclass(frozen=True)
class Student:
    key: str
    customer: str
    name: str
    birth_date: date
    grade: str


@dataclass(frozen=True)
class Registration:
    """A trial brings no revenue, nor does one that is cancelled."""

    key: str
    student: str
    cycle: str
    amount: Decimal
    since: date
    trial: bool
    cancelled: bool

    @property
    def brings_revenue(self) -> bool:
        return not self.trial and not self.cancelled


@dataclass(frozen=True)
class School:
    branches: tuple[Branch, ...]
    courses: tuple[Course, ...]
    instructors: tuple[Instructor, ...]
    cycles: tuple[Cycle, ...]
    customers: tuple[Customer, ...]
    students: tuple[Student, ...]
    registrations: tuple[Registration, ...]

    def branch(self, key: str) -> Branch:
        return next(branch for branch in self.branches if branch.key == key)

    def instructor(self, key: str) -> Instructor:
        return next(instructor for instructor in self.instructors if instructor.key == key)

    def registrations_of(self, cycle: Cycle) -> list[Registration]:
        return [registration for registration in self.registrations if registration.cycle == cycle.key]
