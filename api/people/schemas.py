"""People on the wire."""

from datetime import datetime
from uuid import UUID

from msgspec import UNSET, UnsetType

from models.kernel.schema import Email, In, LongText, Name, Out, Phone, ShortText


class CustomerIn(In):
    name: Name
    phone: Phone | None = None
    email: Email | None = None
    address: ShortText | None = None
    city: ShortText | None = None
    notes: LongText | None = None


class CustomerPatch(In):
    name: Name | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    email: Email | UnsetType | None = UNSET
    address: ShortText | UnsetType | None = UNSET
    city: ShortText | UnsetType | None = UNSET
    notes: LongText | UnsetType | None = UNSET


class CustomerOut(Out):
    id: UUID
    name: str
    phone: str | None
    email: str | None
    address: str | None
    city: str | None
    notes: str | None
    created_at: datetime
    updated_at: datetime
    version: int
