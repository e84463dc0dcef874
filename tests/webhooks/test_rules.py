"""Signatures, verdicts and what an endpoint may ask for, without servers."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
import standardwebhooks
import svix

from models.webhooks.rules import (
    DeliveryStatus,
    Verdict,
    event_type_faults,
    header_faults,
    judge,
    new_secret,
    signature_headers,
)
from tasks.integrations.retry_after import retry_after_seconds

BODY = '{"type":"customer.created","data":{"name":"נועה"}}'.encode()
GONE, ASKED = "The receiver answered 410 Gone.", "The receiver asked for it (webhook-delivery: disable)."


def test_a_secret_is_32_random_bytes_in_the_standard_form() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert first.startswith("whsec_")
    assert len(base64.b64decode(first.removeprefix("whsec_"), validate=True)) == 32


def test_the_official_libraries_accept_the_signature() -> None:
    secret = new_secret()
    headers = signature_headers([secret], "0198c0de", datetime.now(UTC), BODY)
    assert standardwebhooks.Webhook(secret).verify(BODY, headers)["data"] == {"name": "נועה"}
    svix.Webhook(secret).verify(BODY, headers)


@pytest.mark.parametrize("broken", ["id", "timestamp", "body", "secret"])
def test_and_refuse_it_when_anything_signed_is_another(broken: str) -> None:
    secret, at = new_secret(), datetime.now(UTC)
    headers = signature_headers([secret], "0198c0de", at, BODY)
    body = BODY.replace(b"created", b"deleted") if broken == "body" else BODY
    if broken == "id":
        headers["webhook-id"] = "0198c0df"
    if broken == "timestamp":
        headers["webhook-timestamp"] = str(int(at.timestamp()) + 1)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(new_secret() if broken == "secret" else secret).verify(body, headers)


def test_while_a_secret_rotates_both_verify() -> None:
    new, old = new_secret(), new_secret()
    headers = signature_headers([new, old], "0198c0de", datetime.now(UTC), BODY)
    assert headers["webhook-signature"].count("v1,") == 2
    for secret in (new, old):
        assert standardwebhooks.Webhook(secret).verify(BODY, headers)


def test_the_older_scheme_is_the_hex_of_the_body_alone() -> None:
    secret = new_secret()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    headers = signature_headers([secret], "0198c0de", datetime.now(UTC), BODY)
    assert headers["x-webhook-signature"] == "sha256=" + hmac.new(key, BODY, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("status_code", "wish", "verdict"),
    [
        (200, "", Verdict(DeliveryStatus.DELIVERED)),
        (204, "", Verdict(DeliveryStatus.DELIVERED)),
        (299, "abort", Verdict(DeliveryStatus.DELIVERED)),
        (200, "disable", Verdict(DeliveryStatus.DELIVERED, ASKED)),
        (410, "", Verdict(DeliveryStatus.ENDED, GONE)),
        (500, " Disable ", Verdict(DeliveryStatus.ENDED, ASKED)),
        (500, "abort", Verdict(DeliveryStatus.ENDED)),
        (500, "whatever", Verdict(None)),
        *[(code, "", Verdict(None)) for code in (301, 302, 304, 400, 401, 404, 408, 409, 425, 429, 500, 503, 101)],
        (None, "", Verdict(None)),
    ],
)
def test_what_an_answer_means(status_code: int | None, wish: str, verdict: Verdict) -> None:
    assert judge(status_code, wish) == verdict


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("Fri, 06 Feb 2026 12:01:00 GMT", 60.0),
        ("Fri, 06 Feb 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
    ],
)
def test_how_long_a_server_asks_to_be_left_alone(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, datetime(2026, 2, 6, 12, tzinfo=UTC)) == seconds


def test_event_types_are_known_ones_or_globs_that_match_some() -> None:
    known = ["customer.created", "customer.updated", "webhook.endpoint_disabled"]
    good = ["*", "customer.created", "customer.*", "*.updated", "webhook.endpoint_*"]
    assert event_type_faults("eventTypes", good, known) == []
    bad = ["customer.creatd", "lead.*", "", "customer", "customer.created.now", "customer.%", "Customer.created", "a b"]
    faults = event_type_faults("eventTypes", ["customer.*", *bad], known)
    assert [fault.field for fault in faults] == [f"eventTypes[{index}]" for index in range(1, len(bad) + 1)]


@pytest.mark.parametrize(
    ("headers", "faulty"),
    [
        ({"Authorization": "Bearer abc", "x-api-key": "k"}, []),
        ({"x-good": "1", "a b": "1", "": "1", "x:y": "1"}, [".a b", ".", ".x:y"]),
        ({"x-a": "1\r\nx-b: 2", "x-b": "", "x-c": "é", "x-d": " 1"}, [".x-a", ".x-b", ".x-c", ".x-d"]),
        ({"x-a": "1", "X-A": "2"}, [".x-a", ".X-A"]),
        ({f"x-{number}": "1" for number in range(21)}, [""]),
    ],
)
def test_static_headers_are_sane(headers: dict[str, str], faulty: list[str]) -> None:
    assert [fault.field for fault in header_faults("headers", headers)] == [f"headers{end}" for end in faulty]


@pytest.mark.parametrize(
    "name",
    ["Host", "content-length", "Content-Type", "Webhook-Id", "webhook-x", "X-Webhook-Signature", "User-Agent", "TE"],
)
def test_and_none_of_those_that_we_set(name: str) -> None:
    assert [fault.field for fault in header_faults("headers", {name: "x"})] == [f"headers.{name}"]
