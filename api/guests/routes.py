"""Visitors: a session of their own without an account, for what they put together before they have one."""

from uuid import UUID

from litestar import Controller, delete, get, post
from litestar.params import FromPath

from api.auth import public, reaches
from api.dependencies import ApiRequest, CurrentReach, Session
from api.guests.schemas import GuestSessionOut, OpenedGuestSessionOut
from api.resources import Response, created
from models.identity.permissions import Scope, Verb
from models.identity.services import guests


class GuestSessionsController(Controller):
    path = "/auth/session"
    tags = ("Identity",)

    @post("/", guards=[public], summary="Open a visitor's session")
    async def open_guest_session(self, request: ApiRequest, session: Session) -> Response[OpenedGuestSessionOut]:
        """It ends by itself, and cannot be prolonged."""
        settings = request.app.state.settings
        opened = await guests.open_guest_session(session, settings)
        body = OpenedGuestSessionOut(
            token=opened.token, token_type="Bearer", expires_in=settings.guest_session_hours * 3600,
            session=GuestSessionOut.of(opened.session),
        )  # fmt: skip
        return created(request, body, opened.session.id)

    @get("/{session_id:uuid}", guards=[reaches(Scope.READ_GUEST_SESSIONS)], summary="Read a visitor's session")
    async def get_guest_session(
        self, session: Session, reach: CurrentReach, session_id: FromPath[UUID]
    ) -> GuestSessionOut:
        """Visitors read their own."""
        return GuestSessionOut.of(await guests.get_guest_session(session, reach, session_id))

    @delete(
        "/{session_id:uuid}",
        guards=[reaches(Scope.WRITE_GUEST_SESSIONS, Verb.DELETE)],
        summary="End a visitor's session",
    )
    async def end_guest_session(self, session: Session, reach: CurrentReach, session_id: FromPath[UUID]) -> None:
        """Visitors end their own; its token is refused within a second."""
        await guests.end_guest_session(session, reach, session_id)
