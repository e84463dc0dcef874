"""Calling the API as its users do."""

import asyncio
from typing import Any
from uuid import UUID

import httpx

FINISHED = {"succeeded", "failed", "cancelled"}


class ApiClient(httpx.AsyncClient):
    """Paths are below `/api/v1`; `expect` fails with the problem's text when the status is another."""

    async def expect(self, status: int, method: str, path: str, **kwargs: Any) -> Any:
        response = await self.request(method, path, **kwargs)
        assert response.status_code == status, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    async def create(self, path: str, **body: Any) -> Any:
        return await self.expect(201, "POST", path, json=body)

    async def submit(self, kind: str, payload: dict[str, Any] | None = None, **options: Any) -> Any:
        return await self.expect(202, "POST", "/jobs", json={"kind": kind, "payload": payload or {}, **options})

    async def finish(self, job_id: str | UUID, *, within: float = 30.0, through_outages: bool = False) -> Any:
        """The job once it has ended; fails the test when that takes longer, or anything but the job is answered.

        Through outages, a 503 is no answer.
        """
        deadline, job = asyncio.get_running_loop().time() + within, None
        while asyncio.get_running_loop().time() < deadline:
            response = await self.get(f"/jobs/{job_id}", headers={"Prefer": "wait=5"})
            if response.status_code == 503 and through_outages:
                await asyncio.sleep(0.05)
                continue
            assert response.status_code == 200, response.text
            job = response.json()
            if job["status"] in FINISHED:
                return job
        raise AssertionError(f"the job has not ended within {within} s: {job}")

    async def logs(self, job_id: str, **query: Any) -> list[dict[str, Any]]:
        """Lines of the job's log."""
        feed = await self.expect(200, "GET", f"/jobs/{job_id}/logs", params=query)
        lines: list[dict[str, Any]] = feed["data"]
        return lines


async def eventually(check: Any, *, within: float = 20.0) -> Any:
    """The first true answer of the coroutine function `check`; fails the test when there is none in time."""
    deadline = asyncio.get_running_loop().time() + within
    while asyncio.get_running_loop().time() < deadline:
        if answer := await check():
            return answer
        await asyncio.sleep(0.05)
    raise AssertionError(f"not within {within} s: {check}")
