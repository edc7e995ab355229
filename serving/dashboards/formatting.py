"""Numbers, sizes, changes and ages as a person reads them. Pure functions, English.

Belongs here: text made of values. What the values mean belongs to the panels.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

Unit = Literal["count", "mebibytes"]
Direction = Literal["up", "down", "flat", "none"]

MEBIBYTE_UNITS = ("MiB", "GiB", "TiB", "PiB")
SHORT_SUFFIXES = ("", "k", "M", "B", "T")
# Beyond tenfold a percentage is harder to read than a factor.
FACTOR_FROM = 10


@dataclass(frozen=True)
class Change:
    """A value against its comparison: a short text, its direction, and a whole sentence."""

    text: str
    direction: Direction
    sentence: str


def number(value: float, unit: Unit = "count") -> str:
    """The exact number, or the size in the unit that suits it."""
    return size(value) if unit == "mebibytes" else f"{round(value):,}"


def size(mebibytes: float) -> str:
    """A size with three significant digits: 0 MiB, 512 MiB, 1.5 GiB."""
    value, unit = float(mebibytes), MEBIBYTE_UNITS[0]
    for unit in MEBIBYTE_UNITS:
        if value < 1024 or unit == MEBIBYTE_UNITS[-1]:
            break
        value /= 1024
    return f"{_three_digits(value)} {unit}"


def short(value: float, unit: Unit = "count") -> str:
    """The number for an axis, where room is scarce: 950, 1.2k, 3M."""
    if value == 0:
        return "0"
    if unit == "mebibytes":
        return size(value)
    suffix = SHORT_SUFFIXES[0]
    for suffix in SHORT_SUFFIXES:
        if abs(value) < 1000 or suffix == SHORT_SUFFIXES[-1]:
            break
        value /= 1000
    return f"{_three_digits(value)}{suffix}"


def _three_digits(value: float) -> str:
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def share(part: float, whole: float) -> str:
    """A percentage without decimals; a small part is not shown as none of it."""
    if whole <= 0:
        return "–"
    percent = 100 * part / whole
    return "<1%" if 0 < percent < 1 else f"{percent:,.0f}%"


def change(current: float, previous: float, unit: Unit = "count") -> Change:
    """How `current` stands against `previous`. From nothing there is no percentage."""
    before = number(previous, unit)
    if previous == 0:
        if current == 0:
            return Change("0%", "flat", "no change, none before")
        return Change("new", "up", "none before")
    ratio = current / previous
    if ratio >= FACTOR_FROM:
        return Change(f"×{ratio:,.0f}", "up", f"{ratio:,.0f} times the {before} before")
    percent = round(100 * (ratio - 1))
    if percent == 0:
        return Change("0%", "flat", f"about the same as the {before} before")
    direction: Direction = "up" if percent > 0 else "down"
    return Change(f"{abs(percent)}%", direction, f"{direction} {abs(percent)}% from {before}")


def age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: '12 s ago', '3 h ago'."""
    seconds = max(0, int((now - moment).total_seconds()))
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length or (unit == "min" and seconds >= length):
            return f"{seconds // length} {unit} ago"
    return f"{seconds} s ago"


def day(value: date) -> str:
    """A day with its weekday: 'Mon 23 Nov 2026'."""
    return f"{value:%a} {value.day} {value:%b %Y}"


def day_range(first: date, last: date) -> str:
    """A range without repeating what both ends share: '27 Oct – 23 Nov 2026'."""
    if first == last:
        return day(first)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{last.day} {last:%b %Y}"
    start = f"{first.day} {first:%b}" + ("" if first.year == last.year else f" {first.year}")
    return f"{start} – {last.day} {last:%b %Y}"


def moment(value: datetime, now: datetime) -> str:
    """A time of today as a time, an older one with its day."""
    clock = f"{value:%H:%M:%S} UTC"
    return clock if value.date() == now.date() else f"{value.day} {value:%b %Y}, {clock}"


def as_utc(value: datetime) -> datetime:
    """The driver hands out UTC times without their zone."""
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def is_older(value: datetime, now: datetime, limit: timedelta) -> bool:
    """Whether `value` lies further back than `limit`."""
    return now - value > limit


def title(name: str) -> str:
    """An identifier as words: 'candidate_invited' -> 'Candidate invited'."""
    words = name.replace("_", " ").replace("-", " ").replace(".", " ").strip()
    return words[:1].upper() + words[1:] if words else "(none)"
