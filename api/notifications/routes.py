"""Sending mail, and reading what the sandbox kept of it."""

from uuid import UUID

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from api.auth import requires
from api.dependencies import ApiRequest, CurrentCaller, Session, documented, query_of
from api.jobs.following import accepted
from api.jobs.schemas import JobOut
from api.limits import Limit, limited
from api.notifications.schemas import EmailIn, MessageOut, MessageWithContentOut
from api.resources import Response, listing
from models.identity.permissions import Scope
from models.kernel.paging import Listing
from models.notifications import service as notifications
from models.notifications.service import MessagePage


class NotificationsController(Controller):
    tags = ("Notifications",)

    @post(
        "/send-email",
        guards=[requires(Scope.WRITE_NOTIFICATIONS), limited(Limit.MAIL)],
        status_code=202,
        summary="Send a mail",
    )
    async def send_email(
        self, request: ApiRequest, session: Session, caller: CurrentCaller, data: JSONBody[EmailIn]
    ) -> Response[JobOut]:
        """Tried again while the provider is busy or away, sent once. Without a provider the sandbox keeps it."""
        job = await notifications.request_written_email(
            session, caller, to=data.to, to_name=data.to_name, subject=data.subject, html=data.html, text=data.text
        )
        return await accepted(request, job)

    @get(
        "/sandbox/messages", guards=[requires(Scope.READ_NOTIFICATIONS)], summary="List the sandbox's messages",
        dependencies={"page": query_of(MessagePage)}, operation_class=documented(MessagePage),
    )  # fmt: skip
    async def list_sandbox_messages(
        self, session: Session, caller: CurrentCaller, page: NamedDependency[MessagePage]
    ) -> Listing[MessageOut]:
        """What would have been sent, were a provider configured. Searched by recipient and subject. Mails that open an
        account are shown to administrators only.
        """
        rows, pagination = await notifications.list_sandbox_messages(session, page, confidential=caller.is_admin)
        return listing(MessageOut, rows, pagination)

    @get(
        "/sandbox/messages/{message_id:uuid}",
        guards=[requires(Scope.READ_NOTIFICATIONS)],
        summary="Read a sandbox message",
    )
    async def get_sandbox_message(
        self, session: Session, caller: CurrentCaller, message_id: FromPath[UUID]
    ) -> MessageWithContentOut:
        """With its text and its HTML."""
        message = await notifications.get_sandbox_message(session, message_id, confidential=caller.is_admin)
        return MessageWithContentOut.of(message)
