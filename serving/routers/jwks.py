"""`/.well-known/jwks.json`: the keys with which anybody checks our access tokens (RFC 7517).

Belongs here: that document. The keys are made in `stores.postgres.signing_keys`.
"""

import base64
from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from serving.identity.access_tokens import Checker
from serving.problems import documented
from stores.postgres.signing_keys import LIST_KEPT_SECONDS, PublicKey

router = APIRouter(tags=["sign-in"])


class JsonWebKey(BaseModel):
    """An Ed25519 public key (RFC 8037)."""

    kty: Literal["OKP"] = "OKP"
    crv: Literal["Ed25519"] = "Ed25519"
    use: Literal["sig"] = "sig"
    alg: Literal["EdDSA"] = "EdDSA"
    kid: str = Field(examples=["q2mXj8b9rYwQmN4u"])
    x: str = Field(examples=["11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"])


class KeySet(BaseModel):
    """Every key that a token may be signed with, now or within minutes."""

    keys: list[JsonWebKey]


@router.get(
    "/.well-known/jwks.json",
    summary="The keys that check access tokens",
    responses=documented(503),
)
async def jwks(request: Request, response: Response) -> KeySet:
    """Keep it for as long as `Cache-Control` says: a new key is here before it signs."""
    checker: Checker = request.app.state.keyring.tokens
    found = await checker.keys.all()
    response.headers["Cache-Control"] = f"public, max-age={LIST_KEPT_SECONDS}"
    return KeySet(keys=[_json(key) for key in found.values()])


def _json(key: PublicKey) -> JsonWebKey:
    raw = base64.urlsafe_b64encode(key.key.public_bytes_raw()).rstrip(b"=").decode()
    return JsonWebKey(kid=key.kid, x=raw)
