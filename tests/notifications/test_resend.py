"""What Resend's answers mean, by its own SDK against a server that speaks its HTTP."""

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from models.kernel.settings import Settings
from tasks.integrations.mail import Mail, ResendMail, SandboxMail, mail_transport
from tasks.outcomes import ProviderError
from tests.support import resend_simulator
from tests.support.resend_simulator import API_KEY, Fault, ResendSimulator, running_resend

MAIL = Mail("Bellwork <no-reply@example.com>", "noa@example.com", 'Noa "N" Levi', "Hello", "Hi\n", "<p>Hi</p>")


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ResendSimulator]:
    async with running_resend() as simulator:
        yield simulator


@pytest.fixture
def simulator(server: ResendSimulator) -> ResendSimulator:
    server.emails.clear()
    server.faults.clear()
    return server


@pytest.fixture
def transport(server: ResendSimulator) -> ResendMail:
    return ResendMail(API_KEY, server.url, 1.0)


async def test_a_mail_is_handed_over_as_it_was_written(simulator: ResendSimulator, transport: ResendMail) -> None:
    sent = await transport.send(MAIL, "job:send")
    (email,) = simulator.emails
    assert (sent.provider, sent.message_id) == ("resend", email.id)
    assert email.content == {
        "from": MAIL.sender,
        "to": ['"Noa \\"N\\" Levi" <noa@example.com>'],
        "subject": "Hello",
        "text": "Hi\n",
        "html": "<p>Hi</p>",
    }


async def test_the_same_key_is_sent_once(simulator: ResendSimulator, transport: ResendMail) -> None:
    first, second = await transport.send(MAIL, "job:send"), await transport.send(MAIL, "job:send")
    assert first.message_id == second.message_id
    assert [email.idempotency_key for email in simulator.emails] == ["job:send"]


@pytest.mark.parametrize(
    ("fault", "code", "retryable", "retry_after"),
    [
        ("RATE_LIMITED", "MAIL_PROVIDER_BUSY", True, 7.0),
        ("BROKEN", "MAIL_PROVIDER_BUSY", True, None),
        ("BAD_GATEWAY", "MAIL_PROVIDER_BUSY", True, None),
        ("HANGING", "MAIL_PROVIDER_UNREACHABLE", True, None),
        ("OUT_OF_QUOTA", "MAIL_QUOTA_EXCEEDED", False, None),
        ("INVALID", "MAIL_REFUSED", False, None),
    ],
)
async def test_each_fault_is_tried_again_or_final(
    simulator: ResendSimulator,
    transport: ResendMail,
    fault: str,
    code: str,
    retryable: bool,
    retry_after: float | None,
) -> None:
    simulator.faults.append(getattr(resend_simulator, fault))
    with pytest.raises(ProviderError) as caught:
        await transport.send(MAIL, "job:send")
    error = caught.value
    assert (error.error.code, error.error.retryable, error.retry_after) == (code, retryable, retry_after)
    assert API_KEY not in error.error.message


async def test_a_mail_whose_answer_was_lost_is_not_sent_twice(
    simulator: ResendSimulator, transport: ResendMail
) -> None:
    await transport.send(MAIL, "job:send")
    simulator.faults.append(Fault(409, "concurrent_idempotent_requests", "The first is still under way."))
    with pytest.raises(ProviderError) as caught:
        await transport.send(MAIL, "job:send")
    assert caught.value.error.retryable
    await transport.send(MAIL, "job:send")
    assert len(simulator.emails) == 1


def test_a_process_does_not_mix_two_accounts(server: ResendSimulator, transport: ResendMail) -> None:
    with pytest.raises(RuntimeError):
        ResendMail("re_another", server.url, 1.0)


def test_without_a_key_mail_goes_to_the_sandbox(settings: Settings, server: ResendSimulator) -> None:
    assert isinstance(mail_transport(settings), SandboxMail)
    update = {"resend_api_key": SecretStr(API_KEY), "resend_api_url": server.url, "provider_timeout_seconds": 1.0}
    assert isinstance(mail_transport(settings.model_copy(update=update)), ResendMail)
