"""Stable identifiers: the same input gets the same ids on every machine and in every load.

Belongs here: the namespace and how a name becomes an id or an address. Original ids that an
input already has are kept as they are and do not pass through here.
"""

import hashlib
import re
import unicodedata
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

NAMESPACE = uuid5(NAMESPACE_URL, "https://interview-data.example/loaders")
# For what the source knows to be nobody in particular: a UUID column has no other empty value.
NOBODY = UUID(int=0)
_BLOCK_BYTES = 1 << 20


def stable_id(kind: str, *parts: object) -> UUID:
    """The id of the `kind` of thing that `parts` name. Parts are joined unambiguously."""
    return uuid5(NAMESPACE, "\x1f".join((kind, *map(str, parts))))


def email_of(name: str) -> str:
    """An address at example.com for a person's name, such as ana.lopez@example.com."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    local = ".".join(re.findall(r"[a-z0-9]+", plain))
    return f"{local or stable_id('email', name).hex[:12]}@example.com"


def file_digest(path: Path) -> str:
    """SHA-256 of the file's bytes, read in blocks."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
