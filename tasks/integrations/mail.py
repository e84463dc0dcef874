"""Mail by Resend, through its SDK; without a key, a sandbox that delivers to nobody."""

import asyncio
import math
import threading
from typing import Any, Protocol

import msgspec
import resend
from resend.exceptions import ResendError

from models.kernel.clock import utc_now
from models.kernel.settings import Settings
from tasks.integrations.retry_after import retry_after_seconds
from tasks.outcomes import ProviderError

_QUOTAS = {"daily_quota_exceeded", "monthly_quota_exceeded"}
_UNDER_WAY = "concurrent_idempotent_requests"


class Mail(msgspec.Struct, frozen=True):
    """`sender` is `Name <address>`."""

    sender: str
    recipient: str
    recipient_name: str | None
    subject: str
    text: str
    html: str

    @property
    def to(self) -> str:
        if self.recipient_name is None:
            return self.recipient
        quoted = self.recipient_name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{self.recipient}>'


class Sent(msgspec.Struct, frozen=True):
    provider: str
    message_id: str | None


class MailTransport(Protocol):
    async def send(self, mail: Mail, idempotency_key: str) -> Sent:
        """Hand the mail over, once for each key. Raises ProviderError."""
        ...


class SandboxMail:
    """The message stays in its table, for `GET /sandbox/messages`."""

    async def send(self, mail: Mail, idempotency_key: str) -> Sent:
        return Sent("sandbox", None)


class ResendMail:
    """One account per process, because the SDK keeps its key in a module global."""

    def __init__(self, api_key: str, api_url: str, timeout_seconds: float) -> None:
        """Raises RuntimeError when the process already sends by another account."""
        self._timeout = timeout_seconds
        _use_account((api_key, api_url.rstrip("/"), math.ceil(timeout_seconds)))

    async def send(self, mail: Mail, idempotency_key: str) -> Sent:
        parameters: Any = {
            "from": mail.sender, "to": [mail.to], "subject": mail.subject, "html": mail.html, "text": mail.text,
        }  # fmt: skip
        try:
            # The SDK's own limit is per read, so a server that trickles would hold us for ever.
            async with asyncio.timeout(2 * self._timeout):
                answer = await asyncio.to_thread(resend.Emails.send, parameters, {"idempotency_key": idempotency_key})
        except TimeoutError:
            raise ProviderError("MAIL_PROVIDER_UNREACHABLE", "Resend did not answer in time.", retryable=True) from None
        except ResendError as error:
            raise as_provider_error(error) from error
        return Sent("resend", answer["id"])


def mail_transport(settings: Settings) -> MailTransport:
    if settings.resend_api_key is None:
        return SandboxMail()
    key = settings.resend_api_key.get_secret_value()
    return ResendMail(key, settings.resend_api_url, settings.provider_timeout_seconds)


def as_provider_error(error: ResendError) -> ProviderError:
    """Rate limits, 5xx and network faults are worth another attempt; quotas and what Resend refuses are not."""
    code, message = int(error.code), f"Resend: {error.message}"
    if error.error_type == "HttpClientError":
        return ProviderError("MAIL_PROVIDER_UNREACHABLE", message, retryable=True)
    if error.error_type in _QUOTAS:
        return ProviderError("MAIL_QUOTA_EXCEEDED", message, retryable=False)
    if code in (408, 429) or code >= 500 or error.error_type == _UNDER_WAY:
        headers = {name.lower(): value for name, value in error.headers.items()}
        wait = retry_after_seconds(headers.get("retry-after"), utc_now())
        return ProviderError("MAIL_PROVIDER_BUSY", message, retryable=True, retry_after=wait)
    return ProviderError("MAIL_REFUSED", message, retryable=False)


_account: tuple[str, str, int] | None = None
_account_lock = threading.Lock()


def _use_account(account: tuple[str, str, int]) -> None:
    global _account
    with _account_lock:
        if _account is None:
            resend.api_key, resend.api_url = account[:2]
            resend.default_http_client = resend.RequestsClient(timeout=account[2])
            _account = account
        elif _account != account:
            raise RuntimeError("this process already sends mail by another Resend account")
