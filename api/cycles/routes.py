"""Cycles, and the work on them that runs as jobs."""

from uuid import UUID

import msgspec
from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from api.auth import admins_only, reaches, requires
from api.cycles.schemas import CycleIn, CycleOut, CyclePatch, DuplicateIn, GenerateIn, GenerateManyIn
from api.dependencies import ApiRequest, CurrentCaller, CurrentReach, IfMatch, Session, documented, query_of
from api.jobs.following import accepted
from api.jobs.schemas import JobOut
from api.resources import Response, created, hard_delete_allowed, listing
from models.cycles.jobs import DuplicateCycle, GenerateMeetings, SyncProgress
from models.cycles.services import cycles
from models.cycles.services.cycles import CyclePage
from models.finance.services import cycles as follow
from models.identity.permissions import Scope
from models.jobs.service import enqueue
from models.kernel.paging import Listing


class CyclesController(Controller):
    path = "/cycles"
    tags = ("Cycles",)

    @get(
        "/", guards=[reaches(Scope.READ_CYCLES)], summary="List cycles",
        dependencies={"page": query_of(CyclePage)}, operation_class=documented(CyclePage),
    )  # fmt: skip
    async def list_cycles(
        self, session: Session, reach: CurrentReach, page: NamedDependency[CyclePage]
    ) -> Listing[CycleOut]:
        """Searched by name; `from` and `to` are about the start date."""
        return listing(CycleOut, *await cycles.list_cycles(session, page, reach), reach)

    @post("/", guards=[requires(Scope.WRITE_CYCLES)], summary="Create a cycle")
    async def create_cycle(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[CycleIn]
    ) -> Response[CycleOut]:
        cycle = await cycles.create_cycle(session, caller, data)
        return created(request, CycleOut.of(cycle), cycle.id)

    @get("/{cycle_id:uuid}", guards=[reaches(Scope.READ_CYCLES)], summary="Read a cycle")
    async def get_cycle(self, session: Session, reach: CurrentReach, cycle_id: FromPath[UUID]) -> CycleOut:
        return CycleOut.within(await cycles.get_cycle(session, cycle_id, reach), reach)

    @put("/{cycle_id:uuid}", guards=[requires(Scope.WRITE_CYCLES)], summary="Replace a cycle")
    async def replace_cycle(
        self,
        session: Session,
        caller: CurrentCaller,
        cycle_id: FromPath[UUID],
        data: JSONBody[CycleIn],
        match: IfMatch,
    ) -> CycleOut:
        return CycleOut.of(await follow.update_cycle(session, caller, cycle_id, data, match))

    @patch("/{cycle_id:uuid}", guards=[requires(Scope.WRITE_CYCLES)], summary="Change a cycle")
    async def update_cycle(
        self,
        session: Session,
        caller: CurrentCaller,
        cycle_id: FromPath[UUID],
        data: JSONBody[CyclePatch],
        match: IfMatch,
    ) -> CycleOut:
        """Meetings that are there already stay as they are; of a cycle that is cancelled those scheduled are too."""
        return CycleOut.of(await follow.update_cycle(session, caller, cycle_id, data, match))

    @delete("/{cycle_id:uuid}", guards=[requires(Scope.WRITE_CYCLES)], summary="Delete a cycle")
    async def delete_cycle(
        self,
        session: Session,
        caller: CurrentCaller,
        cycle_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """The cycle leaves every list with its meetings; `hard=true` (administrators) removes the row for good."""
        hard = hard_delete_allowed(caller, hard)
        await cycles.delete_cycle(session, caller, cycle_id, match, hard=hard)

    @post("/{cycle_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a cycle")
    async def restore_cycle(self, session: Session, caller: CurrentCaller, cycle_id: FromPath[UUID]) -> CycleOut:
        return CycleOut.of(await cycles.restore_cycle(session, caller, cycle_id))

    @post(
        "/{cycle_id:uuid}/generate-meetings", guards=[requires(Scope.WRITE_CYCLES)], status_code=202,
        summary="Generate a cycle's meetings",
    )  # fmt: skip
    async def generate_meetings(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        cycle_id: FromPath[UUID],
        data: JSONBody[GenerateIn | None] = None,
    ) -> Response[JobOut]:
        """Creates those still missing, on the cycle's pattern, past holidays and closures; again, it creates none."""
        cycle = await cycles.get_cycle(session, cycle_id)
        args = GenerateMeetings(cycle_ids=[cycle.id], on_conflict=(data or GenerateIn()).on_conflict)
        return await accepted(request, await enqueue(session, caller, args))

    @post(
        "/generate-meetings", guards=[requires(Scope.WRITE_CYCLES)], status_code=202,
        summary="Generate the meetings of many cycles",
    )  # fmt: skip
    async def generate_meetings_of_many(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[GenerateManyIn]
    ) -> Response[JobOut]:
        """One job for all of them."""
        await cycles.check_cycles(session, data.cycle_ids)
        args = GenerateMeetings(cycle_ids=data.cycle_ids, on_conflict=data.on_conflict)
        return await accepted(request, await enqueue(session, caller, args))

    @post(
        "/{cycle_id:uuid}/sync-progress", guards=[requires(Scope.WRITE_CYCLES)], status_code=202,
        summary="Count a cycle's completed meetings again",
    )  # fmt: skip
    async def sync_progress(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, cycle_id: FromPath[UUID]
    ) -> Response[JobOut]:
        cycle = await cycles.get_cycle(session, cycle_id)
        return await accepted(request, await enqueue(session, caller, SyncProgress(cycle_id=cycle.id)))

    @post(
        "/{cycle_id:uuid}/duplicate", guards=[requires(Scope.WRITE_CYCLES)], status_code=202,
        summary="Give a cycle again from another date",
    )  # fmt: skip
    async def duplicate_cycle(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        cycle_id: FromPath[UUID],
        data: JSONBody[DuplicateIn],
    ) -> Response[JobOut]:
        cycle = await cycles.get_cycle(session, cycle_id)
        args = DuplicateCycle(cycle_id=cycle.id, **msgspec.structs.asdict(data))
        return await accepted(request, await enqueue(session, caller, args))
