"""Every setting of the platform, typed, from the environment and an optional `.env` file.

Names are `BELLWORK_` + the field's name in capitals. `.env.example` documents each of them (a test compares
the two). A bad or missing setting stops start-up with every fault listed.
"""

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import Field, PostgresDsn, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

JITTER = 0.2
LONGEST_RETRY_AFTER_SECONDS = 86_400.0


class SettingsError(Exception):
    """Names every setting at fault, one line each."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="BELLWORK_", env_file=".env", extra="ignore", frozen=True)

    env: Literal["development", "test", "production"] = "production"

    database_url: PostgresDsn
    database_owner_url: PostgresDsn | None = None
    database_pool_size: int = Field(default=10, ge=1, le=200)
    redis_url: str
    broker_url: str = ""

    secret_key: SecretStr = Field(min_length=32)
    encryption_keys: Annotated[tuple[SecretStr, ...], NoDecode] = Field(min_length=1)
    retired_secret_keys: Annotated[tuple[Annotated[SecretStr, Field(min_length=32)], ...], NoDecode] = ()
    access_token_minutes: int = Field(default=15, ge=1, le=24 * 60)
    session_days: int = Field(default=30, ge=1, le=366)

    api_host: str = "127.0.0.1"
    api_port: int = Field(default=8000, ge=0, le=65535)
    public_url: str = "http://127.0.0.1:8000"
    web_url: str = ""
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    body_limit_bytes: int = Field(default=1024 * 1024, ge=1024)
    metrics_token: SecretStr | None = None
    allowed_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    proxy_header: Literal["x-forwarded-for", "forwarded"] = "x-forwarded-for"

    rate_limit_general: int = Field(default=100, ge=1)
    rate_limit_search: int = Field(default=30, ge=1)
    rate_limit_mail: int = Field(default=10, ge=1)
    rate_limit_upload: int = Field(default=5, ge=1)
    rate_limit_login: int = Field(default=20, ge=1)

    flower_host: str = "127.0.0.1"
    flower_port: int = Field(default=5555, ge=0, le=65535)
    flower_user: str = "operator"
    flower_password: SecretStr = Field(min_length=8)

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    files_url: str = "file:.bellwork/files"
    download_minutes: int = Field(default=60, ge=1)
    scratch_dir: str = ""

    job_lease_seconds: float = Field(default=15.0, ge=2.0, le=25.0)
    job_result_limit_bytes: int = Field(default=1024 * 1024, ge=1024, le=64 * 1024 * 1024)
    job_redeliver_seconds: float = Field(default=10.0, ge=1.0, le=25.0)
    dispatch_window: int = Field(default=2000, ge=1)
    dispatch_poll_seconds: float = Field(default=0.5, gt=0.0, le=10.0)

    vat_rates: dict[str, Decimal] = Field(
        default={"IL": Decimal("0.18"), "MX": Decimal("0.16"), "NG": Decimal("0.075")}
    )

    webhook_timeout_seconds: float = Field(default=15.0, gt=0.0, le=60.0)
    webhook_retry_seconds: Annotated[tuple[float, ...], NoDecode] = (5, 60, 300, 1800, 7200, 21600, 86400)
    webhook_allowed_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = ()
    webhook_allow_http: bool = False

    audit_keep_days: int = Field(default=730, ge=90)
    job_keep_days: int = Field(default=30, ge=1, validate_default=True)
    failed_job_keep_days: int = Field(default=90, ge=1, validate_default=True)
    event_keep_days: int = Field(default=365, ge=30, validate_default=True)
    message_keep_days: int = Field(default=90, ge=1, validate_default=True)

    mail_from: str = "Bellwork <no-reply@bellwork.example>"
    resend_api_key: SecretStr | None = None
    resend_api_url: str = "https://api.resend.com"
    mails_per_second: int = Field(default=2, ge=1, le=10_000)
    provider_timeout_seconds: float = Field(default=10.0, gt=0.0, le=60.0)

    guest_session_hours: int = Field(default=24, ge=1, le=24 * 30)
    google_client_ids: Annotated[tuple[str, ...], NoDecode] = ()
    google_keys_url: str = "https://www.googleapis.com/oauth2/v3/certs"
    facebook_app_id: str = ""
    facebook_app_secret: SecretStr | None = Field(default=None, validate_default=True)
    facebook_graph_url: str = "https://graph.facebook.com"
    facebook_keys_url: str = "https://limited.facebook.com/.well-known/oauth/openid/jwks/"
    clerk_issuer: str = ""
    clerk_authorized_parties: Annotated[tuple[str, ...], NoDecode] = Field(default=(), validate_default=True)
    clerk_secret_key: SecretStr | None = None
    clerk_api_url: str = "https://api.clerk.com"

    @field_validator(
        "encryption_keys", "retired_secret_keys", "cors_origins", "webhook_retry_seconds",
        "webhook_allowed_networks", "allowed_hosts", "trusted_proxies",
        "google_client_ids", "clerk_authorized_parties",
        mode="before",
    )  # fmt: skip
    @classmethod
    def _split_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return [part.strip() for part in value.split(",") if part.strip()]
        return value

    @field_validator(
        "database_owner_url",
        "resend_api_key",
        "metrics_token",
        "facebook_app_secret",
        "clerk_secret_key",
        mode="before",
    )
    @classmethod
    def _empty_is_absent(cls, value: object) -> object:
        return value or None

    @field_validator("facebook_app_secret", "clerk_authorized_parties")
    @classmethod
    def _comes_with_its_provider(cls, value: object, info: ValidationInfo) -> object:
        """A provider is set up whole: half of it would let in everybody, or nobody."""
        partner = {"facebook_app_secret": "facebook_app_id", "clerk_authorized_parties": "clerk_issuer"}
        if info.data.get(name := partner[str(info.field_name)]) and not value:
            raise ValueError(f"must be set together with BELLWORK_{name.upper()}")
        return value

    @field_validator("job_keep_days", "failed_job_keep_days")
    @classmethod
    def _outlasts_its_callback(cls, value: int, info: ValidationInfo) -> int:
        """The end of a job that is forgotten before a receiver has heard of it is lost without a word."""
        retries = info.data.get("webhook_retry_seconds")
        if retries is not None and value < (least := days_of_tries(retries)):
            raise ValueError(f"must be {least} or more: a callback is tried that long (BELLWORK_WEBHOOK_RETRY_SECONDS)")
        return value

    @field_validator("event_keep_days", "message_keep_days")
    @classmethod
    def _outlasts_failed_jobs(cls, value: int, info: ValidationInfo) -> int:
        """A delivery, or a mail, may be tried again for as long as its failed job is there."""
        if value < (least := info.data.get("failed_job_keep_days", 0)):
            raise ValueError(f"must be {least} or more: so long failed jobs are kept (BELLWORK_FAILED_JOB_KEEP_DAYS)")
        return value

    @field_validator("google_keys_url", "facebook_graph_url", "facebook_keys_url", "clerk_issuer", "clerk_api_url")
    @classmethod
    def _is_not_overheard(cls, value: str) -> str:
        """Who can change what these answer can sign in as anybody."""
        if value and not re.match(r"https://|http://(127\.0\.0\.1|localhost)[:/]", value):
            raise ValueError("must begin with https:// (http:// on this machine only)")
        return value

    @property
    def signing_keys(self) -> tuple[SecretStr, ...]:
        """The first signs, all are believed, so that keys rotate without logging anybody out."""
        return (self.secret_key, *self.retired_secret_keys)

    @property
    def effective_broker_url(self) -> str:
        """The broker is Redis unless BELLWORK_BROKER_URL names another (RabbitMQ by its amqp:// URL)."""
        return self.broker_url or self.redis_url

    @property
    def broker_transport_options(self) -> dict[str, object]:
        """For every client of the broker: without time-outs one of a hanging Redis hangs with it."""
        if not self.effective_broker_url.startswith(("redis", "valkey")):
            return {}
        return {
            "socket_timeout": 15.0, "socket_connect_timeout": 5.0, "socket_keepalive": True,
            "health_check_interval": 10, "visibility_timeout": 3600,
        }  # fmt: skip

    @property
    def asyncpg_dsn(self) -> str:
        return str(self.database_url)


def days_of_tries(waits: Sequence[float]) -> int:
    """Days within which the last attempt is over: with the jitter of each wait, or the longest that is granted to a
    `Retry-After` (see `RetryPolicy`)."""
    return int(sum(max(wait * (1 + JITTER), LONGEST_RETRY_AFTER_SECONDS) for wait in waits) / 86_400) + 1


def load_settings(env_file: str | None = ".env") -> Settings:
    """Read and check all settings.

    Raises SettingsError with one line for each missing or bad setting.
    """
    try:
        return Settings(_env_file=env_file)  # type: ignore[call-arg]
    except ValidationError as error:
        raise SettingsError("\n".join(_describe(fault) for fault in error.errors())) from None


def _describe(fault: object) -> str:
    assert isinstance(fault, dict)
    name = "BELLWORK_" + str(fault["loc"][0]).upper()
    return f"{name}: {'is missing' if fault['type'] == 'missing' else fault['msg']}"


@lru_cache
def get_settings() -> Settings:
    """The process's settings, read once."""
    return load_settings()
