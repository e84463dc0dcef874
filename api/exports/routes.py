"""Asking for files and downloading them."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler
from litestar.openapi import ResponseSpec
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody
from litestar.response import Stream

from api.auth import reaches
from api.dependencies import ApiRequest, CurrentCaller, CurrentReach, Session, documented, query_of
from api.exports.ranges import wanted_part
from api.exports.schemas import ExportOut
from api.jobs.following import accepted
from api.jobs.schemas import JobOut
from api.problems import PROBLEM_JSON
from api.resources import Response
from models.exports import service as exports
from models.exports.jobs import CreateExport
from models.exports.links import check_link
from models.exports.rules import EVERYTHING, Sight
from models.exports.service import ExportPage
from models.exports.tables import Export
from models.identity.caller import Caller
from models.identity.permissions import Scope, Verb
from models.identity.services.accounts import get_user
from models.kernel.clock import utc_now
from models.kernel.errors import Forbidden
from models.kernel.files import FileStore, StoredFile
from models.kernel.paging import Listing

MEDIA_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "zip": "application/zip",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


_readers = reaches(Scope.READ_EXPORTS)


async def has_link(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Whoever has a link is let in, to have it checked; others need to be allowed to read exports."""
    if "signature" not in connection.query_params:
        await _readers(connection, handler)


has_link.access = Scope.READ_EXPORTS.value  # type: ignore[attr-defined]
has_link.verb = Verb.READ  # type: ignore[attr-defined]


class ExportsController(Controller):
    path = "/exports"
    tags = ("Exports",)

    @post("/", guards=[reaches(Scope.WRITE_EXPORTS, Verb.CREATE)], status_code=202, summary="Export a list into a file")
    async def create_export(
        self,
        request: ApiRequest,
        session: Session,
        caller: CurrentCaller,
        reach: CurrentReach,
        data: JSONBody[CreateExport],
    ) -> Response[JobOut]:
        """Answers with the job; the export has its id. Needs the scope to read the resource, too.

        The file holds what the caller reaches when it is made. Instructors and students have nobody told but
        themselves.
        """
        for scope in data.needs():
            caller.require_reach(scope)
        if data.notify_email is not None and not reach.is_whole:
            await _check_own_address(session, caller, data.notify_email)
        return await accepted(request, await exports.request_export(session, caller, data))

    @get(
        "/", guards=[_readers], summary="List exports",
        dependencies={"page": query_of(ExportPage)}, operation_class=documented(ExportPage),
    )  # fmt: skip
    async def list_exports(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, page: NamedDependency[ExportPage]
    ) -> Listing[ExportOut]:
        """Your own; administrators, managers and keys with `read:*` see everybody's (but for what is held of a person,
        which administrators alone see)."""
        rows, pagination = await exports.list_exports(session, page, _sight(caller))
        return Listing([ExportOut.made(row, request.app.state.settings) for row in rows], pagination)

    @get("/{export_id:uuid}", guards=[_readers], summary="Read an export")
    async def get_export(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, export_id: FromPath[UUID]
    ) -> ExportOut:
        """Once it is `ready`, with a link that lets anybody download the file for a while."""
        export = await exports.get_export(session, export_id, _sight(caller))
        return ExportOut.made(export, request.app.state.settings)

    @delete("/{export_id:uuid}", guards=[reaches(Scope.WRITE_EXPORTS, Verb.DELETE)], summary="Delete an export")
    async def delete_export(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, export_id: FromPath[UUID]
    ) -> None:
        """The file as well. Not while it is being made."""
        files: FileStore = request.app.state.files
        await exports.delete_export(session, files, export_id, _sight(caller))

    @get(
        "/{export_id:uuid}/download", guards=[has_link], summary="Download the file", media_type="text/csv",
        responses={
            206: ResponseSpec(
                bytes, description="The part that `Range` names.", media_type="text/csv", generate_examples=False
            ),
            416: ResponseSpec(Any, description="The range begins behind the end.", media_type=PROBLEM_JSON),
        },
    )  # fmt: skip
    async def download_export(
        self,
        request: ApiRequest,
        session: Session,
        export_id: FromPath[UUID],
        expires: FromQuery[int | None] = None,
        signature: FromQuery[str | None] = None,
        range_: Annotated[str | None, HeaderParameter(name="Range")] = None,
        if_range: Annotated[str | None, HeaderParameter(name="If-Range")] = None,
    ) -> Stream:
        """With credentials, or by the link that the export gives. `Range` resumes a download that broke off."""
        sight = _allowed_sight(request, export_id, expires, signature)
        export, key = await exports.get_ready_export(session, export_id, sight)
        files: FileStore = request.app.state.files
        stored = await files.stat(key)
        part = wanted_part(range_, stored.size) if if_range in (None, stored.etag) else None
        start, end = part or (0, stored.size)
        return Stream(
            files.read(key, start, end),
            status_code=206 if part else 200,
            media_type=MEDIA_TYPES[export.format],
            headers={
                **_headers(stored, start, end, partial=part is not None),
                "Content-Disposition": f'attachment; filename="{_file_name(export)}"',
            },
        )


async def _check_own_address(session: Session, caller: Caller, email: str) -> None:
    user = await get_user(session, caller.require_person())
    if user.email.lower() != email.lower():
        raise Forbidden("A mail about your file goes to your own address only.")


def _file_name(export: Export) -> str:
    return f"{export.resource}-{export.created_at:%Y-%m-%d-%H%M%S}.{export.format}"


def _headers(stored: StoredFile, start: int, end: int, *, partial: bool) -> dict[str, str]:
    headers = {"Accept-Ranges": "bytes", "Content-Length": str(end - start)}
    if stored.etag:
        headers["ETag"] = stored.etag
    if partial:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
    return headers


def _sight(caller: Caller) -> Sight:
    return Sight(caller.name, others=caller.is_staff, personal=caller.is_admin)


def _allowed_sight(request: ApiRequest, id_: UUID, expires: int | None, signature: str | None) -> Sight:
    """Which exports the request may read; every one with a good link. Raises Forbidden for a bad one."""
    if signature is None:
        return _sight(request.user)
    check_link(request.app.state.settings, id_, expires or 0, signature, utc_now())
    return EVERYTHING
