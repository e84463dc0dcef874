"""Who may call an operation, in words: what its guards declare, read with the matrix of rights."""

from collections.abc import Iterator

from litestar.handlers import BaseRouteHandler

from api.auth import access_of, own_verb_of, takes_job_tokens
from models.identity.permissions import GUEST, ROLE_SCOPES, Role, Verb, allows, permission_of, resource_of

PARTIES = (*Role, GUEST)
ALL, OWN = "all", "own"
PUBLIC, AUTHENTICATED, PERSON, ADMIN = "public", "authenticated", "person", "admin"
SPECIAL = {PUBLIC, AUTHENTICATED, PERSON, ADMIN}
_WORDS = {
    PUBLIC: "Needs no credentials.",
    AUTHENTICATED: "For all users and API keys.",
    PERSON: "For all users, about themselves.",
    ADMIN: "For administrators, and API keys with `*`.",
}


def scopes_of(handler: BaseRouteHandler) -> list[str]:
    """What a credential needs besides being one."""
    return [access for access in access_of(handler) if access not in SPECIAL - {ADMIN}]


def reach_of(party: str, access: str, own_verb: Verb | None) -> str | None:
    """`all`, `own`, or None where a role or a guest is not let in."""
    if access in SPECIAL:
        return ALL if _is_let_in(party, access) else None
    if party in ROLE_SCOPES and allows(ROLE_SCOPES[Role(party)], access):
        return ALL
    permission = permission_of(party, resource_of(access))
    if own_verb in permission.all:
        return ALL
    return OWN if own_verb in permission.own else None


def sentence(handler: BaseRouteHandler) -> str:
    """`For administrators and managers, instructors with what is their own, and API keys with `read:students`.`"""
    (access,) = access_of(handler)
    if access in SPECIAL:
        return _WORDS[access]
    parts = [*_parties(access, own_verb_of(handler)), f"API keys with `{access}`"]
    if takes_job_tokens(handler):
        parts.append("who holds a token for this job")
    return f"For {_listed(parts)}."


def _is_let_in(party: str, access: str) -> bool:
    match access:
        case "public":
            return True
        case "admin":
            return party == Role.ADMIN
        case _:
            return party != GUEST


def _parties(access: str, own_verb: Verb | None) -> Iterator[str]:
    reaches = {party: reach_of(party, access, own_verb) for party in PARTIES}
    for reach, words in ((ALL, ""), (OWN, " with what is their own")):
        names = [_plural(party) for party in PARTIES if reaches[party] == reach]
        if names:
            yield " and ".join(names) + words


def _plural(party: str) -> str:
    return "administrators" if party == Role.ADMIN else f"{party}s"


def _listed(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])}, and {parts[-1]}"
