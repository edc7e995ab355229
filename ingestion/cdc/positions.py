"""LSNs and row versions as numbers.

Belongs here: their text forms and how a version is put together. Who may advance one does not.
"""

VERSION_SHIFT = 64


def parse_lsn(text: str) -> int:
    """`16/B374D848` as a number."""
    high, low = text.split("/")
    return int(high, 16) << 32 | int(low, 16)


def format_lsn(lsn: int) -> str:
    """The way PostgreSQL writes an LSN."""
    return f"{lsn >> 32:X}/{lsn & 0xFFFFFFFF:X}"


def version(commit_lsn: int, ordinal: int) -> int:
    """The version of a row: rows of one COPY share an LSN, so the ordinal tells them apart."""
    return commit_lsn << VERSION_SHIFT | ordinal
