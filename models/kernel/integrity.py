"""What a broken constraint means, in words the caller can act on: an invariant that only the database can hold."""

import re

from models.kernel.errors import Conflict, DomainError, Invalid, Unavailable, Unprocessable
from models.kernel.session import constraint, is_serialization_failure, sqlstate, table_and_detail

UNIQUE, OVERLAP, REFERENCE, CHECK = "23505", "23P01", "23503", "23514"
NOT_STORABLE = {"22021", "22P05"}
DATA_FAULT = "22"


def explain(error: BaseException) -> DomainError | None:
    """The answer to an error of PostgreSQL that the input is the cause of; None for any other."""
    state = sqlstate(error)
    if state is None:
        return None
    if is_serialization_failure(error):
        return Unavailable("Another request was changing the same things; send this one again.")
    if state in NOT_STORABLE:
        return Invalid("A text holds a character that cannot be stored (NUL).")
    if state.startswith(DATA_FAULT):
        return Invalid("A value is beyond what can be stored, or looked for.")
    table, detail = table_and_detail(error)
    noun = thing_named(table)
    if state == UNIQUE:
        return Conflict(f"There is already a {noun} with the same {_columns(detail) or constraint(error)}.")
    if state == OVERLAP:
        return Conflict(f"This overlaps with a {noun} that is already there.")
    if state == REFERENCE:
        return Conflict(
            f"What this {noun} refers to is not there any more, or is still referred to ({constraint(error)})."
        )
    if state == CHECK:
        return Unprocessable(f"This {noun} would break the rule `{constraint(error)}`.")
    return None


def still_referenced(error: BaseException, noun: str, id_: object) -> Conflict | None:
    """The answer to a removal that PostgreSQL refused because another table refers to the row; None when it did not."""
    if sqlstate(error) != REFERENCE:
        return None
    others = table_and_detail(error)[0].replace("_", " ")
    return Conflict(f"The {noun} {id_} cannot be removed for good: {others} still refer to it.", referenced_by=others)


def thing_named(table: str) -> str:
    """What the caller calls a row of the table: `customer`."""
    return table.removesuffix("s").replace("_", " ").replace("branche", "branch")


def _columns(detail: str) -> str:
    """`student and cycle` out of `Key (student_id, cycle_id)=(…) already exists.`"""
    found = re.match(r"Key \((.+?)\)+=", detail)
    if found is None:
        return ""
    names = [re.sub(r"^lower\(|::\w+|\W", "", part.strip()).removesuffix("_id") for part in found[1].split(",")]
    return " and ".join(name.replace("_", " ") for name in names)
