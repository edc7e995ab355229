"""Apache's combined format: each request is a `page_view` of whoever made it.

Belongs here: that format. It has no ids, so they are derived: an event's from the log and the
line (two equal lines are two requests), a visitor's from address and browser, a visit's from
the visitor and its first line. A visit ends after half an hour without a request.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from ingestion.loaders.access_logs.lines import Event, Format, LeftOut, LineReader, line_id
from ingestion.loaders.ids import stable_id

VISIT_GAP = timedelta(minutes=30)
_QUOTED = r'"((?:[^"\\]|\\.)*)'
# The last quote is missing where the line was cut off inside of the browser's name.
_LINE = re.compile(
    r"^(?P<address>\S+) \S+ (?P<login>.+?) \[(?P<time>[^\]]+)\] "
    rf'{_QUOTED}" (?P<status>\d{{3}}) (?P<size>\d+|-) {_QUOTED}" {_QUOTED}(?P<end>"?)\s*$'
)
_REQUEST = re.compile(r"^(?P<method>[A-Z]+) (?P<path>.*?)(?: HTTP/\d(?:\.\d)?)?$")


@dataclass
class _Visit:
    session_id: UUID
    last_at: datetime


class _Reader:
    """Reads one log's lines in order; remembers the open visit of each visitor."""

    def __init__(self, identity: str) -> None:
        self._identity = identity
        self._visits: dict[UUID, _Visit] = {}

    def __call__(self, line: str, number: int) -> Event | LeftOut:
        match = _LINE.match(line)
        if not match:
            return LeftOut("not a line of the combined format")
        try:
            at = datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z")
        except ValueError:
            return LeftOut("its time is not of the form 17/May/2015:10:05:03 +0000")
        request, referrer, agent = (match.group(index) for index in (4, 7, 8))
        asked = _REQUEST.match(request)
        if not asked:
            return LeftOut("its request is not of the form METHOD path HTTP/version")
        user_id = stable_id("visitor", match["address"], agent)
        event_id = str(line_id(self._identity, number, line))
        fields = {
            "event_id": event_id,
            "user_id": str(user_id),
            "event_type": "page_view",
            "event_data": {
                "path": asked["path"],
                "method": asked["method"],
                "status": int(match["status"]),
                "size_bytes": None if match["size"] == "-" else int(match["size"]),
                "referrer": None if referrer == "-" else referrer,
            },
            "session_id": str(self._session(user_id, at, number)),
            "user_agent": "" if agent == "-" else agent,
            "ip_address": match["address"],
        }
        note = None if match["end"] else "kept, though cut off inside of the browser's name"
        return Event(event_id, at, fields, note)

    def _session(self, user_id: UUID, at: datetime, number: int) -> UUID:
        """The visit that a request at this time belongs to.

        Lines are written when a request ends, so their times step back now and then; a visit
        is open to requests from shortly before its last one as well.
        """
        visit = self._visits.get(user_id)
        if visit is None or abs(at - visit.last_at) > VISIT_GAP:
            visit = _Visit(stable_id("visit", self._identity, user_id, number), at)
            self._visits[user_id] = visit
        visit.last_at = max(visit.last_at, at)
        return visit.session_id


def _reader(identity: str) -> LineReader:
    return _Reader(identity)


FORMAT = Format("combined", "/v1/events", "user_events", "event_id", _reader)
