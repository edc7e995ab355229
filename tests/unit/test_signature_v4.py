"""A signature is good for its own request, its own key pair and its own time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from stores.local.signature_v4 import KeyPair, RequestRefused, SignedRequest, verify

KEYS = KeyPair("an-access-key", "a-secret-key")
URL = "http://127.0.0.1:19000/bucket/a%20b/%D0%B8%2Bx?list-type=2&prefix=a%2Fb%20c&delete"


def signed(
    keys: KeyPair = KEYS, *, expires: int | None = None, method: str = "PUT"
) -> SignedRequest:
    """A request as botocore signs it, as a server sees it."""
    body = b"body" if expires is None else b""
    request = AWSRequest(method, URL, data=body, headers={"x-amz-meta-name": "a   b"})
    credentials = Credentials(keys.access_key, keys.secret_key)
    if expires is None:
        S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(request)
    else:
        S3SigV4QueryAuth(credentials, "s3", "us-east-1", expires).add_auth(request)
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    headers = {"Host": parts.netloc, **prepared.headers}
    return SignedRequest(
        method,
        parts.path.encode(),
        parts.query.encode(),
        [(name.lower().encode(), _bytes(value)) for name, value in headers.items()],
    )


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _code(request: SignedRequest, now: datetime | None = None) -> str:
    with pytest.raises(RequestRefused) as caught:
        verify(request, KEYS, now)
    return caught.value.code


def _with_header(request: SignedRequest, name: bytes, value: bytes) -> SignedRequest:
    others = [(key, old) for key, old in request.headers if key != name]
    return replace(request, headers=[*others, (name, value)])


@pytest.mark.parametrize("expires", [None, 60])
def test_what_the_official_library_signs_is_accepted(expires: int | None) -> None:
    verify(signed(expires=expires), KEYS)


@pytest.mark.parametrize("expires", [None, 60])
def test_another_key_or_another_secret_is_refused(expires: int | None) -> None:
    other_key, other_secret = replace(KEYS, access_key="other"), replace(KEYS, secret_key="other")
    assert _code(signed(other_key, expires=expires)) == "InvalidAccessKeyId"
    assert _code(signed(other_secret, expires=expires)) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("expires", [None, 60])
def test_what_was_changed_after_signing_is_refused(expires: int | None) -> None:
    request = signed(expires=expires)
    changed = [
        replace(request, method="DELETE"),
        replace(request, path=b"/bucket/other"),
        replace(request, query=request.query + b"&tagging"),
        replace(request, query=request.query.replace(b"prefix=a", b"prefix=b")),
        _with_header(request, b"x-amz-meta-name", b"other"),
        _with_header(request, b"host", b"other.example"),
    ]
    assert {_code(entry) for entry in changed} == {"SignatureDoesNotMatch"}
    assert _code(_with_header(request, b"x-amz-acl", b"public-read")) == "AccessDenied"


def test_a_digest_of_another_body_is_refused() -> None:
    changed = _with_header(signed(), b"x-amz-content-sha256", b"0" * 64)
    assert _code(changed) == "SignatureDoesNotMatch"


def test_a_request_is_good_for_a_quarter_of_an_hour_around_its_time() -> None:
    request, now = signed(), datetime.now(UTC)
    for minutes in (-14, 14):
        verify(request, KEYS, now + timedelta(minutes=minutes))
    for minutes in (-16, 16):
        assert _code(request, now + timedelta(minutes=minutes)) == "RequestTimeTooSkewed"


def test_a_presigned_url_is_good_until_it_expires_and_cannot_be_prolonged() -> None:
    request, now = signed(expires=3600), datetime.now(UTC)
    verify(request, KEYS, now + timedelta(minutes=59))
    assert _code(request, now + timedelta(minutes=61)) == "AccessDenied"
    longer = replace(request, query=request.query.replace(b"Expires=3600", b"Expires=7200"))
    assert _code(longer) == "SignatureDoesNotMatch"
    forever = replace(request, query=request.query.replace(b"Expires=3600", b"Expires=999999"))
    assert _code(forever) == "AccessDenied"


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        b"",
        b"AWS an-access-key:c2lnbmF0dXJl",
        b"AWS4-HMAC-SHA256",
        b"AWS4-HMAC-SHA256 Credential=an-access-key",
        b"AWS4-HMAC-SHA256 Credential=an-access-key, SignedHeaders=host, Signature=\xff",
    ],
)
def test_unsigned_and_malformed_requests_are_refused(authorization: bytes | None) -> None:
    bare = [(name, value) for name, value in signed().headers if name != b"authorization"]
    given = [] if authorization is None else [(b"authorization", authorization)]
    assert _code(replace(signed(), headers=[*bare, *given])) == "AccessDenied"
