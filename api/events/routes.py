"""The feed of what happened, and the catalogue of what can."""

from typing import Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.openapi import ResponseSpec

from api.auth import authenticated, requires
from api.dependencies import CurrentCaller, Session, documented, query_of
from api.events.schemas import EventFeed, EventOut, EventQuery, EventTypeOut
from api.problems import PROBLEM_JSON
from models.events.catalogue import all_event_types
from models.events.service import list_after
from models.identity.caller import Caller
from models.identity.permissions import Scope


class EventsController(Controller):
    path = "/events"
    tags = ("Events",)

    @get(
        "/", guards=[requires(Scope.READ_EVENTS)], summary="Read events in order",
        dependencies={"page": query_of(EventQuery)}, operation_class=documented(EventQuery),
        responses={
            410: ResponseSpec(
                Any, description="Some of what came after the position is forgotten.", media_type=PROBLEM_JSON
            )
        },
    )  # fmt: skip
    async def list_events(
        self, session: Session, caller: CurrentCaller, page: NamedDependency[EventQuery]
    ) -> EventFeed:
        """Everything after a position, oldest first: a polling trigger that misses nothing and repeats nothing.

        Events are kept for a time (`BELLWORK_EVENT_KEEP_DAYS`). Who comes back so late that some were forgotten is told
        so: 410, with the `oldestPosition` there is; `after=0` begins with it.

        What happens to users and webhook endpoints is shown to those who may see these; jobs and files of others to
        staff, as in their lists.
        """
        patterns = [part.strip() for part in page.types.split(",") if part.strip()] or None
        feed = await list_after(
            session, page.after, page.limit, patterns, without=_unseen(caller), owner=caller.visible_owner
        )
        return EventFeed(
            data=[EventOut.of(event) for event in feed.events],
            next_after=feed.reached,
        )


def _unseen(caller: Caller) -> list[str]:
    seen = {"user": caller.is_admin, "webhook": caller.may(Scope.READ_WEBHOOKS)}
    return [resource for resource, may in seen.items() if not may]


class EventTypesController(Controller):
    path = "/event-types"
    tags = ("Events",)

    @get("/", guards=[authenticated], summary="List the types of events")
    async def list_event_types(self) -> list[EventTypeOut]:
        """Each with its description, the JSON Schema of its data, and an example."""
        return [EventTypeOut.of(type_) for type_ in all_event_types()]
