"""Every kind of problem that the API answers with: its stable name, and what a client should do.

Belongs here: the list. A `type` once published keeps its name and its meaning; a new meaning gets a
new kind. How a problem becomes an answer is in `problems.py`, the page of each in
`routers/problem_pages.py`.
"""

from dataclasses import dataclass

BASE = "/problems/"


@dataclass(frozen=True)
class Kind:
    """One kind. `slug` is the last part of its `type`; `advice` is for who gets it."""

    slug: str
    status: int
    title: str
    advice: str

    @property
    def type(self) -> str:
        """The reference that is in the document and leads to the kind's page."""
        return BASE + self.slug


# The first kind of a status is the one that a problem of that status has by itself.
_GENERAL = (
    Kind(
        "unreadable-request",
        400,
        "The request cannot be read",
        "The body or a header is not what its content type says. Mend it; the same request fails"
        " again.",
    ),
    Kind(
        "unauthenticated",
        401,
        "Valid credentials are needed",
        "Send `Authorization: Bearer` with an API key or an access token that is neither expired"
        " nor revoked.",
    ),
    Kind(
        "forbidden",
        403,
        "The credentials do not allow this",
        "Ask for a key or a role with the scope that `detail` names.",
    ),
    Kind(
        "not-found",
        404,
        "There is nothing here",
        "Check the address. What belongs to another customer is not here either.",
    ),
    Kind(
        "method-not-allowed",
        405,
        "The method is not allowed here",
        "The header `Allow` lists the methods of this address.",
    ),
    Kind(
        "not-acceptable",
        406,
        "The answer cannot be given in that form",
        "Ask for a media type that the endpoint's documentation lists.",
    ),
    Kind(
        "request-timeout",
        408,
        "The request took too long to arrive",
        "Send it again, in smaller parts or over a better connection.",
    ),
    Kind(
        "conflict",
        409,
        "What is there contradicts what was asked",
        "Read the present state and decide anew; the same request fails again.",
    ),
    Kind(
        "idempotency-in-progress",
        409,
        "The same request is being worked on",
        "Wait for as long as `Retry-After` says and send the same request with the same"
        " `Idempotency-Key` again.",
    ),
    Kind(
        "gone",
        410,
        "This is no longer here",
        "It was here and has ended for good. Ask whoever gave you the address for a new one.",
    ),
    Kind(
        "too-large",
        413,
        "The request is too large",
        "Send it in parts; `limit_bytes` or `limit_event_count` says how large a part may be.",
    ),
    Kind(
        "unsupported-media-type",
        415,
        "The content type is not supported",
        "Send one of the content types and encodings that `detail` lists.",
    ),
    Kind(
        "invalid-parameter",
        422,
        "A parameter breaks a rule",
        "`invalid_parameters` names each field and its rule. Mend them; the same request fails"
        " again.",
    ),
    Kind(
        "unknown-parameter",
        422,
        "A parameter is not known here",
        "A misspelt filter would otherwise answer everything. `detail` lists the parameters that"
        " there are.",
    ),
    Kind(
        "invalid-cursor",
        422,
        "The cursor cannot be used here",
        "A cursor is good for the endpoint, filters and order that it came from. Begin again"
        " without one.",
    ),
    Kind(
        "invalid-idempotency-key",
        422,
        "The Idempotency-Key breaks a rule",
        "It is 1 to 255 visible ASCII characters, made anew for each new request.",
    ),
    Kind(
        "idempotency-key-reused",
        422,
        "The Idempotency-Key was used for another request",
        "A key stands for one request for a day. Make a new key for a new request.",
    ),
    Kind(
        "header-fields-too-large",
        431,
        "The request's header fields are too large",
        "Send fewer or shorter headers.",
    ),
    Kind(
        "rate-limited",
        429,
        "The rate limit is reached",
        "Wait for as long as `Retry-After` says. `RateLimit` tells beforehand how much is left.",
    ),
    Kind(
        "internal-error",
        500,
        "The platform failed",
        "This is ours to mend. Name the `request_id` when you report it; the same request may be"
        " sent again.",
    ),
    Kind(
        "store-unavailable",
        503,
        "A store is not available",
        "Nothing was changed, or changing it again changes nothing. Send the same request again"
        " after `Retry-After`.",
    ),
    Kind(
        "not-built-yet",
        503,
        "The tables behind this are not built yet",
        "Dagster builds them within minutes of its start; ask again later. Where it does not run,"
        " build them: `interview-data dbt warehouse build` and"
        " `interview-data dbt operational build`.",
    ),
    Kind(
        "overloaded",
        503,
        "The server has no room right now",
        "Send the same request again after `Retry-After`, and with fewer at a time.",
    ),
    Kind(
        "shutting-down",
        503,
        "This server is shutting down",
        "Send the same request again; another server takes it.",
    ),
    Kind(
        "took-too-long",
        504,
        "The answer took too long",
        "Ask for less at a time: a shorter period, a smaller `limit`.",
    ),
)

