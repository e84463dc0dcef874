"""Logging in."""

from litestar import Controller, get, post
from litestar.params import JSONBody

from api.auth import authenticated, public
from api.dependencies import ApiRequest, CurrentCaller, Session
from api.identity.schemas import LoginIn, LoginOut, MeOut, UserOut
from models.identity.services import accounts, sessions
from models.kernel.settings import Settings


class AuthController(Controller):
    path = "/auth"
    tags = ("Identity",)

    @post("/login", guards=[public], status_code=200, summary="Log in")
    async def log_in(self, request: ApiRequest, session: Session, data: JSONBody[LoginIn]) -> LoginOut:
        """An access token for `Authorization: Bearer …`; `expiresIn` is in seconds."""
        settings: Settings = request.app.state.settings
        done = await sessions.log_in(session, settings, data.email, data.password)
        return LoginOut(
            access_token=done.token, token_type="Bearer", expires_in=settings.access_token_minutes * 60,
            user=UserOut.of(done.user),
        )  # fmt: skip

    @get("/me", guards=[authenticated], summary="Who am I")
    async def get_me(self, session: Session, caller: CurrentCaller) -> MeOut:
        user = await accounts.get_user(session, caller.id) if caller.kind == "user" and caller.id else None
        return MeOut(
            actor=caller.name, role=caller.role, scopes=sorted(caller.scopes),
            user=UserOut.of(user) if user else None,
        )  # fmt: skip
