"""Plain Celery that acknowledges a task after it ran, as its documentation asks of tasks that must not get lost."""

from bench.peers.plain_celery import celery

celery.conf.update(task_acks_late=True, task_reject_on_worker_lost=True)
