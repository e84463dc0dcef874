"""Courses, the branches they are given at, and the days these are closed."""

from uuid import UUID

from litestar import Controller, delete, get, patch, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from api.auth import admins_only, reaches, requires
from api.courses.schemas import (
    BranchIn,
    BranchOut,
    BranchPatch,
    ClosureIn,
    ClosureOut,
    ClosurePatch,
    CourseIn,
    CourseOut,
    CoursePatch,
)
from api.dependencies import ApiRequest, CurrentCaller, CurrentReach, IfMatch, Session, documented, query_of
from api.resources import Response, created, hard_delete_allowed, listing
from models.courses import service as courses
from models.courses.service import BranchPage, ClosurePage, CoursePage
from models.identity.permissions import Scope, Verb
from models.kernel.paging import Listing


class CoursesController(Controller):
    path = "/courses"
    tags = ("Courses",)

    @get(
        "/", guards=[reaches(Scope.READ_COURSES)], summary="List courses",
        dependencies={"page": query_of(CoursePage)}, operation_class=documented(CoursePage),
    )  # fmt: skip
    async def list_courses(
        self, session: Session, reach: CurrentReach, page: NamedDependency[CoursePage]
    ) -> Listing[CourseOut]:
        """Searched by title and description; `duration` is the most minutes."""
        return listing(CourseOut, *await courses.list_courses(session, page, reach), reach)

    @post("/", guards=[requires(Scope.WRITE_COURSES)], summary="Create a course")
    async def create_course(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[CourseIn]
    ) -> Response[CourseOut]:
        course = await courses.create_course(session, caller, data)
        return created(request, CourseOut.of(course), course.id)

    @get("/{course_id:uuid}", guards=[reaches(Scope.READ_COURSES)], summary="Read a course")
    async def get_course(self, session: Session, reach: CurrentReach, course_id: FromPath[UUID]) -> CourseOut:
        return CourseOut.within(await courses.get_course(session, course_id, reach), reach)

    @put("/{course_id:uuid}", guards=[reaches(Scope.WRITE_COURSES, Verb.UPDATE)], summary="Replace a course")
    async def replace_course(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        course_id: FromPath[UUID],
        data: JSONBody[CourseIn],
        match: IfMatch,
    ) -> CourseOut:
        return CourseOut.within(await courses.update_course(session, caller, course_id, data, match, reach), reach)

    @patch("/{course_id:uuid}", guards=[reaches(Scope.WRITE_COURSES, Verb.UPDATE)], summary="Change a course")
    async def update_course(
        self,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        course_id: FromPath[UUID],
        data: JSONBody[CoursePatch],
        match: IfMatch,
    ) -> CourseOut:
        return CourseOut.within(await courses.update_course(session, caller, course_id, data, match, reach), reach)

    @delete("/{course_id:uuid}", guards=[requires(Scope.WRITE_COURSES)], summary="Delete a course")
    async def delete_course(
        self,
        session: Session,
        caller: CurrentCaller,
        course_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """The course leaves every list; `hard=true` (administrators) removes the row for good."""
        hard = hard_delete_allowed(caller, hard)
        await courses.delete_course(session, caller, course_id, match, hard=hard)

    @post("/{course_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a course")
    async def restore_course(self, session: Session, caller: CurrentCaller, course_id: FromPath[UUID]) -> CourseOut:
        return CourseOut.of(await courses.restore_course(session, caller, course_id))


class BranchesController(Controller):
    path = "/branches"
    tags = ("Courses",)

    @get(
        "/", guards=[requires(Scope.READ_BRANCHES)], summary="List branches",
        dependencies={"page": query_of(BranchPage)}, operation_class=documented(BranchPage),
    )  # fmt: skip
    async def list_branches(self, session: Session, page: NamedDependency[BranchPage]) -> Listing[BranchOut]:
        """Searched by name and address."""
        return listing(BranchOut, *await courses.list_branches(session, page))

    @post("/", guards=[requires(Scope.WRITE_BRANCHES)], summary="Create a branch")
    async def create_branch(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[BranchIn]
    ) -> Response[BranchOut]:
        branch = await courses.create_branch(session, caller, data)
        return created(request, BranchOut.of(branch), branch.id)

    @get("/{branch_id:uuid}", guards=[requires(Scope.READ_BRANCHES)], summary="Read a branch")
    async def get_branch(self, session: Session, branch_id: FromPath[UUID]) -> BranchOut:
        return BranchOut.of(await courses.get_branch(session, branch_id))

    @put("/{branch_id:uuid}", guards=[requires(Scope.WRITE_BRANCHES)], summary="Replace a branch")
    async def replace_branch(
        self,
        session: Session,
        caller: CurrentCaller,
        branch_id: FromPath[UUID],
        data: JSONBody[BranchIn],
        match: IfMatch,
    ) -> BranchOut:
        return BranchOut.of(await courses.update_branch(session, caller, branch_id, data, match))

    @patch("/{branch_id:uuid}", guards=[requires(Scope.WRITE_BRANCHES)], summary="Change a branch")
    async def update_branch(
        self,
        session: Session,
        caller: CurrentCaller,
        branch_id: FromPath[UUID],
        data: JSONBody[BranchPatch],
        match: IfMatch,
    ) -> BranchOut:
        return BranchOut.of(await courses.update_branch(session, caller, branch_id, data, match))

    @delete("/{branch_id:uuid}", guards=[requires(Scope.WRITE_BRANCHES)], summary="Delete a branch")
    async def delete_branch(
        self,
        session: Session,
        caller: CurrentCaller,
        branch_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """The branch leaves every list; `hard=true` (administrators) removes the row for good."""
        hard = hard_delete_allowed(caller, hard)
        await courses.delete_branch(session, caller, branch_id, match, hard=hard)

    @post("/{branch_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a branch")
    async def restore_branch(self, session: Session, caller: CurrentCaller, branch_id: FromPath[UUID]) -> BranchOut:
        return BranchOut.of(await courses.restore_branch(session, caller, branch_id))


class ClosuresController(Controller):
    path = "/closures"
    tags = ("Courses",)

    @get(
        "/", guards=[requires(Scope.READ_BRANCHES)], summary="List closures",
        dependencies={"page": query_of(ClosurePage)}, operation_class=documented(ClosurePage),
    )  # fmt: skip
    async def list_closures(self, session: Session, page: NamedDependency[ClosurePage]) -> Listing[ClosureOut]:
        """Searched by name. `branchId` finds those that hold for the branch, `from` and `to` those that touch days."""
        return listing(ClosureOut, *await courses.list_closures(session, page))

    @post("/", guards=[requires(Scope.WRITE_BRANCHES)], summary="Create a closure")
    async def create_closure(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[ClosureIn]
    ) -> Response[ClosureOut]:
        closure = await courses.create_closure(session, caller, data)
        return created(request, ClosureOut.of(closure), closure.id)

    @get("/{closure_id:uuid}", guards=[requires(Scope.READ_BRANCHES)], summary="Read a closure")
    async def get_closure(self, session: Session, closure_id: FromPath[UUID]) -> ClosureOut:
        return ClosureOut.of(await courses.get_closure(session, closure_id))

    @put("/{closure_id:uuid}", guards=[requires(Scope.WRITE_BRANCHES)], summary="Replace a closure")
    async def replace_closure(
        self,
        session: Session,
        caller: CurrentCaller,
        closure_id: FromPath[UUID],
        data: JSONBody[ClosureIn],
        match: IfMatch,
    ) -> ClosureOut:
        return ClosureOut.of(await courses.update_closure(session, caller, closure_id, data, match))

    @patch("/{closure_id:uuid}", guards=[requires(Scope.WRITE_BRANCHES)], summary="Change a closure")
    async def update_closure(
        self,
        session: Session,
        caller: CurrentCaller,
        closure_id: FromPath[UUID],
        data: JSONBody[ClosurePatch],
        match: IfMatch,
    ) -> ClosureOut:
        return ClosureOut.of(await courses.update_closure(session, caller, closure_id, data, match))

    @delete("/{closure_id:uuid}", guards=[requires(Scope.WRITE_BRANCHES)], summary="Delete a closure")
    async def delete_closure(
        self,
        session: Session,
        caller: CurrentCaller,
        closure_id: FromPath[UUID],
        match: IfMatch,
        hard: FromQuery[bool] = False,
    ) -> None:
        """The closure leaves every list; `hard=true` (administrators) removes the row for good."""
        hard = hard_delete_allowed(caller, hard)
        await courses.delete_closure(session, caller, closure_id, match, hard=hard)

    @post("/{closure_id:uuid}/restore", guards=[admins_only], status_code=200, summary="Restore a closure")
    async def restore_closure(self, session: Session, caller: CurrentCaller, closure_id: FromPath[UUID]) -> ClosureOut:
        return ClosureOut.of(await courses.restore_closure(session, caller, closure_id))
