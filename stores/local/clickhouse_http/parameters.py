"""What a request asks for besides its SQL: user, settings, parameters, session, formats.

Belongs here: telling apart what HTTP itself uses, what are query parameters, and what are
settings for the engine. Which headers mean the same is decided here too.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from stores.local.clickhouse_http.exceptions import ClickHouseException, Code
from stores.local.clickhouse_http.wire import Request

# Used by HTTP itself and never given to the engine.
TRANSPORT = frozenset(
    {
        *("query", "query_id", "user", "password", "quota_key", "stacktrace", "role"),
        *("compress", "decompress", "database", "default_format", "buffer_size"),
        *("session_id", "session_timeout", "session_check", "wait_end_of_query"),
        *("client_protocol_version", "close_session", "add_http_cors_header"),
        *("enable_http_compression", "http_zlib_compression_level"),
        *("send_progress_in_http_headers", "http_headers_progress_interval_ms"),
        *("http_response_buffer_size", "http_wait_end_of_query", "framing"),
    }
)
SETTING_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
EXTERNAL_SUFFIXES = ("_format", "_types", "_structure")


@dataclass
class Parameters:
    """The parts of one request."""

    values: dict[str, str]
    """Everything in the URL and the form, by name."""
    settings: dict[str, str] = field(default_factory=dict)
    bound: dict[str, str] = field(default_factory=dict)

    def get(self, name: str, default: str = "") -> str:
        """A parameter as it came."""
        return self.values.get(name, default)

    def flag(self, name: str) -> bool:
        """A parameter that is on or off."""
        return self.get(name, "0").lower() not in ("0", "", "false")

    def number(self, name: str, default: int) -> int:
        """A parameter that is a whole number."""
        text = self.get(name)
        if not text:
            return default
        try:
            return int(text)
        except ValueError:
            raise ClickHouseException(
                Code.BAD_ARGUMENTS, f"Parameter {name} must be a whole number"
            ) from None


def from_url(request: Request) -> dict[str, str]:
    """The names and values in the query string."""
    _, _, query = request.target.partition(b"?")
    text = query.decode("latin-1")
    pairs = parse_qsl(text, keep_blank_values=True, encoding="utf-8", errors="surrogateescape")
    return dict(pairs)


def path(request: Request) -> str:
    """The path of the target."""
    return request.target.partition(b"?")[0].decode("latin-1")


def sort_out(values: Mapping[str, str], request: Request, external: frozenset[str]) -> Parameters:
    """Tell settings and query parameters from what HTTP itself uses."""
    found = Parameters(dict(values))
    headers = {"database": "x-clickhouse-database", "default_format": "x-clickhouse-format"}
    for name, header in headers.items():
        if not found.get(name) and request.header(header):
            found.values[name] = request.header(header)
    skipped = {f"{name}{suffix}" for name in external for suffix in EXTERNAL_SUFFIXES}
    for name, value in values.items():
        if name.startswith("param_"):
            found.bound[name.removeprefix("param_")] = value
        elif name not in TRANSPORT and name not in skipped:
            if not SETTING_NAME.fullmatch(name):
                raise ClickHouseException(Code.UNKNOWN_SETTING, f"Unknown setting '{name}'.")
            found.settings[name] = value
    if request.method in ("GET", "HEAD") and found.settings.get("readonly", "0") == "0":
        # A link that somebody follows must never change anything.
        found.settings["readonly"] = "2"
    return found


@dataclass(frozen=True)
class Credentials:
    """Who the client says it is; None where it says nothing."""

    user: str
    password: str | None = field(repr=False)


def credentials(request: Request, values: Mapping[str, str]) -> Credentials:
    """From the ClickHouse headers, Basic authentication or the URL; never a mixture."""
    header_user, key = request.header("x-clickhouse-user"), request.header("x-clickhouse-key")
    authorization = request.header("authorization")
    in_url = "user" in values or "password" in values
    if sum((bool(header_user or key), bool(authorization), in_url)) > 1:
        raise ClickHouseException(
            Code.AUTHENTICATION_FAILED,
            "Invalid authentication: it is not allowed to use several ways to authenticate at once",
        )
    if authorization:
        return _basic(authorization)
    if in_url:
        return Credentials(values.get("user", "default"), values.get("password", ""))
    if header_user or key:
        return Credentials(_utf8(header_user) or "default", _utf8(key))
    return Credentials("default", None)


def _basic(authorization: str) -> Credentials:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "basic":
        raise ClickHouseException(
            Code.AUTHENTICATION_FAILED,
            f"Invalid authentication: '{scheme}' HTTP Authorization scheme is not supported",
        )
    try:
        text = base64.b64decode(token.strip(), validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        raise ClickHouseException(
            Code.AUTHENTICATION_FAILED, "Invalid authentication: the Basic token is not base64"
        ) from None
    user, _, password = text.partition(":")
    return Credentials(user or "default", password)


def _utf8(header: str) -> str:
    return header.encode("latin-1").decode("utf-8", "surrogateescape")