# Of signing in.
_SIGN_IN = (
    Kind(
        "wrong-credentials",
        401,
        "The address or the password is wrong",
        "Which of the two is not told. A mail to the address leads to another password:"
        " `POST /v1/auth/password-reset`.",
    ),
    Kind(
        "refresh-token-refused",
        401,
        "The refresh token does not work",
        "It has ended, its session was ended, or it is none. Sign in again.",
    ),
    Kind(
        "refresh-token-reused",
        401,
        "The refresh token was used before",
        "Two have had it, so its session has ended for both. Sign in again; if that was not you,"
        " end the other sessions and change the password.",
    ),
    Kind(
        "address-not-verified",
        403,
        "The address is not verified yet",
        "A mail holds the token for `POST /v1/auth/verify-email`. Register again for a new one.",
    ),
    Kind(
        "account-not-active",
        403,
        "The account is not active",
        "It was suspended or closed. Ask whoever runs the platform.",
    ),
    Kind(
        "refresh-token-raced",
        409,
        "The refresh token was refreshed a moment ago",
        "Use the tokens of the answer to that request. Where it was lost, sign in again.",
    ),
    Kind(
        "one-time-token-refused",
        400,
        "The token does not work",
        "It was used, is older than a day, or the password has changed since. Ask for a new one.",
    ),
    Kind(
        "too-many-attempts",
        429,
        "There were too many attempts",
        "Wait for as long as `Retry-After` says.",
    ),
    Kind(
        "sign-in-not-set-up",
        503,
        "Nobody can sign in here",
        "The API needs the setting AUTH_SECRET. Whoever runs it sets it; API keys work without.",
    ),
)

# Of one event in a batch: in its receipt, never an answer by itself.
EVENT_REJECTED = Kind(
    "event-rejected",
    422,
    "The event breaks the contract",
    "Each of `invalid_parameters` names a field, the rule that it breaks and the reason in words."
    " Mend the event and send it again; the rest of its batch was taken.",
)
EVENT_CONFLICT = Kind(
    "event-conflict",
    409,
    "The id belongs to another event",
    "An event with this id was sent before and says something else; the first one counts. Give"
    " each event an id of its own.",
)
_EVENTS = (EVENT_REJECTED, EVENT_CONFLICT)

# Of quotas and webhooks.
_QUOTA = (
    Kind(
        "quota-exceeded",
        409,
        "The plan allows no more of this",
        "`limit_count`, `used_count` and `reserved_count` say how much there is. Wait until"
        " `resets_at`, release what is reserved, or take another plan: it holds at once.",
    ),
    Kind(
        "reservation-ended",
        409,
        "The reservation has ended otherwise",
        "`state` says how. Reserve or consume anew what is still needed.",
    ),
    Kind(
        "quota-unavailable",
        503,
        "Quotas cannot be checked right now",
        "Nothing was used. Send the same request with the same key again after `Retry-After`.",
    ),
)

KINDS: dict[str, Kind] = {kind.slug: kind for kind in (*_GENERAL, *_SIGN_IN, *_EVENTS, *_QUOTA)}

_OF_STATUS: dict[int, Kind] = {}
for _kind in KINDS.values():
    _OF_STATUS.setdefault(_kind.status, _kind)


def of_status(status: int) -> Kind:
    """The kind that a problem has which names none."""
    return _OF_STATUS.get(status) or _OF_STATUS[500 if status >= 500 else 400]
