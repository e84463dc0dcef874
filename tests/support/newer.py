"""A kind of a newer version: the API and the scheduler of the tests know it, their workers do not."""

from models.identity.permissions import Scope
from models.jobs.kinds import JobArgs, kind


@kind("probe.later", scope=Scope.WRITE_JOBS)
class Later(JobArgs):
    """Has no handler yet."""
