"""What a preflight says: one line per thing looked at.

Belongs here: the form of a finding. What is looked at is in `doctor`, `doctor_source`,
`doctor_tables` and `doctor_target`.
"""

from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """`subject` is what was looked at, `remedy` what to run: SQL, or a setting to change."""

    subject: str
    level: Level
    meaning: str
    remedy: str = ""


def ok(subject: str, meaning: str) -> Finding:
    """As it should be, or only worth knowing."""
    return Finding(subject, "ok", meaning)


def warning(subject: str, meaning: str, remedy: str = "") -> Finding:
    """Capture runs, but something may become trouble."""
    return Finding(subject, "warning", meaning, remedy)


def error(subject: str, meaning: str, remedy: str = "") -> Finding:
    """Capture does not run like this, or not for this table."""
    return Finding(subject, "error", meaning, remedy)


def human_bytes(count: int) -> str:
    """`12.3 MiB`."""
    size, units = float(count), ["bytes", "KiB", "MiB", "GiB", "TiB"]
    while abs(size) >= 1024 and len(units) > 1:
        size /= 1024
        units.pop(0)
    return f"{size:.0f} {units[0]}" if units[0] == "bytes" else f"{size:.1f} {units[0]}"
