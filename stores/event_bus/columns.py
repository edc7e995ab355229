"""Is every text of a column plainly right? Answered for all of them at once.

Belongs here: checks of ids, names, addresses and times that say yes to what is written in its most
ordinary form, and to nothing that the models refuse. They never say what is wrong.

Why: one call of C per column and batch takes a tenth of what a pattern takes for each text.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache

_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_ADDRESS = re.compile(rf"(?:{_OCTET}\.){{3}}{_OCTET}").fullmatch
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}").fullmatch
_HOURS = frozenset(f"{hour:02}" for hour in range(24))
_FIRST_YEAR, _LAST_YEAR = 1970, 2099
_MINUTE_AT, _SECOND_AT = 14, 17


class Form:
    """Texts of one length with separators at fixed places and else only characters of `others`.

    `example` has a 0 where one of `others` stands.
    """

    def __init__(self, example: str, others: bytes) -> None:
        line = f"{example}\n".encode()
        self._separators = line.replace(b"0", b"")
        self._places = [(at, line[at : at + 1]) for at in range(len(line)) if line[at] != ord("0")]
        self._others = others
        self._width = len(line)

    def lines(self, texts: Sequence[str]) -> bytes | None:
        """All `texts`, each with a line's end, or None where one has another form.

        Raises TypeError where one is no text, ValueError where it is not to be written as UTF-8.
        """
        joined = ("\n".join(texts) + "\n").encode()
        count = len(texts)
        if len(joined) != self._width * count:
            return None
        # With the separators in place and nothing else but `others`, no text can hold a line's end.
        if joined.translate(None, self._others) != self._separators * count:
            return None
        for at, separator in self._places:
            if joined[at :: self._width] != separator * count:
                return None
        return joined


ID = Form("00000000-0000-0000-0000-000000000000", b"0123456789abcdef")
SENT_TIME = Form("0000-00-00T00:00:00.000Z", b"0123456789")
ROW_TIME = Form("0000-00-00 00:00:00.000", b"0123456789")


def are_moments(texts: Sequence[str], lines: bytes) -> bool:
    """Whether times exist and are of the years taken; `lines` is their form's."""
    width = len(lines) // len(texts)
    tens = lines[_MINUTE_AT::width] + lines[_SECOND_AT::width]
    return (
        not tens.translate(None, b"012345")
        and {text[11:13] for text in texts} <= _HOURS
        and all(map(_is_date, {text[:10] for text in texts}))
    )


def are_names(texts: Iterable[str]) -> bool:
    """Whether all are names, such as a type of event. Raises TypeError."""
    return all(map(_NAME, set(texts)))


def are_addresses(texts: Iterable[str]) -> bool:
    """Whether all are IPv4 addresses. Raises TypeError."""
    return all(map(_is_address, set(texts)))


@lru_cache(maxsize=8192)
def _is_address(text: str) -> bool:
    return _ADDRESS(text) is not None


@lru_cache(maxsize=2048)
def _is_date(text: str) -> bool:
    try:
        return _FIRST_YEAR <= date.fromisoformat(text).year <= _LAST_YEAR
    except ValueError:
        return False
