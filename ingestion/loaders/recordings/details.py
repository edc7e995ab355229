"""What a transcript says about itself before the first turn: title, day, interviewers, source.

Belongs here: the head of a file, and what its name gives where the head is silent.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

_HEADING = re.compile(r"^#\s+(?P<title>.+?)\s*$", re.MULTILINE)
_DAY = re.compile(r"\btook place on (?P<day>[A-Za-z]+\.? \d{1,2}, \d{4})")
_INTERVIEWERS = re.compile(r"\bInterviewers? (?:is|are) (?P<names>.+?)\.?\s*$", re.MULTILINE)
_URL = re.compile(r"\bavailable at (?P<url>https?://\S+?)\.?\s*$", re.MULTILINE)
_TRANSCRIBER = re.compile(r"\bprovided by (?:https?://)?(?P<tool>[\w.-]*\w)")
_DAY_IN_NAME = re.compile(r"(?<!\d)(20\d\d)[_-](\d\d)[_-](\d\d)(?!\d)")
_YEAR_IN_NAME = re.compile(r"(?<!\d)(20\d\d)(?!\d)")
_TRANSCRIPT_HEADING = re.compile(r"^##\s+Transcript\s*$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True)
class Details:
    """The head of a transcript. Whatever it does not state is None or empty."""

    title: str | None = None
    held_on: date | None = None
    interviewers: tuple[str, ...] = ()
    url: str | None = None
    transcribed_by: str | None = None


def split_head(text: str) -> tuple[str, int]:
    """The head, and the offset at which the turns begin. Without a mark there is no head."""
    mark = _TRANSCRIPT_HEADING.search(text)
    if mark:
        return text[: mark.start()], mark.end()
    title = re.match(r"\s*#\s.*\n", text)
    return (title[0], title.end()) if title else ("", 0)


def read_details(head: str) -> Details:
    title, day = _HEADING.search(head), _DAY.search(head)
    names, url, tool = _INTERVIEWERS.search(head), _URL.search(head), _TRANSCRIBER.search(head)
    return Details(
        title=_clean_title(title["title"]) if title else None,
        held_on=_day(day["day"]) if day else None,
        interviewers=tuple(re.split(r",\s*(?:and\s+)?|\s+and\s+", names["names"])) if names else (),
        url=url["url"] if url else None,
        transcribed_by=tool["tool"] if tool else None,
    )


def title_from_name(name: str) -> str:
    words = re.sub(r"[_-]+", " ", name).strip()
    return words[:1].upper() + words[1:]


def day_from_name(name: str) -> tuple[date | None, bool]:
    """The day that a file's name gives, and whether it is the year alone (then mid-year)."""
    full = _DAY_IN_NAME.search(name)
    if full:
        try:
            return date(int(full[1]), int(full[2]), int(full[3])), False
        except ValueError:
            return None, False
    year = _YEAR_IN_NAME.search(name)
    return (date(int(year[1]), 7, 1), True) if year else (None, False)


def interviewee_from_name(name: str) -> str | None:
    """The person in a name such as interview_with_ana_lopez; None for any other name."""
    match = re.fullmatch(r"interview_with_((?:[a-z]+_){1,3}[a-z]+)", name)
    return match[1].replace("_", " ").title() if match else None


def _clean_title(title: str) -> str:
    title = re.sub(r"^Transcript(?:ion)? of\s+", "", title, flags=re.IGNORECASE)
    title = re.sub(r"^(interview with )+", "interview with ", title, flags=re.IGNORECASE)
    title = title.removesuffix(".md")
    return title[:1].upper() + title[1:]


def _day(text: str) -> date | None:
    for form in ("%b %d, %Y", "%B %d, %Y"):
        try:
            return datetime.strptime(text.replace(".", ""), form).replace(tzinfo=UTC).date()
        except ValueError:
            continue
    return None
