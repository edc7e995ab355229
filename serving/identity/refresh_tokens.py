"""What a refresh token is made of.

Belongs here: making and reading one. It carries the user and the session, for that is where its
hash is kept, 256 random bits, and a tag by AUTH_SECRET: a forged token asks no store and ends no
session.
"""

import base64
import binascii
import hashlib
import secrets
from dataclasses import dataclass
from uuid import UUID

from stores.sealing import TAG_BYTES, is_tagged, key_for, tag

# Lets secret scanners and people recognise a leaked one.
PREFIX = "idr_"
_SECRET_BYTES = 32
_CONTENT_BYTES = 16 + 16 + _SECRET_BYTES
_TEXT_LENGTH = len(PREFIX) + -(-(_CONTENT_BYTES + TAG_BYTES) * 8 // 6)


@dataclass(frozen=True)
class RefreshToken:
    """A token that is ours, whether or not it still works."""

    text: str
    user_id: UUID
    session_id: UUID

    @property
    def hash(self) -> str:
        """What is kept of it."""
        return hashlib.sha256(self.text.encode()).hexdigest()


class RefreshTokens:
    """Makes and reads them with a key of its own."""

    def __init__(self, secret: str) -> None:
        self._key = key_for(secret, "refresh tokens")

    def make(self, user_id: UUID, session_id: UUID) -> RefreshToken:
        """A new one."""
        content = user_id.bytes + session_id.bytes + secrets.token_bytes(_SECRET_BYTES)
        whole = content + tag(self._key, content)
        text = PREFIX + base64.urlsafe_b64encode(whole).rstrip(b"=").decode()
        return RefreshToken(text, user_id, session_id)

    def read(self, text: str) -> RefreshToken | None:
        """What it says; None where it is not one that we made."""
        if len(text) != _TEXT_LENGTH or not text.startswith(PREFIX) or not text.isascii():
            return None
        coded = text.removeprefix(PREFIX)
        try:
            whole = base64.b64decode(coded + "=" * (-len(coded) % 4), b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        content, given = whole[:_CONTENT_BYTES], whole[_CONTENT_BYTES:]
        if not is_tagged(self._key, content, given):
            return None
        return RefreshToken(text, UUID(bytes=content[:16]), UUID(bytes=content[16:32]))
