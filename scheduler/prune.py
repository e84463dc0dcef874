"""Old rows nobody may ask for any more → gone, in chunks."""

from models.audit.service import prune as forget_statements
from models.identity.services.sweeping import forget_expired as forget_ended_sessions
from models.jobs.batches import Reached
from models.jobs.batches import prune as forget_jobs
from models.jobs.dispatching import forget_starts
from models.jobs.liveness import forget_silent
from models.kernel.session import Database
from models.kernel.settings import Settings
from models.notifications.service import forget_messages
from models.requests.service import forget_expired
from models.webhooks.forgetting import forget_events


async def prune(database: Database, settings: Settings, reached: Reached | None = None) -> int:
    """Return how many rows went. A chunk per call and transaction, so that nobody waits long for a lock; the calls of
    a round share what they have `reached`."""
    days = settings.job_keep_days, settings.failed_job_keep_days
    jobs = await forget_jobs(database, *days, reached=reached)
    jobs += await forget_starts(database) + await forget_silent(database)
    told = await forget_events(database, settings.event_keep_days)
    told += await forget_messages(database, settings.message_keep_days)
    statements = await forget_statements(database, settings.audit_keep_days)
    return jobs + told + statements + await forget_expired(database) + await forget_ended_sessions(database)
