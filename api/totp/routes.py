"""The optional second step of a login, of those who work here."""

from litestar import Controller, get, post
from litestar.params import JSONBody

from api.auth import people_only
from api.dependencies import ApiRequest, CurrentCaller, Session
from api.limits import Limit, limited
from api.totp.schemas import BothIn, CodeIn, EnrolmentOut, RecoveryCodesOut, SecondStepOut, ShownPasswordIn
from models.identity.services import second_factors

GUARDS = [people_only, limited(Limit.LOGIN)]


class TotpController(Controller):
    path = "/auth/totp"
    tags = ("Identity",)

    @get("/", guards=[people_only], summary="Read my second step")
    async def get_second_step(self, session: Session, caller: CurrentCaller) -> SecondStepOut:
        return SecondStepOut.of(await second_factors.second_step_of(session, caller))

    @post("/", guards=GUARDS, status_code=200, summary="Enrol an authenticator")
    async def enrol_authenticator(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[ShownPasswordIn]
    ) -> EnrolmentOut:
        """Not in force before a code has confirmed it; enrolling again replaces what was not confirmed."""
        state = request.app.state
        done = await second_factors.enrol(session, state.database, state["keys"], caller, data.password)
        return EnrolmentOut.of(done)

    @post("/confirm", guards=GUARDS, status_code=200, summary="Confirm the authenticator")
    async def confirm_authenticator(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[CodeIn]
    ) -> RecoveryCodesOut:
        """From now on a login takes a code besides the password."""
        state = request.app.state
        codes = await second_factors.confirm(session, state.database, state["keys"], caller, data.code)
        return RecoveryCodesOut(recovery_codes=codes)

    @post("/recovery-codes", guards=GUARDS, status_code=200, summary="Renew my recovery codes")
    async def renew_recovery_codes(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[BothIn]
    ) -> RecoveryCodesOut:
        """Those so far are void."""
        state = request.app.state
        codes = await second_factors.renew_recovery_codes(
            session, state.database, state["keys"], caller, data.password, data.code
        )
        return RecoveryCodesOut(recovery_codes=codes)

    @post("/disable", guards=GUARDS, status_code=204, summary="Disable my second step")
    async def disable_second_step(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[BothIn]
    ) -> None:
        """Takes the password and a code."""
        state = request.app.state
        await second_factors.disable(session, state.database, state["keys"], caller, data.password, data.code)
