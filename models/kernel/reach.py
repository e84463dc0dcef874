"""How far somebody reaches: every row of a resource, or what is theirs.

A context says beside its queries what is whose, in SQL about the table's own columns and the user `:me`:

    owned(Meeting, instructor=Own("those they give", "meetings.instructor_id IN (SELECT ... user_id = :me ...)"))

Whoever lists, reads or changes rows passes a Reach on: `select(Meeting).where(reach.over(Meeting))`, and the moves of
`crud` take it. What is out of reach is as good as not there.
"""

from collections.abc import Iterator
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, TextClause, false, text, true

from models.kernel.base import Resource


class Own(msgspec.Struct, frozen=True):
    """`words` finish the sentence `their own are ...`. `changing` is narrower, for what they may also change."""

    words: str
    sql: str
    changing: str | None = None


class Reach(msgspec.Struct, frozen=True):
    """Everything without a `party`, else what is the party's own. Fields named in `hidden` are kept from it."""

    party: str | None = None
    user_id: UUID | None = None
    changing: bool = False
    hidden: frozenset[str] = frozenset()

    @property
    def is_whole(self) -> bool:
        return self.party is None

    def over(self, table: type[Resource]) -> ColumnElement[bool] | TextClause:
        """A condition over the table: whether a row is within reach. Nothing is, where nothing was declared."""
        if self.party is None:
            return true()
        own = _owned.get(table, {}).get(self.party)
        if own is None:
            return false()
        sql = own.changing if self.changing and own.changing else own.sql
        condition = text(f"({sql})")
        return condition.bindparams(me=self.user_id) if ":me" in sql else condition


EVERYTHING = Reach()
NOTHING = Reach(party="nobody")
_owned: dict[type[Resource], dict[str, Own]] = {}


def owned(table: type[Resource], **parties: Own) -> None:
    """Declare what of the table is a party's own, by the party's name."""
    if table in _owned:
        raise ValueError(f"{table.__tablename__} is declared twice")
    _owned[table] = parties


def declarations() -> Iterator[tuple[str, str, Own]]:
    """The resource as scopes name it, the party, and what is theirs."""
    for table, parties in _owned.items():
        for party, own in parties.items():
            yield str(table.__tablename__).replace("_", "-"), party, own
