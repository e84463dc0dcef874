"""The settings: typed, complete, and refused with every fault at once."""

import subprocess
import sys

import pytest

from models.jobs.rules import RetryPolicy
from models.kernel.settings import Settings, SettingsError, days_of_tries, load_settings
from tests.support.servers import REPOSITORY

NAMES = [f"BELLWORK_{name.upper()}" for name in Settings.model_fields]
COMPLETE = {
    "BELLWORK_DATABASE_URL": "postgresql://bellwork@localhost/bellwork",
    "BELLWORK_REDIS_URL": "redis://localhost:6379/0",
    "BELLWORK_SECRET_KEY": "s" * 32,
    "BELLWORK_ENCRYPTION_KEYS": "first,second",
    "BELLWORK_FLOWER_PASSWORD": "password",
}


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Just what is needed."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


def test_lists_are_written_with_commas(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BELLWORK_CORS_ORIGINS", "https://a.example, https://b.example")
    settings = load_settings(None)
    assert settings.cors_origins == ("https://a.example", "https://b.example")
    assert [key.get_secret_value() for key in settings.encryption_keys] == ["first", "second"]


def test_every_fault_is_named_at_once(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("BELLWORK_REDIS_URL")
    environment.setenv("BELLWORK_SECRET_KEY", "short")
    environment.setenv("BELLWORK_API_PORT", "eighty")
    with pytest.raises(SettingsError) as raised:
        load_settings(None)
    lines = str(raised.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == [
        "BELLWORK_REDIS_URL", "BELLWORK_SECRET_KEY", "BELLWORK_API_PORT",
    ]  # fmt: skip
    assert lines[0] == "BELLWORK_REDIS_URL: is missing"


def test_a_retired_key_is_as_long_as_one_in_use(environment: pytest.MonkeyPatch) -> None:
    """It is believed as much."""
    environment.setenv("BELLWORK_RETIRED_SECRET_KEYS", f"{'r' * 32},short")
    with pytest.raises(SettingsError, match="BELLWORK_RETIRED_SECRET_KEYS"):
        load_settings(None)
    environment.setenv("BELLWORK_RETIRED_SECRET_KEYS", f"{'r' * 32},{'q' * 32}")
    settings = load_settings(None)
    keys = [key.get_secret_value() for key in settings.signing_keys]
    assert keys == [COMPLETE["BELLWORK_SECRET_KEY"], "r" * 32, "q" * 32]


def test_no_secret_shows_when_settings_are_printed(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BELLWORK_RESEND_API_KEY", "re_very_secret")
    assert "re_very_secret" not in repr(load_settings(None))
    assert COMPLETE["BELLWORK_SECRET_KEY"] not in repr(load_settings(None))


def test_the_broker_is_redis_unless_another_is_named(environment: pytest.MonkeyPatch) -> None:
    assert load_settings(None).effective_broker_url == COMPLETE["BELLWORK_REDIS_URL"]
    environment.setenv("BELLWORK_BROKER_URL", "amqp://guest@localhost//")
    settings = load_settings(None)
    assert settings.effective_broker_url == "amqp://guest@localhost//"
    assert settings.broker_transport_options == {}


def test_a_process_does_not_start_without_them(environment: pytest.MonkeyPatch) -> None:
    environment.delenv("BELLWORK_DATABASE_URL")
    environment.setenv("BELLWORK_ENV", "staging")
    ended = subprocess.run([sys.executable, "-m", "api"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert "BELLWORK_DATABASE_URL: is missing" in ended.stderr
    assert "BELLWORK_ENV: Input should be" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BELLWORK_FACEBOOK_APP_ID", "1234"),
        ("BELLWORK_CLERK_ISSUER", "https://clerk.example.com"),
        ("BELLWORK_CLERK_ISSUER", "http://clerk.example.com"),
        ("BELLWORK_GOOGLE_KEYS_URL", "http://127.0.0.1.evil.example/certs"),
    ],
)
def test_a_provider_is_set_up_whole_and_spoken_to_in_private(
    environment: pytest.MonkeyPatch, name: str, value: str
) -> None:
    environment.setenv(name, value)
    with pytest.raises(SettingsError, match=r"BELLWORK_(FACEBOOK_APP_SECRET|CLERK_|GOOGLE_KEYS_URL)"):
        load_settings(None)


@pytest.mark.parametrize("name", ["BELLWORK_JOB_KEEP_DAYS", "BELLWORK_FAILED_JOB_KEEP_DAYS"])
def test_no_job_is_forgotten_while_its_callback_may_be_tried(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv(name, "7")
    with pytest.raises(SettingsError, match=f"{name}: .* must be 8 or more"):
        load_settings(None)
    environment.setenv(name, "8")
    assert load_settings(None).webhook_retry_seconds[-1] == 86_400
    environment.setenv("BELLWORK_WEBHOOK_RETRY_SECONDS", "60,60")
    environment.setenv(name, "3")
    load_settings(None)
    environment.setenv("BELLWORK_WEBHOOK_RETRY_SECONDS", f"{40 * 86_400}")
    environment.delenv(name)
    with pytest.raises(SettingsError, match="must be 49 or more"):
        load_settings(None)


@pytest.mark.parametrize("waits", [(), (5, 60, 86_400), (0.2, 0.2), (200_000.0,)])
def test_the_days_of_tries_are_those_of_the_policy(waits: tuple[float, ...]) -> None:
    """With the most that chance adds, and with receivers who ask for as long a wait as they are granted."""
    policy, longest = RetryPolicy(schedule=waits), 0.0
    for attempt in range(1, len(waits) + 1):
        longest += policy.wait(attempt, chance=1.0, retry_after=1e9)
    assert longest / 86_400 < days_of_tries(waits) <= longest / 86_400 + 1


@pytest.mark.parametrize("name", ["BELLWORK_EVENT_KEEP_DAYS", "BELLWORK_MESSAGE_KEEP_DAYS"])
def test_what_a_failed_job_is_about_is_kept_as_long_as_the_job(environment: pytest.MonkeyPatch, name: str) -> None:
    environment.setenv("BELLWORK_FAILED_JOB_KEEP_DAYS", "40")
    environment.setenv(name, "39")
    with pytest.raises(SettingsError, match=f"{name}: .* must be 40 or more"):
        load_settings(None)
    environment.setenv(name, "40")
    load_settings(None)


def test_events_are_kept_for_a_month_at_least(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("BELLWORK_FAILED_JOB_KEEP_DAYS", "10")
    environment.setenv("BELLWORK_EVENT_KEEP_DAYS", "29")
    with pytest.raises(SettingsError, match="BELLWORK_EVENT_KEEP_DAYS"):
        load_settings(None)
