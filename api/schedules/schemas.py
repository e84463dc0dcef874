"""Schedules on the wire."""

from datetime import datetime
from typing import Annotated, Any, ClassVar
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from api.jobs.schemas import CallbackUrl, Tags
from models.jobs.rules import DEFAULT_PRIORITY, Priority
from models.kernel.schema import In, Name, Out, Rule, Timezone
from models.schedules.rules import CatchUp, Overlap, Timing, check_overlap, check_timing

Cron = Annotated[
    str, Meta(max_length=200, description="five fields, as Debian's cron reads them", examples=["0 7 * * 1-5"])
]
Rrule = Annotated[str, Meta(max_length=500, description="RFC 5545", examples=["FREQ=WEEKLY;INTERVAL=2;BYDAY=SU"])]
Attempts = Annotated[int, Meta(ge=1, le=25)]
Seconds = Annotated[
    int, Meta(ge=1, le=31_536_000, description="a job ends as failed (`EXPIRED`) if it has not started by then")
]
WallTime = Annotated[datetime, Meta(tz=False, description="a wall-clock time, without an offset")]


class ScheduleIn(In):
    """Either `cron`, or `rrule` with `startsAt`. `catchUp` says what becomes of fire times missed in an outage:
    `all` are made up for, up to the latest 1,000. With `overlap: skip` a fire is left out while a job of the schedule
    is unfinished.
    """

    name: Name
    kind: Annotated[str, Meta(max_length=100, examples=["finance.recalculate"])]
    payload: dict[str, Any]
    priority: Priority = DEFAULT_PRIORITY
    tags: Tags = []
    max_attempts: Attempts | None = None
    start_within_seconds: Seconds | None = None
    callback_url: CallbackUrl | None = None
    cron: Cron | None = None
    rrule: Rrule | None = None
    starts_at: WallTime | None = None
    timezone: Timezone = "UTC"
    catch_up: CatchUp = CatchUp.ONCE
    overlap: Overlap = Overlap.ALLOW

    rules: ClassVar[tuple[Rule, ...]] = (
        lambda schedule: check_timing(Timing(schedule.timezone, schedule.cron, schedule.rrule, schedule.starts_at)),
        lambda schedule: check_overlap(schedule.catch_up, schedule.overlap),
    )


class SchedulePatch(In):
    name: Name | UnsetType = UNSET
    payload: dict[str, Any] | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    tags: Tags | UnsetType = UNSET
    max_attempts: Attempts | UnsetType | None = UNSET
    start_within_seconds: Seconds | UnsetType | None = UNSET
    callback_url: CallbackUrl | UnsetType | None = UNSET
    cron: Cron | UnsetType | None = UNSET
    rrule: Rrule | UnsetType | None = UNSET
    starts_at: WallTime | UnsetType | None = UNSET
    timezone: Timezone | UnsetType = UNSET
    catch_up: CatchUp | UnsetType = UNSET
    overlap: Overlap | UnsetType = UNSET


class FireErrorOut(Out):
    """`code` is `OWNER_REFUSED`, `KIND_UNKNOWN`, `PAYLOAD_INVALID`, `TIMING_INVALID`, `DATABASE_ERROR` or
    `UNEXPECTED`."""

    code: str
    message: str
    at: datetime


class ScheduleOut(Out):
    """`lastJobId` is the job of `lastFireAt`. `lastSkippedAt` is the latest fire time that made no job, by its
    `overlap` or because it was `missed`; `lastError` why it could not fire, until it does again.
    """

    id: UUID
    key: str | None
    name: str
    kind: str
    payload: dict[str, Any]
    priority: int
    tags: list[str]
    max_attempts: int | None
    start_within_seconds: int | None
    callback_url: str | None
    cron: str | None
    rrule: str | None
    starts_at: datetime | None
    timezone: str
    catch_up: str
    overlap: str
    owner: str
    paused_at: datetime | None
    last_fire_at: datetime | None
    last_job_id: UUID | None
    last_skipped_at: datetime | None
    last_skipped_reason: str | None
    last_error: FireErrorOut | None
    next_fire_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int


class FireTimesQuery(In):
    count: Annotated[int, Meta(ge=1, le=100)] = 10


class FireTimesOut(Out):
    """Instants in UTC, soonest first."""

    fire_times: list[datetime]
