"""The only reader of the environment.

A value comes from the environment variable of the same name, else from the running
local stack's `environment.json` in INTERVIEW_DATA_HOME. A wrong value fails at start,
naming the setting and what is right; a missing one says how to get it.
"""

import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from stores.errors import SettingInvalid

REPOSITORY = Path(__file__).resolve().parent.parent

# Which schemes each store's URL may have: what its own client accepts.
URL_SCHEMES: dict[str, tuple[str, ...]] = {
    "database_url": ("postgresql", "postgres"),
    "clickhouse_url": ("clickhouse", "clickhouses", "http", "https"),
    "redis_url": ("redis", "rediss", "unix"),
    "s3_endpoint_url": ("http", "https"),
    "elasticsearch_url": ("http", "https"),
    "event_bus_url": ("redis", "rediss", "kafka", "kafkas"),
    "api_url": ("http", "https"),
    "dagster_url": ("http", "https"),
    "alert_webhook_url": ("http", "https"),
}

# The URLs whose presence in the environment means: a real server, do not start ours.
STORE_URLS = (
    "database_url",
    "clickhouse_url",
    "redis_url",
    "s3_endpoint_url",
    "elasticsearch_url",
    "event_bus_url",
)


class HomeOnly(BaseSettings):
    """Where the local state lives; read first, because the other settings may be in it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")
    interview_data_home: Path = REPOSITORY / ".local"

    @property
    def path(self) -> Path:
        """The folder, absolute."""
        return self.interview_data_home.expanduser().resolve()


def environment_file(home: Path) -> Path:
    """The file in which `up` publishes the URLs of what it runs (mode 0600)."""
    return home / "environment.json"


class Settings(BaseSettings):
    """Every setting of the platform. Field names in capitals are the environment variables."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    interview_data_home: Path = Field(
        REPOSITORY / ".local", description="Folder of all local state; two homes run side by side."
    )
    database_url: str | None = Field(
        None, repr=False, description="PostgreSQL (OLTP): postgresql://user:password@host:port/db"
    )
    clickhouse_url: str | None = Field(
        None,
        repr=False,
        description="ClickHouse: clickhouse://user:password@host:port/db (HTTP interface).",
    )
    redis_url: str | None = Field(
        None, repr=False, description="Redis or Valkey: redis://:password@host:port"
    )
    s3_endpoint_url: str | None = Field(None, description="S3 API: http://host:port")
    aws_access_key_id: str | None = Field(None, repr=False, description="S3 access key.")
    aws_secret_access_key: str | None = Field(None, repr=False, description="S3 secret key.")
    s3_bucket: str = Field("ai-video-interview-storage", description="Bucket of media and reports.")
    elasticsearch_url: str | None = Field(
        None, repr=False, description="Elasticsearch: http://user:password@host:port"
    )
    elasticsearch_compatibility: Literal["elasticsearch", "opensearch"] = Field(
        "elasticsearch",
        description="`opensearch` makes the official client speak to an OpenSearch-like server.",
    )
    event_bus_url: str | None = Field(
        None,
        repr=False,
        description="Event bus: redis://:password@host:port/0, or kafka://user:password@host:port.",
    )
    event_bus_partitions: int = Field(
        4, ge=1, le=256, description="Partitions of a topic; more writers than that share nothing."
    )
    event_bus_keep_hours: float = Field(
        0,
        ge=0,
        description="How long Redis keeps landed events for a replay; Kafka has its own retention.",
    )
    dead_letter_alert_hours: float = Field(
        24, gt=0, description="A dead letter that is older and not replayed raises an alert."
    )
    alert_webhook_url: str | None = Field(
        None,
        repr=False,
        description="Failed and recovered runs of Dagster are posted here, as JSON.",
    )
    api_url: str | None = Field(None, description="Where the serving API answers: http://host:port")
    api_key: str | None = Field(None, repr=False, description="A key for the API, all scopes.")
    dagster_url: str | None = Field(None, description="Where Dagster's pages are: http://host:port")
    capture_publication: str = Field(
        "interview_data", description="PostgreSQL publication that change capture reads."
    )
    capture_columns: str = Field(
        "",
        description="What capture leaves out or hashes of DATABASE_URL:"
        " users.password_hash=exclude,users.email=hash",
    )
    capture_hash_key: str | None = Field(
        None, repr=False, description="Secret of the hashes that CAPTURE_COLUMNS asks for."
    )
    capture_slot: str = Field(
        "interview_data", description="PostgreSQL replication slot of change capture."
    )
    capture_spill_folder: Path | None = Field(
        None,
        description="Where capture keeps large open transactions; by default in the home's folder.",
    )
    capture_failover_slot: bool = Field(
        True, description="On PostgreSQL 17 and newer, make the slot one that standbys get too."
    )
    capture_heartbeat_seconds: float = Field(
        30.0,
        ge=0,
        description="Where the captured database is idle but others write, move the slot on by a"
        " message in the log after so long; 0 never.",
    )
    capture_alert_seconds: float = Field(
        300.0, gt=0, description="Capture that is stuck or behind for longer is alarmed about."
    )
    capture_metrics_port: int = Field(
        18090, ge=1, le=65535, description="Port of change capture's metrics, if it is free."
    )

    event_late_days: int = Field(
        35, ge=1, le=730, description="Older events are refused, unless they are backfilled."
    )
    event_early_minutes: int = Field(
        10, ge=0, le=1440, description="Events further ahead are refused, unless backfilled."
    )
    recent_event_seconds: int = Field(
        86_400,
        ge=60,
        description="For how long Redis helps to tell at once that an event id was sent before.",
    )
    api_requests_per_minute: int = Field(
        6_000, ge=1, description="Requests that one API key may make; a key may have its own limit."
    )
    api_events_per_minute: int = Field(
        600_000, ge=10_000, description="Events that one API key may send; likewise."
    )
    rate_limits_fail_open: bool = Field(
        True, description="While Redis is away, serve requests uncounted instead of refusing them."
    )
    api_user_requests_per_minute: int = Field(
        600, ge=1, description="Requests of one customer to one endpoint; a plan may say otherwise."
    )
    api_user_requests_per_hour: int = Field(10_000, ge=1, description="Likewise, by the hour.")
    api_user_requests_per_day: int = Field(100_000, ge=1, description="Likewise, by the day.")
    quota_fails_open: bool = Field(
        False,
        description="While Redis is away, let quotas be used unchecked and recorded, not refused.",
    )
    quota_recount_seconds: float = Field(
        300,
        ge=1,
        description="A quota's counter is counted anew from the ledger after so long.",
    )
    quota_reservation_seconds: int = Field(
        900, ge=1, le=86_400, description="How long a reservation holds that names no time."
    )
    webhook_attempts: int = Field(
        8, ge=1, le=50, description="How often a webhook is tried before it is a dead letter."
    )
    webhook_timeout_seconds: float = Field(
        10.0, gt=0, le=30, description="How long a webhook's receiver may take to answer."
    )
    webhook_private_targets: bool = Field(
        False,
        description="Let webhooks go to private addresses and over http://; for tests and one's own"
        " network.",
    )
    api_body_seconds: float = Field(
        30.0, gt=0, description="A request's body that takes longer to come is cut off."
    )

    api_public_requests_per_minute: int = Field(
        120, ge=1, description="Requests without credentials from one address, for public links."
    )
    api_answer_seconds: float = Field(
        60.0, gt=0, description="A request that is not answered by then gets 504."
    )
    api_concurrent_requests: int = Field(
        500, ge=1, description="Requests that a worker of the API works on at once; 503 beyond."
    )
    api_drain_seconds: float = Field(
        1.0,
        ge=0,
        le=300,
        description="After SIGTERM the API says that it is not ready, and takes requests for so"
        " long still, until whoever sends them has noticed.",
    )
    api_allowed_origins: str = Field(
        "",
        description="Web sites whose scripts may call the API: https://a.example,https://b.example."
        " None by default.",
    )
    api_log_format: Literal["text", "json"] = Field(
        "text",
        description="`json` writes a line per request and every other line as JSON, without"
        " personal data.",
    )
    prometheus_multiproc_dir: Path | None = Field(
        None,
        description="An empty folder in which the API's workers add up their metrics; needed for"
        " /metrics where there are several.",
    )
    otel_exporter_otlp_endpoint: str | None = Field(
        None,
        description="Where traces are sent (OTLP over HTTP): http://host:4318. None: no traces.",
    )
    auth_secret: str | None = Field(
        None,
        repr=False,
        min_length=32,
        description="Seals signing keys and mail, and marks refresh tokens: 32 random characters or"
        " more, the same on every host of the API. Without it nobody signs in.",
    )
    auth_issuer: str = Field(
        "interview-data", min_length=1, description="The `iss` of access tokens."
    )
    auth_audience: str = Field(
        "interview-data-api", min_length=1, description="The `aud` of access tokens."
    )
    auth_default_role: str = Field(
        "recruiter", description="The role that who registers is given, where there is such a role."
    )

    postgres_port: int = Field(
        15432, ge=1, le=65535, description="Port of the embedded PostgreSQL, if it is free."
    )
    clickhouse_port: int = Field(
        18123, ge=1, le=65535, description="Port of the embedded ClickHouse, if it is free."
    )
    redis_port: int = Field(
        16379, ge=1, le=65535, description="Port of the embedded Valkey, if it is free."
    )
    event_bus_port: int = Field(
        16380, ge=1, le=65535, description="Port of the embedded event bus, if it is free."
    )
    object_store_port: int = Field(
        19000, ge=1, le=65535, description="Port of the embedded S3 server, if it is free."
    )
    search_port: int = Field(
        19200, ge=1, le=65535, description="Port of the embedded search server, if it is free."
    )
    api_port: int = Field(18000, ge=1, le=65535, description="Port of the API, if it is free.")
    dagster_port: int = Field(
        13000, ge=1, le=65535, description="Port of Dagster's pages, if it is free."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  the base class names it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003  likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then what the running local stack published."""
        local = InitSettingsSource(settings_cls, init_kwargs=_published(HomeOnly().path))
        return init_settings, env_settings, local

    @field_validator("interview_data_home")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().resolve()

    @field_validator(*URL_SCHEMES)
    @classmethod
    def _known_scheme(cls, value: str | None, info: Any) -> str | None:
        if value is None:
            return None
        schemes = URL_SCHEMES[info.field_name]
        parts = urlsplit(value)
        if parts.scheme not in schemes:
            raise ValueError(f"must start with {' or '.join(f'{name}://' for name in schemes)}")
        try:
            # Several brokers are named by commas.
            for host in parts.netloc.rpartition("@")[2].split(","):
                urlsplit(f"//{host}").port  # noqa: B018  reading it is what checks it
        except ValueError:
            raise ValueError("its port must be a number from 0 to 65535") from None
        return value

    def require(self, name: str) -> str:
        """The setting `name`, or SettingInvalid saying how to get it."""
        value = getattr(self, name)
        if value is None:
            raise SettingInvalid(
                name.upper(),
                "is not set, and no local stack is running in "
                f"INTERVIEW_DATA_HOME={self.interview_data_home}.",
                "Set it, or run `interview-data up --detach`.",
            )
        return str(value)


def _published(home: Path) -> dict[str, Any]:
    try:
        text = environment_file(home).read_text()
    except FileNotFoundError:
        return {}
    values = json.loads(text)
    return {name.lower(): value for name, value in values.items()}


def inherited_environment(home: Path) -> dict[str, str]:
    """What a process of the platform gets: everything, and the home made certain."""
    return {**os.environ, "INTERVIEW_DATA_HOME": str(home), "PYTHONUNBUFFERED": "1"}


def server_environment() -> dict[str, str]:
    """What a store's server gets: nothing that could reconfigure it, and no credentials."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def set_in_environment(names: tuple[str, ...]) -> set[str]:
    """Those of the settings `names` that the environment itself sets, not the local stack."""
    return {name for name in names if os.environ.get(name.upper())}


def forget_in_environment(names: Iterable[str]) -> None:
    """Take settings out of this process's environment, and so out of its children's."""
    for name in names:
        os.environ.pop(name.upper(), None)


def load_settings() -> Settings:
    """Read the settings now. Raises SettingInvalid naming each wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> SettingInvalid:
    """Every wrong setting with its rule, never its value: a URL carries a password."""
    found = error.errors(include_input=False, include_url=False, include_context=False)
    names = [str(item["loc"][0]).upper() if item["loc"] else "SETTINGS" for item in found]
    rules = [item["msg"].removeprefix("Value error, ") for item in found]
    others = "; ".join(f"{name}: {rule}" for name, rule in zip(names[1:], rules[1:], strict=True))
    return SettingInvalid(names[0], rules[0], f"Also {others}" if others else "")


class EndpointSecrets(BaseSettings):
    """What the ClickHouse endpoint's own process may be given, and nobody else reads."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")
    clickhouse_local_password: str | None = Field(None, repr=False)


def clickhouse_local_password() -> str | None:
    """The password that `stores.local.clickhouse_http` asks its clients for."""
    return EndpointSecrets().clickhouse_local_password


def set_process_time_zone(name: str) -> None:
    """What C libraries loaded later take for the machine's time zone."""
    os.putenv("TZ", name)
    time.tzset()
