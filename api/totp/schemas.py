"""The second step of a login on the wire."""

from datetime import datetime

from api.identity.schemas import Code, Password
from models.kernel.schema import In, Out


class ShownPasswordIn(In):
    password: Password


class CodeIn(In):
    code: Code


class BothIn(In):
    password: Password
    code: Code


class EnrolmentOut(Out):
    """Shown this once. `uri` is what the QR code holds."""

    secret: str
    uri: str


class SecondStepOut(Out):
    """`confirmedAt` is null while no second step is in force."""

    confirmed_at: datetime | None
    recovery_codes_left: int


class RecoveryCodesOut(Out):
    """Each works once, in place of a code. Shown this once."""

    recovery_codes: list[str]
