"""Meetings, their status, and what an instructor has ahead."""

from uuid import UUID

from litestar import Controller, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from api.auth import admins_only, reaches, requires
from api.cycles.schemas import CycleOut
from api.dependencies import ApiRequest, CurrentCaller, CurrentReach, IfMatch, Session, documented, query_of
from api.jobs.following import accepted
from api.jobs.schemas import JobOut
from api.meetings.schemas import (
    BulkDeletedOut,
    BulkDeleteIn,
    BulkRecalculateIn,
    MeetingIn,
    MeetingOut,
    MeetingPatch,
    PostponedOut,
    PostponeIn,
    ScheduledMeetingOut,
    ScheduleIn,
)
from api.resources import Response, created, hard_delete_allowed, listing
from models.cycles.services import cycles, meetings
from models.cycles.services.cycles import CyclePage
from models.cycles.services.meetings import MeetingPage
from models.cycles.values import MeetingStatus
from models.finance.jobs import BulkUpdateStatus, Recalculate
from models.finance.services import meetings as priced
from models.finance.services import status
from models.identity.permissions import Scope, Verb
from models.jobs.service import enqueue
from models.kernel.paging import Listing
from models.people.service import get_instructor


class MeetingsController(Controller):
    path = "/meetings"
    tags = ("Meetings",)

    @get(
        "/", guards=[reaches(Scope.READ_MEETINGS)], summary="List meetings",
        dependencies={"page": query_of(MeetingPage)}, operation_class=documented(MeetingPage),
    )  # fmt: skip
    async def list_meetings(
        self, session: Session, reach: CurrentReach, page: NamedDependency[MeetingPage]
    ) -> Listing[MeetingOut]:
        """The earliest first; searched by topic; `from` and `to` are about the start."""
        return listing(MeetingOut, *await meetings.list_meetings(session, page, reach), reach)

    @post("/", guards=[requires(Scope.WRITE_MEETINGS)], summary="Create one more meeting")
    async def create_meeting(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[MeetingIn]
    ) -> Response[MeetingOut]:
        """`409` with `conflictingMeetingId` when the instructor has another meeting at this time."""
        meeting = await meetings.create_meeting(session, caller, data)
        return created(request, MeetingOut.of(meeting), meeting.id)

    @get("/{meeting_id:uuid}", guards=[reaches(Scope.READ_MEETINGS)], summary="Read a meeting")
    async def get_meeting(self, session: Session, reach: CurrentReach, meeting_id: FromPath[UUID]) -> MeetingOut:
        return MeetingOut.within(await meetings.get_meeting(session, meeting_id, reach), reach)

    @patch("/{meeting_id:uuid}", guards=[reaches(Scope.WRITE_MEETINGS, Verb.UPDATE)], summary="Change a meeting")
    async def update_meeting(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        meeting_id: FromPath[UUID],
        data: JSONBody[MeetingPatch],
        match: IfMatch,
    ) -> MeetingOut:
        """What a correction of a completed meeting does to its money is worked out at once.

        An instructor changes topic, notes and room of their own, on its day.
        """
        meeting = await priced.update_meeting(session, caller, meeting_id, data, match, reach)
        return MeetingOut.within(meeting, reach)

    @delete("/{meeting_id:uuid}", guards=[requires(Scope.WRITE_MEETINGS)], summary="Delete a meeting")
    async def delete_meeting(
        self,
        session: Session,
        caller: CurrentCaller,
        meeting_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """The meeting leaves every list; `hard=true` (administrators) removes the row for good."""
        hard = hard_delete_allowed(caller, hard)
        await priced.delete_meeting(session, caller, meeting_id, match, hard=hard)

    @post("/{meeting_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a meeting")
    async def restore_meeting(self, session: Session, caller: CurrentCaller, meeting_id: FromPath[UUID]) -> MeetingOut:
        return MeetingOut.of(await priced.restore_meeting(session, caller, meeting_id))

    @post(
        "/{meeting_id:uuid}/complete", guards=[reaches(Scope.WRITE_MEETINGS, Verb.UPDATE)], status_code=200,
        summary="Complete a meeting",
    )  # fmt: skip
    async def complete_meeting(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        meeting_id: FromPath[UUID],
        match: IfMatch,
    ) -> MeetingOut:
        """Freezes its money. With the last one its cycle is completed, and the registrations are.

        An instructor completes their own, on its day.
        """
        meeting = await status.move_meeting(session, caller, meeting_id, MeetingStatus.COMPLETED, match, reach)
        return MeetingOut.within(meeting, reach)

    @post(
        "/{meeting_id:uuid}/cancel", guards=[reaches(Scope.WRITE_MEETINGS, Verb.UPDATE)], status_code=200,
        summary="Cancel a meeting",
    )  # fmt: skip
    async def cancel_meeting(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        meeting_id: FromPath[UUID],
        match: IfMatch,
    ) -> MeetingOut:
        """Also one that was completed by mistake; its money becomes 0. An instructor cancels their own, on its day."""
        meeting = await status.move_meeting(session, caller, meeting_id, MeetingStatus.CANCELLED, match, reach)
        return MeetingOut.within(meeting, reach)

    @post(
        "/{meeting_id:uuid}/postpone", guards=[reaches(Scope.WRITE_MEETINGS, Verb.UPDATE)], status_code=200,
        summary="Postpone a meeting",
    )  # fmt: skip
    async def postpone_meeting(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        meeting_id: FromPath[UUID],
        data: JSONBody[PostponeIn],
        match: IfMatch,
    ) -> PostponedOut:
        """Makes its replacement, with the same number, and links it. An instructor postpones their own, on its day."""
        done = await status.postpone_meeting(session, caller, meeting_id, data, match, reach)
        meeting, replacement = (MeetingOut.within(each, reach) for each in done)
        return PostponedOut(meeting=meeting, replacement=replacement)

    @post(
        "/{meeting_id:uuid}/recalculate", guards=[requires(Scope.WRITE_FINANCE)], status_code=200,
        summary="Work out a meeting's money again",
    )  # fmt: skip
    async def recalculate_meeting(
        self, session: Session, caller: CurrentCaller, meeting_id: FromPath[UUID], match: IfMatch
    ) -> MeetingOut:
        return MeetingOut.of(await priced.recalculate_meeting(session, caller, meeting_id, match))

    @post("/bulk-delete", guards=[requires(Scope.WRITE_MEETINGS)], status_code=200, summary="Delete many meetings")
    async def bulk_delete(
        self, session: Session, caller: CurrentCaller, data: JSONBody[BulkDeleteIn]
    ) -> BulkDeletedOut:
        deleted = await priced.delete_meetings(session, caller, data.meeting_ids)
        missing = [id_ for id_ in dict.fromkeys(data.meeting_ids) if id_ not in set(deleted)]
        return BulkDeletedOut(deleted=len(deleted), missing=missing)

    @post(
        "/bulk-update-status", guards=[reaches(Scope.WRITE_MEETINGS, Verb.UPDATE)], status_code=202,
        summary="Give many meetings a status",
    )  # fmt: skip
    async def bulk_update_status(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        data: JSONBody[BulkUpdateStatus],
    ) -> Response[JobOut]:
        """By ids, or by a filter; what may not change so is told in the job's result.

        An instructor's job is about their own meetings of the day; 404 names the ids that are not theirs.
        """
        await status.check_reach(session, data, reach)
        return await accepted(request, await enqueue(session, caller, data))

    @post(
        "/bulk-recalculate", guards=[requires(Scope.WRITE_FINANCE)], status_code=202,
        summary="Work out the money of many meetings again",
    )  # fmt: skip
    async def bulk_recalculate(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[BulkRecalculateIn]
    ) -> Response[JobOut]:
        return await accepted(request, await enqueue(session, caller, Recalculate(meeting_ids=data.meeting_ids)))


class CycleMeetingsController(Controller):
    path = "/cycles"
    tags = ("Meetings",)

    @get(
        "/{cycle_id:uuid}/meetings", guards=[reaches(Scope.READ_MEETINGS)], summary="List a cycle's meetings",
        dependencies={"page": query_of(MeetingPage)}, operation_class=documented(MeetingPage),
    )  # fmt: skip
    async def list_meetings_of_cycle(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        cycle_id: FromPath[UUID],
        page: NamedDependency[MeetingPage],
    ) -> Listing[MeetingOut]:
        cycle = await cycles.get_cycle(session, cycle_id, caller.reach(Scope.READ_CYCLES))
        return listing(MeetingOut, *await meetings.list_meetings(session, page, reach, cycle_id=cycle.id), reach)


class InstructorPlanController(Controller):
    path = "/instructors/{instructor_id:uuid}"
    tags = ("Meetings",)

    @get(
        "/cycles", guards=[reaches(Scope.READ_CYCLES)], summary="List an instructor's cycles",
        dependencies={"page": query_of(CyclePage)}, operation_class=documented(CyclePage),
    )  # fmt: skip
    async def list_cycles_of_instructor(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        instructor_id: FromPath[UUID],
        page: NamedDependency[CyclePage],
    ) -> Listing[CycleOut]:
        instructor = await get_instructor(session, instructor_id, caller.reach(Scope.READ_INSTRUCTORS))
        return listing(CycleOut, *await cycles.list_cycles(session, page, reach, instructor_id=instructor.id), reach)

    @get(
        "/meetings", guards=[reaches(Scope.READ_MEETINGS)], summary="List an instructor's meetings",
        dependencies={"page": query_of(MeetingPage)}, operation_class=documented(MeetingPage),
    )  # fmt: skip
    async def list_meetings_of_instructor(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        instructor_id: FromPath[UUID],
        page: NamedDependency[MeetingPage],
    ) -> Listing[MeetingOut]:
        """Those the instructor gives, also as a substitute."""
        instructor = await get_instructor(session, instructor_id, caller.reach(Scope.READ_INSTRUCTORS))
        rows = await meetings.list_meetings(session, page, reach, instructor_id=instructor.id)
        return listing(MeetingOut, *rows, reach)

    @get(
        "/schedule", guards=[reaches(Scope.READ_MEETINGS)], summary="Read an instructor's schedule",
        dependencies={"range_": query_of(ScheduleIn)}, operation_class=documented(ScheduleIn),
    )  # fmt: skip
    async def get_schedule_of_instructor(
        self,
        session: Session,
        caller: CurrentCaller,
        instructor_id: FromPath[UUID],
        range_: NamedDependency[ScheduleIn],
    ) -> list[ScheduledMeetingOut]:
        """What is scheduled or was given, the earliest first, with the names of course and branch."""
        instructor = await get_instructor(session, instructor_id, caller.reach(Scope.READ_INSTRUCTORS))
        rows = await meetings.schedule(session, instructor.id, range_.from_, range_.until)
        return [ScheduledMeetingOut(**row) for row in rows]
