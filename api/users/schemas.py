"""Users on the wire: as they change themselves, and as administrators change them."""

from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, Meta, UnsetType

from api.identity.schemas import Password, UserOut
from models.identity.permissions import Role
from models.identity.preferences import Preferences
from models.identity.rules import password_faults
from models.identity.services.accounts import preferences_of
from models.identity.tables import User
from models.kernel.errors import Fault
from models.kernel.schema import Email, In, Link, Locale, Name, Out, Phone, Timezone, check_timezone

Avatar = Annotated[Link, Meta(examples=["https://example.com/noa.jpg"])]


class ProfilePatch(In):
    name: Name | UnsetType = UNSET
    phone: Phone | UnsetType | None = UNSET
    avatar_url: Avatar | UnsetType | None = UNSET
    locale: Locale | UnsetType | None = UNSET
    timezone: Timezone | UnsetType | None = UNSET

    def faults(self) -> list[Fault]:
        return check_timezone("timezone", self.timezone) if isinstance(self.timezone, str) else []


class PreferencesIn(Preferences):
    """Whole: what is left out goes back to what it is at first. `timezone` is that of the profile."""

    timezone: Timezone | None = None

    def faults(self) -> list[Fault]:
        return check_timezone("timezone", self.timezone) if self.timezone else []

    @property
    def stored(self) -> Preferences:
        return Preferences(**{name: getattr(self, name) for name in Preferences.__struct_fields__})


class NotificationSettingsOut(Out):
    email: bool
    sms: bool
    voice: bool
    in_app: bool
    push: bool


class PreferencesOut(Out):
    recent_searches: list[str]
    favorite_topics: list[str]
    favorite_mentors: list[UUID]
    notifications: NotificationSettingsOut
    timezone: str | None


class ProfileOut(UserOut):
    preferences: PreferencesOut


class UserIn(In):
    """Without a password, the user gets a mail with a link to choose one."""

    email: Email
    name: Name
    role: Role
    phone: Phone | None = None
    avatar_url: Avatar | None = None
    locale: Locale | None = None
    timezone: Timezone | None = None
    password: Password | None = None

    def faults(self) -> list[Fault]:
        faults = password_faults("password", self.password, self.email) if self.password is not None else []
        return faults + (check_timezone("timezone", self.timezone) if self.timezone else [])


class UserChangeIn(In):
    """A whole user, but for the email and the password, which are their own."""

    name: Name
    role: Role
    phone: Phone | None = None
    avatar_url: Avatar | None = None
    locale: Locale | None = None
    timezone: Timezone | None = None

    def faults(self) -> list[Fault]:
        return check_timezone("timezone", self.timezone) if self.timezone else []


class UserPatch(ProfilePatch):
    role: Role | UnsetType = UNSET


def profile_of(user: User) -> ProfileOut:
    own = UserOut.of(user)
    return ProfileOut(**msgspec.structs.asdict(own), preferences=preferences_out(user))


def preferences_out(user: User) -> PreferencesOut:
    stored = preferences_of(user)
    return PreferencesOut(
        recent_searches=stored.recent_searches, favorite_topics=stored.favorite_topics,
        favorite_mentors=stored.favorite_mentors, timezone=user.timezone,
        notifications=NotificationSettingsOut.of(stored.notifications),
    )  # fmt: skip
