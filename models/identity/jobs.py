"""The kinds of jobs about users: mailing a link, and asking a provider about who signs in."""

from uuid import UUID

from models.identity.values import Provider
from models.jobs.kinds import JobArgs, JobResult, kind
from models.jobs.rules import RetryPolicy

# Somebody waits for it.
_SOON = RetryPolicy(max_attempts=3, first_seconds=0.3, cap_seconds=1.0)


class KeysFetched(JobResult):
    keys: int


@kind("identity.send_link", time_limit_seconds=60.0)
class SendLink(JobArgs):
    """Write the mail that confirms a registration, or that lets someone choose a password, if there is reason to."""

    link_id: UUID


@kind("identity.fetch_keys", result=KeysFetched, retry=_SOON, time_limit_seconds=30.0, announced=False)
class FetchKeys(JobArgs):
    """Fetch the public keys that a provider signs its tokens with."""

    provider: Provider


@kind("identity.check_identity", retry=_SOON, time_limit_seconds=30.0, announced=False)
class CheckIdentity(JobArgs):
    """Ask a provider who somebody is that signs in with it. What it says is kept apart, for the sign-in alone."""

    check_id: UUID
