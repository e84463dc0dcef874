"""The page `docs/permissions.md`, made from the matrix, the declarations of what is whose, and the operations' guards.

python -m api.permissions --write
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from litestar import Litestar, Router
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from api.access import PARTIES, SPECIAL, reach_of
from api.app import CONTROLLERS
from api.auth import access_of, own_verb_of, takes_job_tokens
from api.dependencies import DEPENDENCIES
from models.identity.permissions import MATRIX, Permission, Verb, permission_of
from models.kernel.reach import declarations

PAGE = Path(__file__).parent.parent / "docs" / "permissions.md"
HEADING = """# Who may do what

Made by `python -m api.permissions --write` from `models/identity/permissions.py` (the matrix), the declarations beside
each resource's queries (what is whose) and the guards of the operations. A test fails when it is out of date.

- An **administrator** may do everything; restoring, removing for good, and letting an instructor be in two places are
  for administrators alone.
- **own** means the rows below, in lists, look-ups, changes, totals and files alike. Another's row answers `404`, as
  if it were not there. A file holds what its requester reaches when it is made, not when it was asked for.
- An **API key** reaches every row of what its scopes name: `read:` reads, `write:` creates, updates and deletes;
  `read:*`, `write:*` and `*` stand for all. Jobs, schedules and exports it sees are its own, unless it holds `read:*`.
- What somebody may not do with any row answers `403`, naming the scope.
"""
ASKED_FOR = {
    "finance": {"instructor": "the sums of the meetings they give"},
    "exports": dict.fromkeys(("instructor", "student"), "files they asked for"),
    "personal-data": dict.fromkeys(
        ("manager", "instructor", "student"), "what is held of themselves: create exports it, delete erases it"
    ),
    "jobs": dict.fromkeys(("instructor", "student"), "jobs they asked for; update is to cancel and to retry"),
}


def page() -> str:
    parts = [HEADING, *_rights(), "", *_own(), "", *_hidden(), "", *_operations()]
    return "\n".join(parts) + "\n"


def _rights() -> Iterator[str]:
    yield "## Rights\n"
    yield from _table_head("Resource", *PARTIES)
    for name in MATRIX:
        yield _row(f"`{name}`", *(_cell(permission_of(party, name)) for party in PARTIES))


def _cell(permission: Permission) -> str:
    """`read update (own)`."""
    everything = "everything" if permission.all == frozenset(Verb) else _verbs(permission.all)
    own = f"{_verbs(permission.own)} (own)" if permission.own else ""
    return ", ".join(part for part in (everything, own) if part) or "–"


def _verbs(verbs: frozenset[Verb]) -> str:
    return " ".join(verb for verb in Verb if verb in verbs)


def _own() -> Iterator[str]:
    yield "## What is their own\n"
    yield from _table_head("Resource", "Whose", "Which")
    rows = [(resource, party, own.words) for resource, party, own in declarations()]
    rows += [(resource, party, words) for resource, parties in ASKED_FOR.items() for party, words in parties.items()]
    order = list(MATRIX)
    for resource, party, words in sorted(rows, key=lambda row: (order.index(row[0]), row[1])):
        yield _row(f"`{resource}`", party, words)


def _hidden() -> Iterator[str]:
    yield "## Fields that are null for some\n"
    yield from _table_head("Resource", "For", "Fields")
    for name, rights in MATRIX.items():
        for party, fields in rights.hidden.items():
            yield _row(f"`{name}`", party, ", ".join(f"`{field}`" for field in sorted(fields)))


def _operations() -> Iterator[str]:
    yield "## Operations\n"
    yield "Of keys: the scope, `*` for what only administrators may, `any` for whatever key."
    opened = ", ".join(f"`{place}`" for place, handler in _handlers() if takes_job_tokens(handler))
    yield f"A token of one job opens {opened}\nof that job, and what is public.\n"
    yield from _table_head("Operation", *PARTIES, "key")
    for place, handler in _handlers():
        (access,) = access_of(handler)
        own_verb = own_verb_of(handler)
        reaches = [reach_of(party, access, own_verb) or "–" for party in PARTIES]
        yield _row(f"`{place}`", *reaches, _key(access))


def _handlers() -> Iterator[tuple[str, HTTPRouteHandler]]:
    """Method and path below `/api/v1`; by path, then method."""
    app = Litestar([Router("/", route_handlers=CONTROLLERS)], dependencies=DEPENDENCIES, openapi_config=None)
    for route in sorted(app.routes, key=lambda route: route.path):
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in sorted(route.route_handler_map.items()):
                if method != "OPTIONS":
                    yield f"{method} {route.path_format}", handler


def _key(access: str) -> str:
    words = {"public": "any", "authenticated": "any", "person": "–", "admin": "`*`"}
    return words[access] if access in SPECIAL else f"`{access}`"


def _table_head(*names: str) -> Iterator[str]:
    yield _row(*names)
    yield re.sub(r"[^|]+", "---", _row(*names)[1:-1]).join("||")


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main() -> None:
    if "--write" in sys.argv[1:]:
        PAGE.write_text(page())
    else:
        sys.stdout.write(page())


if __name__ == "__main__":
    main()
