"""What the worker's parent process does with a message about jobs: it shows each of them in Flower as a task.

Celery knows a message as one task, the first job's. The others of a message are announced beside it, and each ends in
the event of its own outcome.
"""

from base64 import b64decode, b64encode
from typing import Any

import msgspec
from celery.worker.request import Request

from models.jobs.rules import UNCOUNTED, AttemptOutcome
from tasks.outcomes import Ended


class JobMessage(Request):  # type: ignore[misc]
    """Carries the ids of its jobs in the header `jobs`."""

    @property
    def job_ids(self) -> list[str]:
        ids: list[str] = self.request_dict.get("jobs") or [self.id]
        return ids

    def on_accepted(self, pid: int, time_accepted: float) -> None:
        for job_id in self.job_ids[1:]:
            self._tell("task-received", job_id, name=self.name, args=self.argsrepr, kwargs=self.kwargsrepr)
        super().on_accepted(pid, time_accepted)

    def send_event(self, type: str, **fields: Any) -> None:
        if type == "task-succeeded":
            self._tell_ends(fields["result"])
        elif type == "task-started":
            self._tell(type, self.id)
        else:  # the process died, or Celery gave the message up
            for job_id in self.job_ids:
                self._tell(type, job_id, **fields)

    def _tell_ends(self, result: str) -> None:
        for job_id, end in zip(self.job_ids, read_ends(result), strict=False):
            if end is None:  # it was not this worker's to do
                self._tell("task-rejected", job_id)
            elif end.outcome == AttemptOutcome.SUCCEEDED:
                self._tell("task-succeeded", job_id, result=end.outcome.value, runtime=end.seconds)
            elif end.outcome in (AttemptOutcome.RETRY, *UNCOUNTED):
                self._tell("task-retried", job_id, exception=end.error or end.outcome.value, traceback="")
            else:
                self._tell("task-failed", job_id, exception=end.error or end.outcome.value, traceback="")

    def _tell(self, type: str, job_id: str, **fields: Any) -> None:
        if self._eventer and self._eventer.enabled:
            self._eventer.send(type, uuid=job_id, **fields)


def write_ends(ends: list[Ended | None]) -> str:
    """As a word that Celery's way of showing results leaves alone."""
    return b64encode(msgspec.json.encode(ends)).decode()


def read_ends(shown: str) -> list[Ended | None]:
    """From the word in the quotes that Celery put around it."""
    return msgspec.json.decode(b64decode(shown[1:-1]), type=list[Ended | None])
