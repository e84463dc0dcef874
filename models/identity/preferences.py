"""What people set for themselves."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta, field

from models.kernel.schema import In

Word = Annotated[str, Meta(min_length=1, max_length=200)]


class NotificationSettings(In):
    """By which channels someone wants to hear of things."""

    email: bool = True
    sms: bool = True
    voice: bool = False
    in_app: bool = True
    push: bool = True


class Preferences(In):
    """As stored with the user; what is not set has these values."""

    recent_searches: Annotated[list[Word], Meta(max_length=20, description="the newest first")] = []
    favorite_topics: Annotated[list[Word], Meta(max_length=100)] = []
    favorite_mentors: Annotated[list[UUID], Meta(max_length=100)] = []
    notifications: NotificationSettings = field(default_factory=NotificationSettings)
