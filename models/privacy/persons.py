"""Whom something is held of: a user with the student and the instructor they are, or a customer with their students."""

import re
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from models.kernel.schema import camel
from models.privacy import person_queries
from models.privacy.holdings import Holding, holdings
from models.privacy.person_queries import run

SHORTEST_NAME = 6
# What others call the same fields, in events and elsewhere.
ALSO = ("customer_name", "customer_phone", "student_name", "instructor_name", "recipient_name")


class PersonKind(StrEnum):
    USER = "user"
    CUSTOMER = "customer"


class Person(msgspec.Struct):
    """The parameters of conditions (see `models.kernel.personal`), and what the person is found by in free text."""

    users: list[UUID] = []
    customers: list[UUID] = []
    students: list[UUID] = []
    instructors: list[UUID] = []
    ids: list[UUID] = []
    owners: list[str] = []
    emails: list[str] = []
    fields: list[str] = []
    naming: list[str] = []

    @property
    def parameters(self) -> dict[str, Any]:
        patterns = {"pattern": pattern_of(self.naming), "json_pattern": pattern_of(map(_in_json, self.naming))}
        return msgspec.structs.asdict(self) | patterns


async def find_person(session: AsyncSession, kind: PersonKind, id_: UUID) -> Person:
    """What is known of them now; once they are erased that is their ids."""
    person = Person(fields=personal_fields())
    if kind is PersonKind.USER:
        person.users, person.owners = [id_], [f"user:{id_}"]
    else:
        person.customers = [id_]
    for roots in ("students", "instructors"):
        found = await run(session, person_queries.ROOTS[roots], person.parameters)
        setattr(person, roots, [row["id"] for row in found])
    for holding in holdings():
        if holding.personal.names and holding.personal.whose:
            await _note_names(session, person, holding)
    for holding in holdings():
        if holding.has_ids and holding.personal.whose and ":ids" not in holding.personal.whose:
            rows = await run(session, person_queries.ids_of(holding), person.parameters)
            person.ids += [row["id"] for row in rows]
    return person


async def _note_names(session: AsyncSession, person: Person, holding: Holding) -> None:
    for row in await run(session, person_queries.names_of(holding), person.parameters):
        for column, value in row.items():
            if value is None or value.endswith("@erased.invalid"):
                continue
            if column == "email":
                person.emails.append(value.lower())
            # A lone first name is also that of others.
            if len(value) >= SHORTEST_NAME and (column != "name" or " " in value.strip()):
                person.naming.append(value)


def personal_fields() -> list[str]:
    """The fields that are masked in what is kept of the person's rows, as columns and as the API names them."""
    columns = {column for holding in holdings() for column in holding.personal_columns}
    return sorted({name for column in (*columns, *ALSO) for name in (column, camel(column))})


def pattern_of(values: Any) -> str | None:
    """A regular expression of PostgreSQL for the values as whole words; None, which matches nothing, without any.

    What stands before them in JSON may be the letter of an escape.
    """
    escaped = [re.sub(r"([^\w])", r"\\\1", value) for value in values]
    before, after = r"((?<![[:alnum:]_.+-])|(?<=\\[bfnrt]))", r"(?![[:alnum:]_-]|\.[[:alnum:]])"
    return f"{before}({'|'.join(escaped)}){after}" if escaped else None


def _in_json(value: str) -> str:
    return msgspec.json.encode(value).decode()[1:-1]
