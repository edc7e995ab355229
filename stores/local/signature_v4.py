"""AWS Signature Version 4, checked: whether a request comes from who holds the key pair.

Belongs here: what is signed, by whom and until when, in a header or in a presigned query.
Not the body: its digest is signed where the client sends one, but a body is not read here.
The older version 2 and forms (POST policies) are refused. Needs the standard library only.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import quote, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW = timedelta(minutes=15)
LONGEST_EXPIRES_SECONDS = 7 * 24 * 3600
_UNSIGNED_PAYLOAD = b"UNSIGNED-PAYLOAD"
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"


class RequestRefused(Exception):
    """Why, as one of S3's error codes and in words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class KeyPair:
    """The one pair that may sign."""

    access_key: str
    secret_key: str


@dataclass(frozen=True)
class SignedRequest:
    """A request as it was sent: nothing decoded, header names in small letters."""

    method: str
    path: bytes
    query: bytes
    headers: Sequence[tuple[bytes, bytes]]

    def header(self, name: bytes) -> bytes | None:
        """Every value of the header, joined as they are signed; None where there is none."""
        found = [b" ".join(value.split()) for key, value in self.headers if key == name]
        return b",".join(found) if found else None

    def parameters(self) -> list[tuple[bytes, bytes]]:
        """The query, decoded the way the server behind does it."""
        parts = [part.partition(b"=") for part in self.query.split(b"&") if part]
        return [(_decoded(name), _decoded(value)) for name, _, value in parts]


@dataclass(frozen=True)
class _Claim:
    """What a request says of its own signature."""

    credential: str
    signed_headers: str
    signature: str
    date: str
    payload: bytes
    # None where the request is signed in a header, and so is good for moments only.
    expires_seconds: int | None = None


def verify(request: SignedRequest, keys: KeyPair, now: datetime | None = None) -> None:
    """Raises RequestRefused unless `keys` signed the request and it is not too old."""
    parameters = {_text(name): _text(value) for name, value in request.parameters()}
    authorization = request.header(b"authorization")
    if authorization is not None and "X-Amz-Algorithm" in parameters:
        raise RequestRefused("AccessDenied", "A request is signed in a header or in its query.")
    if authorization is not None:
        claim = _claim_of_header(request, _text(authorization))
    elif "X-Amz-Algorithm" in parameters:
        claim = _claim_of_query(request, parameters)
    else:
        raise RequestRefused("AccessDenied", "The request is not signed.")
    scope = _checked_scope(claim, keys)
    _check_time(claim, now or datetime.now(UTC))
    _check_signed_headers(request, claim)
    expected = _signature(request, claim, scope, keys.secret_key)
    if not hmac.compare_digest(expected.encode(), claim.signature.encode()):
        raise RequestRefused(
            "SignatureDoesNotMatch",
            "The signature is not that of this request. Check the secret key and the method.",
        )


def _claim_of_header(request: SignedRequest, authorization: str) -> _Claim:
    algorithm, _, rest = authorization.partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if algorithm != ALGORITHM or not {"Credential", "SignedHeaders", "Signature"} <= fields.keys():
        raise RequestRefused("AccessDenied", f"Only {ALGORITHM} is understood.")
    date, payload = request.header(b"x-amz-date"), request.header(b"x-amz-content-sha256")
    if date is None or payload is None:
        raise RequestRefused("AccessDenied", "x-amz-date and x-amz-content-sha256 must be sent.")
    return _Claim(
        fields["Credential"], fields["SignedHeaders"], fields["Signature"], _text(date), payload
    )


def _claim_of_query(request: SignedRequest, parameters: dict[str, str]) -> _Claim:
    names = ("Credential", "SignedHeaders", "Signature", "Date", "Expires")
    values = [parameters.get(f"X-Amz-{name}", "") for name in names]
    if parameters["X-Amz-Algorithm"] != ALGORITHM or "" in values:
        raise RequestRefused("AccessDenied", f"Only {ALGORITHM} is understood, with all its parts.")
    credential, signed_headers, signature, date, expires = values
    if not expires.isdecimal() or not 1 <= int(expires) <= LONGEST_EXPIRES_SECONDS:
        raise RequestRefused("AccessDenied", "X-Amz-Expires must be 1 to 604800 seconds.")
    payload = request.header(b"x-amz-content-sha256") or _UNSIGNED_PAYLOAD
    return _Claim(credential, signed_headers, signature, date, payload, int(expires))


def _checked_scope(claim: _Claim, keys: KeyPair) -> str:
    """Day, region and service, which the key is derived for."""
    access_key, _, scope = claim.credential.partition("/")
    if not hmac.compare_digest(access_key.encode(), keys.access_key.encode()):
        raise RequestRefused("InvalidAccessKeyId", "There is no such access key.")
    parts = scope.split("/")
    if len(parts) != 4 or parts[0] != claim.date[:8] or parts[2:] != ["s3", "aws4_request"]:
        raise RequestRefused("AccessDenied", "The credential's scope must be its day, s3.")
    return scope


def _check_time(claim: _Claim, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(claim.date, _DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise RequestRefused("AccessDenied", "The date must look like 20260131T235959Z.") from None
    is_presigned = claim.expires_seconds is not None
    if signed_at > now + SKEW or (not is_presigned and signed_at < now - SKEW):
        raise RequestRefused("RequestTimeTooSkewed", "The clocks differ by over 15 minutes.")
    if is_presigned and now > signed_at + timedelta(seconds=claim.expires_seconds or 0):
        raise RequestRefused("AccessDenied", "Request has expired")


def _check_signed_headers(request: SignedRequest, claim: _Claim) -> None:
    """What changes the meaning of a request must be signed."""
    signed = claim.signed_headers.encode().split(b";")
    meaning = {name for name, _ in request.headers if name.startswith(b"x-amz-")}
    if missing := {b"host", *meaning} - set(signed):
        names = ", ".join(sorted(map(_text, missing)))
        raise RequestRefused("AccessDenied", f"These headers are not signed: {names}.")


def _signature(request: SignedRequest, claim: _Claim, scope: str, secret_key: str) -> str:
    digest = sha256(_canonical(request, claim)).hexdigest()
    text = "\n".join((ALGORITHM, claim.date, scope, digest))
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), sha256)
    return hmac.digest(key, text.encode(), sha256).hex()


def _canonical(request: SignedRequest, claim: _Claim) -> bytes:
    """The request in the one form that both sides sign."""
    names = claim.signed_headers.encode().split(b";")
    lines = [name + b":" + (request.header(name) or b"") for name in names]
    query = sorted(
        (quote(name, safe="-_.~").encode(), quote(value, safe="-_.~").encode())
        for name, value in request.parameters()
        if claim.expires_seconds is None or name != b"X-Amz-Signature"
    )
    return b"\n".join(
        (
            request.method.encode(),
            quote(unquote_to_bytes(request.path), safe="/-_.~").encode(),
            b"&".join(name + b"=" + value for name, value in query),
            *lines,
            b"",
            claim.signed_headers.encode(),
            claim.payload,
        )
    )


def _decoded(part: bytes) -> bytes:
    return unquote_to_bytes(part.replace(b"+", b" "))


def _text(value: bytes) -> str:
    return value.decode("latin-1")
