"""The embedded stores of one home: their ports, their credentials, their processes.

Belongs here: putting the stores together. How one of them runs is in its own module; the
platform's own processes are added by the caller, which is above this package.
"""

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from stores.errors import InputInvalid
from stores.local import clickhouse, object_store, postgres, search, valkey
from stores.local.home import Home, read_json, write_json
from stores.local.ports import PortReservations
from stores.local.service import Service
from stores.postgres.api_keys import PREFIX
from stores.settings import (
    STORE_URLS,
    Settings,
    forget_in_environment,
    inherited_environment,
    load_settings,
    server_environment,
    set_in_environment,
)

# Each store and the setting that replaces it by a server of one's own.
STORES: dict[str, str] = {
    "postgres": "database_url",
    "clickhouse": "clickhouse_url",
    "redis": "redis_url",
    "event-bus": "event_bus_url",
    "object-store": "s3_endpoint_url",
    "search": "elasticsearch_url",
}
_SECRETS = (
    "postgres",
    "clickhouse",
    "redis",
    "event-bus",
    "search",
    "s3_access_key",
    "s3_secret_key",
    "capture_hash_key",
    "auth_secret",
)
# What opens somebody's account or interview has no place where analysts read.
_LEFT_OUT = "users.password_hash=exclude,interviews.public_link_token=exclude"


@dataclass(frozen=True)
class Stack:
    """What `up` will run: the stores' processes, and the values that everybody is told."""

    home: Home
    services: list[Service]
    ports: Mapping[str, int]
    environment: Mapping[str, str]
    moves: list[str]

    def publish(self) -> None:
        """Tell every later process of this home where everything is."""
        write_json(self.home.environment_file, dict(self.environment))
        write_json(self.home.ports_file, dict(self.ports))


def own_ports(settings: Settings) -> dict[str, int]:
    """The port of each server unless it is taken."""
    return {
        "postgres": settings.postgres_port,
        "clickhouse": settings.clickhouse_port,
        "redis": settings.redis_port,
        "event-bus": settings.event_bus_port,
        "object-store": settings.object_store_port,
        "search": settings.search_port,
        "api": settings.api_port,
        "dagster": settings.dagster_port,
        # Its metrics; nobody needs them to be where they are.
        "change-capture": settings.capture_metrics_port,
    }


def replaced_stores(home: Home) -> dict[str, str]:
    """The stores for which the environment names another server, with that setting.

    A shell that has run `eval "$(interview-data env)"` names our own: that is no other.
    """
    given, settings = set_in_environment(STORE_URLS), load_settings()
    ports, credentials = read_json(home.ports_file), read_json(home.credentials_file)
    own = {
        store: _url(store, port, credentials) for store, port in ports.items() if store in STORES
    }
    return {
        store: setting
        for store, setting in STORES.items()
        if setting in given and getattr(settings, setting) != own.get(store)
    }


def forget_own_urls(home: Home) -> None:
    """Take out of the environment what this home says itself, and perhaps by now otherwise."""
    replaced = replaced_stores(home)
    own = [setting for store, setting in STORES.items() if store not in replaced]
    if "object-store" not in replaced:
        own += ["aws_access_key_id", "aws_secret_access_key"]
    forget_in_environment([*own, "api_url", "api_key", "dagster_url"])


def choose(names: Iterable[str], only: Iterable[str], without: Iterable[str]) -> list[str]:
    """Those of `names` that are asked for. Raises InputInvalid naming the known ones."""
    known = list(names)
    for option, values in (("--only", only), ("--without", without)):
        for value in values:
            if value not in known:
                raise InputInvalid(option, f"{value!r} must be one of {', '.join(known)}")
    kept = set(only) or set(known)
    return [name for name in known if name in kept and name not in set(without)]


def plan(
    home: Home, settings: Settings, reservations: PortReservations, names: Iterable[str]
) -> Stack:
    """The stack of the stores and servers `names`, on free ports."""
    wanted = list(names)
    remembered = read_json(home.ports_file)
    ports = {
        name: reservations.choose(own, remembered.get(name))
        for name, own in own_ports(settings).items()
        if name in wanted
    }
    credentials = _credentials(home)
    environment = _environment(home, settings, ports, credentials)
    services = _services(home, ports, credentials)
    # A port that is not in use now keeps its place for the next time.
    return Stack(home, services, {**remembered, **ports}, environment, _moves(remembered, ports))


