"""Schedules: jobs that come again and again."""

from typing import Annotated
from uuid import UUID

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency, Provide
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, JSONBody, PathParameter
from msgspec import UNSET

from api.auth import admins_only, requires
from api.dependencies import ApiRequest, CurrentCaller, IfMatch, Session, documented, provide_new_only, query_of
from api.jobs.following import accepted
from api.jobs.schemas import JobOut
from api.jobs.submitting import along_with, callback_faults, judge_job, submittable
from api.resources import Response, created, hard_delete_allowed, listing
from api.schedules.schemas import FireTimesOut, FireTimesQuery, ScheduleIn, ScheduleOut, SchedulePatch
from models.identity.caller import Caller
from models.identity.permissions import Scope
from models.kernel import crud
from models.kernel.paging import Listing
from models.schedules import service as schedules
from models.schedules.service import SchedulePage
from models.schedules.tables import Schedule


class SchedulesController(Controller):
    path = "/schedules"
    tags = ("Jobs",)

    @get(
        "/", guards=[requires(Scope.READ_JOBS)], summary="List schedules",
        dependencies={"page": query_of(SchedulePage)}, operation_class=documented(SchedulePage),
    )  # fmt: skip
    async def list_schedules(
        self, session: Session, caller: CurrentCaller, page: NamedDependency[SchedulePage]
    ) -> Listing[ScheduleOut]:
        """Your own; administrators, managers and keys with `read:*` see everybody's."""
        return listing(ScheduleOut, *await schedules.list_schedules(session, page, owner=caller.visible_owner))

    @post("/", guards=[requires(Scope.WRITE_JOBS)], summary="Create a schedule", judge=judge_job)
    async def create_schedule(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[ScheduleIn]
    ) -> Response[ScheduleOut]:
        """Needs what submitting one of its jobs needs."""
        _check(request, caller, data)
        schedule = await schedules.create_schedule(session, caller, data)
        return created(request, ScheduleOut.of(schedule), schedule.id)

    @get("/{schedule_id:uuid}", guards=[requires(Scope.READ_JOBS)], summary="Read a schedule")
    async def get_schedule(self, session: Session, caller: CurrentCaller, schedule_id: FromPath[UUID]) -> ScheduleOut:
        return ScheduleOut.of(await _get(session, caller, schedule_id))

    @put("/{schedule_id:uuid}", guards=[requires(Scope.WRITE_JOBS)], summary="Replace a schedule", judge=judge_job)
    async def replace_schedule(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        schedule_id: FromPath[UUID],
        data: JSONBody[ScheduleIn],
        match: IfMatch,
    ) -> ScheduleOut:
        _check(request, caller, data)
        schedule = await _get(session, caller, schedule_id, lock=True)
        return ScheduleOut.of(await schedules.update_schedule(session, schedule, data, match))

    @put(
        "/by-key/{key:str}", guards=[requires(Scope.WRITE_JOBS)], summary="Create or replace a schedule by its key",
        responses={201: ResponseSpec(ScheduleOut, description="It is new.", generate_examples=False)},
        dependencies={"new_only": Provide(provide_new_only, sync_to_thread=False)}, judge=judge_job,
    )  # fmt: skip
    async def put_schedule_by_key(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        key: Annotated[str, PathParameter(description="your own name for it", max_length=200)],
        data: JSONBody[ScheduleIn],
        match: IfMatch,
        new_only: NamedDependency[bool],
    ) -> Response[ScheduleOut]:
        """For schedules declared by code at each start: 201 when it is new, else 200. A key is its owner's. The same
        again changes nothing; only a new timing moves `nextFireAt`. A paused one stays paused.

        With `If-None-Match: *` only a new one is made, with `If-Match: *` none: 412 otherwise.
        """
        _check(request, caller, data)
        schedule, is_new = await schedules.put_schedule(session, caller, key, data, match, new_only=new_only)
        headers = {"Location": f"/api/v1/schedules/{schedule.id}"}
        return Response(ScheduleOut.of(schedule), status_code=201 if is_new else 200, headers=headers)

    @patch("/{schedule_id:uuid}", guards=[requires(Scope.WRITE_JOBS)], summary="Change a schedule", judge=judge_job)
    async def update_schedule(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        schedule_id: FromPath[UUID],
        data: JSONBody[SchedulePatch],
        match: IfMatch,
    ) -> ScheduleOut:
        schedule = await _get(session, caller, schedule_id, lock=True)
        callback_url = schedule.callback_url if data.callback_url is UNSET else data.callback_url
        with along_with(callback_faults(request.app.state.settings, callback_url)):
            await schedules.update_schedule(session, schedule, data, match)
            submittable(caller, schedule.kind, schedule.payload)
        return ScheduleOut.of(schedule)

    @delete("/{schedule_id:uuid}", guards=[requires(Scope.WRITE_JOBS)], summary="Delete a schedule")
    async def delete_schedule(
        self,
        session: Session,
        caller: CurrentCaller,
        schedule_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """It fires no more; its jobs stay. `hard=true` (administrators) removes the row for good."""
        if not hard_delete_allowed(caller, hard):
            await _get(session, caller, schedule_id)
        await crud.delete(session, Schedule, schedule_id, match, hard=hard)

    @post("/{schedule_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a schedule")
    async def restore_schedule(self, session: Session, schedule_id: FromPath[UUID]) -> ScheduleOut:
        """Fire times that passed while it was deleted are not made up for."""
        return ScheduleOut.of(await schedules.restore_schedule(session, schedule_id))

    @get(
        "/{schedule_id:uuid}/fire-times", guards=[requires(Scope.READ_JOBS)], summary="When it fires next",
        dependencies={"page": query_of(FireTimesQuery)}, operation_class=documented(FireTimesQuery),
    )  # fmt: skip
    async def list_fire_times(
        self,
        session: Session,
        caller: CurrentCaller,
        schedule_id: FromPath[UUID],
        page: NamedDependency[FireTimesQuery],
    ) -> FireTimesOut:
        schedule = await _get(session, caller, schedule_id)
        return FireTimesOut(fire_times=await schedules.fire_times(session, schedule, page.count))

    @post("/{schedule_id:uuid}/pause", guards=[requires(Scope.WRITE_JOBS)], status_code=200, summary="Pause a schedule")
    async def pause_schedule(self, session: Session, caller: CurrentCaller, schedule_id: FromPath[UUID]) -> ScheduleOut:
        return ScheduleOut.of(
            await schedules.pause_schedule(session, await _get(session, caller, schedule_id, lock=True))
        )

    @post(
        "/{schedule_id:uuid}/resume", guards=[requires(Scope.WRITE_JOBS)], status_code=200, summary="Resume a schedule"
    )
    async def resume_schedule(
        self, session: Session, caller: CurrentCaller, schedule_id: FromPath[UUID]
    ) -> ScheduleOut:
        """Fire times that passed during the pause are not made up for."""
        return ScheduleOut.of(
            await schedules.resume_schedule(session, await _get(session, caller, schedule_id, lock=True))
        )

    @post(
        "/{schedule_id:uuid}/run-now", guards=[requires(Scope.WRITE_JOBS)], status_code=202, summary="Run it once now"
    )
    async def run_schedule_now(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, schedule_id: FromPath[UUID]
    ) -> Response[JobOut]:
        """One job beside the planned ones; with `overlap: skip` 409 with `jobId` while one is unfinished."""
        schedule = await _get(session, caller, schedule_id, lock=True)
        submittable(caller, schedule.kind, schedule.payload)
        return await accepted(request, await schedules.run_now(session, caller, schedule))


def _check(request: ApiRequest, caller: Caller, schedule: ScheduleIn) -> None:
    """What submitting one of its jobs needs."""
    with along_with(callback_faults(request.app.state.settings, schedule.callback_url)):
        submittable(caller, schedule.kind, schedule.payload)


async def _get(session: Session, caller: Caller, id_: UUID, *, lock: bool = False) -> Schedule:
    return await schedules.get_schedule(session, id_, owner=caller.visible_owner, lock=lock)
