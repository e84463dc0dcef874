"""The first answer to a keyed request, kept 24 hours so that its repetition gets the same."""

from datetime import datetime

from sqlalchemy import Index, SmallInteger, func
from sqlalchemy.orm import Mapped, mapped_column

from models.kernel.base import Base
from models.kernel.personal import Personal


class KeyedAnswer(Base):
    __tablename__ = "keyed_answers"
    unaudited = "an answer kept for a day to be given again"
    encrypted = frozenset({"body"})
    personal = Personal("caller = ANY (:owners)", ends=True)

    caller: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    fingerprint: Mapped[str]
    status: Mapped[int] = mapped_column(SmallInteger)
    headers: Mapped[bytes]
    body: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())

    __table_args__ = (Index("ix_keyed_answers_created_at", "created_at"),)