def _moves(remembered: Mapping[str, int], ports: Mapping[str, int]) -> list[str]:
    """In words, for those who had noted a URL."""
    return [
        f"{name}: port {former} is taken, {ports[name]} is used"
        for name, former in remembered.items()
        if ports.get(name, former) != former
    ]


def _credentials(home: Home) -> dict[str, str]:
    """The secrets of this home, made once. Letters and digits only: no quoting in any URL."""
    known = read_json(home.credentials_file)
    made = {name: known.get(name) or secrets.token_hex(24) for name in _SECRETS}
    made["api_key"] = known.get("api_key") or PREFIX + secrets.token_urlsafe(32)
    if made != known:
        write_json(home.credentials_file, made)
    return made


def _environment(
    home: Home, settings: Settings, ports: Mapping[str, int], credentials: Mapping[str, str]
) -> dict[str, str]:
    """Every URL, by its setting's name; what the environment itself sets stays as it is."""
    values: dict[str, str] = {}
    given = replaced_stores(home)
    for store, setting in STORES.items():
        if store in given:
            values[setting.upper()] = str(getattr(settings, setting))
        elif store in ports:
            values[setting.upper()] = _url(store, ports[store], credentials)
    if "object-store" in ports:
        values["AWS_ACCESS_KEY_ID"] = credentials["s3_access_key"]
        values["AWS_SECRET_ACCESS_KEY"] = credentials["s3_secret_key"]
    elif "object-store" in given:
        values["AWS_ACCESS_KEY_ID"] = settings.require("aws_access_key_id")
        values["AWS_SECRET_ACCESS_KEY"] = settings.require("aws_secret_access_key")
    values["API_KEY"] = credentials["api_key"]
    values["CAPTURE_HASH_KEY"] = credentials["capture_hash_key"]
    values["AUTH_SECRET"] = credentials["auth_secret"]
    if "postgres" in ports:
        values["CAPTURE_COLUMNS"] = _LEFT_OUT
    for name in ("api", "dagster"):
        if name in ports:
            values[f"{name.upper()}_URL"] = f"http://127.0.0.1:{ports[name]}"
    return values


def _url(store: str, port: int, credentials: Mapping[str, str]) -> str:
    secret = quote(credentials.get(store, ""), safe="")
    at = f"127.0.0.1:{port}"
    return {
        "postgres": f"postgresql://{postgres.USER}:{secret}@{at}/{postgres.DATABASE}",
        "clickhouse": f"clickhouse://{clickhouse.USER}:{secret}@{at}/default",
        "redis": f"redis://:{secret}@{at}",
        "event-bus": f"redis://:{secret}@{at}/0",
        "object-store": f"http://{at}",
        "search": f"http://{search.USER}:{secret}@{at}",
    }[store]


def _services(
    home: Home, ports: Mapping[str, int], credentials: Mapping[str, str]
) -> list[Service]:
    """The embedded stores among `ports`. Servers get a bare environment, our own module ours."""
    bare, ours = server_environment(), inherited_environment(home.path)
    makers: dict[str, Callable[[str, int], Service]] = {
        "postgres": lambda name, port: postgres.service(
            folder=home.folder("postgres"),
            log_file=home.log_file(name),
            port=port,
            password=credentials[name],
            env=bare,
            set_up_env=ours,
        ),
        "clickhouse": lambda name, port: clickhouse.service(
            folder=home.folder("clickhouse"),
            log_file=home.log_file(name),
            port=port,
            password=credentials[name],
            env=ours,
        ),
        "redis": lambda name, port: valkey.service(
            name,
            configuration=valkey.CACHE_CONFIGURATION,
            folder=home.folder("redis"),
            log_file=home.log_file(name),
            port=port,
            password=credentials[name],
            env=bare,
        ),
        "event-bus": lambda name, port: valkey.service(
            name,
            configuration=valkey.EVENT_BUS_CONFIGURATION,
            folder=home.folder("event_bus"),
            log_file=home.log_file(name),
            port=port,
            password=credentials[name],
            env=bare,
        ),
        "object-store": lambda name, port: object_store.service(
            folder=home.folder("object_store"),
            log_file=home.log_file(name),
            port=port,
            access_key=credentials["s3_access_key"],
            secret_key=credentials["s3_secret_key"],
            env=bare,
            set_up_env=ours,
        ),
        "search": lambda name, port: search.service(
            folder=home.folder("search"),
            log_file=home.log_file(name),
            port=port,
            password=credentials[name],
            env=ours,
        ),
    }
    return [make(name, ports[name]) for name, make in makers.items() if name in ports]
