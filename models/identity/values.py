"""Words of accounts that more than one file needs."""

from enum import StrEnum

import msgspec


class LinkPurpose(StrEnum):
    REGISTRATION = "registration"
    PASSWORD_RESET = "password_reset"
    INVITATION = "invitation"


# The kind of a caller whose token is good, but who has no account yet.
NEWCOMER = "newcomer"
# The kind of a caller who holds a token for one job.
JOB_TOKEN = "job_token"


class Provider(StrEnum):
    """Who vouches for people that sign in with them."""

    GOOGLE = "google"
    FACEBOOK = "facebook"
    CLERK = "clerk"


class UserStatus(StrEnum):
    """For lists: those who can log in, those who must not, and those who are gone but can be restored."""

    ACTIVE = "active"
    BLOCKED = "blocked"
    DELETED = "deleted"


class Client(msgspec.Struct, frozen=True):
    """Where a request comes from: as a person is shown it among their sessions, and as guesses are counted by it."""

    address: str
    counted_as: str
    user_agent: str | None = None
