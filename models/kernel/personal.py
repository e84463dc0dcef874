"""What of a table is somebody's: how they are given it, and how it is erased.

A table says so beside its columns:

    personal = Personal("user_id = ANY (:users)", ends=True, plain=words("purpose provider"))

The conditions are SQL over the table's own columns and what is known of a person: `:users`, `:customers`, `:students`
and `:instructors` (their ids), `:ids` (of everything that is theirs), `:owners` (as jobs name them), `:emails` (in
lower case). Every column of text, JSON or a date is declared in one way or another; a test looks for what is not.
Numbers, instants and ids tell nothing of whom once what names them is gone.
"""

from collections.abc import Mapping

import msgspec


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


class Personal(msgspec.Struct, frozen=True):
    """Rows that are `whose` the person's are given to them, and erased: they go (`ends`), or the columns `erased` take
    what the SQL says. Rows that are `by` the person are given to them and stay.

    Values of the columns `names` tell the person in free text, too: what else `mentions` people is searched for them
    in all rows, and the rows with `names` themselves are erased last. `plain` columns name nobody. `shown` is SQL that
    stands for a column in what the person is given; what is masked or encrypted is not given at all.
    """

    whose: str | None = None
    by: str | None = None
    ends: bool = False
    erased: Mapping[str, str] = {}
    names: frozenset[str] = frozenset()
    mentions: frozenset[str] = frozenset()
    plain: frozenset[str] = frozenset()
    shown: Mapping[str, str] = {}

    @property
    def given(self) -> str | None:
        """Which rows the person is given."""
        conditions = [f"({condition})" for condition in (self.whose, self.by) if condition]
        return " OR ".join(conditions) or None


IMPERSONAL = Personal()
MASK = "***"


def veiled(column: str) -> str:
    """SQL: the JSON object with what is personal in it masked, by the names of its fields."""
    return f"""coalesce((
        SELECT jsonb_object_agg(key, CASE WHEN key = ANY (:fields) AND value <> 'null' THEN '"{MASK}"' ELSE value END)
        FROM jsonb_each({column})
    ), {column})"""
