"""What must not be read in a database or its backup: sealed with AUTH_SECRET.

Belongs here: sealing, opening and the keys for them. Each purpose has a key of its own, so that
what was sealed for one cannot be passed off as another's.
"""

import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from stores.errors import StateConflict

NONCE_BYTES = 12
TAG_BYTES = 16


def key_for(secret: str, purpose: str) -> bytes:
    """256 bits for one purpose. The secret is random itself, so that one step of HMAC will do."""
    return hmac.digest(secret.encode(), f"interview-data {purpose}".encode(), "sha256")


def seal(secret: str, purpose: str, content: bytes) -> bytes:
    """`content` so that only who has the secret reads it (AES-256-GCM)."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(key_for(secret, purpose)).encrypt(nonce, content, purpose.encode())


def unseal(secret: str, purpose: str, sealed: bytes) -> bytes:
    """What was sealed. Raises StateConflict where it was sealed with another secret."""
    nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        return AESGCM(key_for(secret, purpose)).decrypt(nonce, rest, purpose.encode())
    except InvalidTag:
        raise StateConflict(
            f"AUTH_SECRET is not the one that {purpose} was sealed with; set the former one"
        ) from None


def tag(key: bytes, content: bytes) -> bytes:
    """By which `content` is recognised as ours; 128 bits."""
    return hmac.digest(key, content, hashlib.sha256)[:TAG_BYTES]


def is_tagged(key: bytes, content: bytes, given: bytes) -> bool:
    """Whether `given` is the tag of `content`, in constant time."""
    return hmac.compare_digest(tag(key, content), given)
