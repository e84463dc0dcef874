"""Registering, logging in and staying in, and what one does with one's own password and sessions."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth import authenticated, people_only, public
from api.dependencies import ApiRequest, CurrentCaller, Session, documented, query_of
from api.identity.clients import client_of
from api.identity.schemas import (
    ChallengeOut,
    EmailIn,
    LoginIn,
    LoginOut,
    MailedTokenIn,
    MeOut,
    NewPasswordIn,
    PasswordIn,
    RefreshIn,
    RegistrationIn,
    RegistrationOut,
    ResendIn,
    SecondStepIn,
    SessionOut,
    UserOut,
)
from api.limits import Limit, limited
from models.identity.caller import Caller
from models.identity.services import accounts, mailed_links, passwords, registration, sessions
from models.identity.services.registration import Registration
from models.identity.services.sessions import Challenge, LoggedIn, SessionPage
from models.identity.tables import LoginSession
from models.kernel.actor import Actor
from models.kernel.paging import Listing

TAGS = ("Identity",)


class AuthController(Controller):
    path = "/auth"
    tags = TAGS

    @post("/login", guards=[public, limited(Limit.LOGIN)], status_code=200, summary="Log in")
    async def log_in(self, request: ApiRequest, session: Session, data: JSONBody[LoginIn]) -> LoginOut | ChallengeOut:
        """An access token for `Authorization: Bearer …` and a refresh token for `POST /auth/refresh`; or, for who has a
        second step, a challenge to meet by `POST /auth/login/totp`.
        """
        state = request.app.state
        done = await sessions.log_in(
            session, state.database, state.settings, data.email, data.password, client_of(request)
        )
        if isinstance(done, Challenge):
            return ChallengeOut(challenge_token=done.token, expires_in=done.expires_in)
        return login_out(done)

    @post("/login/totp", guards=[public, limited(Limit.LOGIN)], status_code=200, summary="Take the second step")
    async def take_second_step(self, request: ApiRequest, session: Session, data: JSONBody[SecondStepIn]) -> LoginOut:
        """With a code of the authenticator, or a recovery code. Each works once."""
        state = request.app.state
        done = await sessions.take_second_step(
            session, state.database, state.settings, state["keys"], data.challenge_token, data.code, client_of(request)
        )
        return login_out(done)

    @post("/refresh", guards=[public], status_code=200, summary="Refresh the tokens")
    async def refresh_tokens(self, request: ApiRequest, session: Session, data: JSONBody[RefreshIn]) -> LoginOut:
        """A refresh token is good once. Used again, by whomever, it ends the session: one of the two has stolen it."""
        state = request.app.state
        return login_out(await sessions.refresh(session, state.database, state.settings, data.refresh_token))

    @post("/logout", guards=[people_only], status_code=204, summary="Log out")
    async def log_out(self, session: Session, caller: CurrentCaller) -> None:
        """Ends this session, within a second and everywhere."""
        await sessions.log_out(session, caller)

    @post("/logout-all", guards=[people_only], status_code=204, summary="Log out everywhere")
    async def log_out_everywhere(self, session: Session, caller: CurrentCaller) -> None:
        await sessions.end_sessions(session, caller.require_person())

    @get(
        "/sessions", guards=[people_only], summary="List my sessions",
        dependencies={"page": query_of(SessionPage)}, operation_class=documented(SessionPage),
    )  # fmt: skip
    async def list_sessions(
        self, session: Session, caller: CurrentCaller, page: NamedDependency[SessionPage]
    ) -> Listing[SessionOut]:
        rows, pagination = await sessions.list_sessions(session, caller, page)
        return Listing([_session_out(row, caller) for row in rows], pagination)

    @delete("/sessions/{session_id:uuid}", guards=[people_only], summary="End one of my sessions")
    async def end_session(self, session: Session, caller: CurrentCaller, session_id: FromPath[UUID]) -> None:
        """Its access token is refused within a second, its refresh token at once."""
        await sessions.end_session(session, caller, session_id)

    @get("/me", guards=[authenticated], summary="Who am I")
    async def get_me(self, session: Session, caller: CurrentCaller) -> MeOut:
        user = await accounts.get_user(session, caller.id) if caller.kind == "user" and caller.id else None
        return MeOut(
            actor=caller.name, role=caller.role, scopes=sorted(caller.scopes),
            user=UserOut.of(user) if user else None,
        )  # fmt: skip


class AccountController(Controller):
    """What concerns having an account rather than using it."""

    path = "/auth"
    tags = TAGS

    @post("/register", guards=[public, limited(Limit.MAIL)], status_code=202, summary="Register")
    async def register(self, request: ApiRequest, session: Session, data: JSONBody[RegistrationIn]) -> RegistrationOut:
        """As a student. There is an account once the link out of the mail has been followed (`POST
        /auth/verify-email`); the answer does not tell whether the address has one already.
        """
        given = msgspec.convert(data, Registration, from_attributes=True)
        id_ = await registration.register(
            session, request.app.state.database, _nobody(request), given, client_of(request)
        )
        return RegistrationOut(registration_id=id_)

    @post(
        "/resend-confirmation", guards=[public, limited(Limit.MAIL)], status_code=204,
        summary="Send the confirmation of a registration again",
    )  # fmt: skip
    async def resend_confirmation(self, request: ApiRequest, session: Session, data: JSONBody[ResendIn]) -> None:
        """The link of the mail before is void then. The same answer for a registration that is not there."""
        await mailed_links.ask_again(
            session, request.app.state.database, _nobody(request), data.registration_id, client_of(request)
        )

    @post("/verify-email", guards=[public, limited(Limit.LOGIN)], status_code=200, summary="Confirm a registration")
    async def verify_email(self, request: ApiRequest, session: Session, data: JSONBody[MailedTokenIn]) -> UserOut:
        """Makes the account, with the password of this registration. The link is good once."""
        return UserOut.of(await registration.verify_email(session, _nobody(request), data.token))

    @post("/forgot-password", guards=[public, limited(Limit.MAIL)], status_code=204, summary="Ask for a new password")
    async def forgot_password(self, request: ApiRequest, session: Session, data: JSONBody[EmailIn]) -> None:
        """A mail with a link, if there is such a user; the answer does not tell."""
        await passwords.forgot_password(
            session, request.app.state.database, _nobody(request), data.email, client_of(request)
        )

    @post("/reset-password", guards=[public, limited(Limit.LOGIN)], status_code=204, summary="Choose a new password")
    async def reset_password(self, request: ApiRequest, session: Session, data: JSONBody[NewPasswordIn]) -> None:
        """By a mailed link, which is good once; all sessions end. A second step stays in force."""
        await passwords.reset_password(session, _nobody(request), data.token, data.new_password)

    @post("/password", guards=[people_only, limited(Limit.LOGIN)], status_code=204, summary="Change my password")
    async def change_password(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[PasswordIn]
    ) -> None:
        """All my other sessions end."""
        database = request.app.state.database
        await passwords.change_password(session, database, caller, data.current_password, data.new_password)


def login_out(done: LoggedIn) -> LoginOut:
    return LoginOut(
        access_token=done.access_token, refresh_token=done.refresh_token, token_type="Bearer",
        expires_in=done.expires_in, user=UserOut.of(done.user),
    )  # fmt: skip


def _session_out(row: LoginSession, caller: Caller) -> SessionOut:
    values: dict[str, Any] = {name: getattr(row, name, None) for name in SessionOut.__struct_fields__}
    return SessionOut(**{**values, "current": row.id == caller.session_id})


def _nobody(request: ApiRequest) -> Actor:
    """Who asks has not shown who they are; the work is the platform's own."""
    return Actor("system", None, request.scope["state"]["request_id"])
