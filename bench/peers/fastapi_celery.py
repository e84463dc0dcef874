"""What people write first: FastAPI that submits with `delay()` and reads with AsyncResult."""

from typing import Any

from celery.result import AsyncResult
from fastapi import FastAPI
from pydantic import BaseModel

from bench.peers.plain_celery import celery, noop

app = FastAPI()


class Submission(BaseModel):
    kind: str
    payload: dict[str, Any]


@app.get("/")
def index() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/jobs", status_code=202)
async def submit_job(submission: Submission) -> dict[str, str]:
    """`async def` blocks the loop while it publishes, and is still faster here than a thread per request."""
    return {"id": noop.delay(submission.payload).id}


@app.get("/jobs/{job_id}")
async def read_job(job_id: str) -> dict[str, Any]:
    result = AsyncResult(job_id, app=celery)
    return {"id": job_id, "status": result.status, "result": result.result if result.successful() else None}
