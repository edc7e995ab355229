"""OpenStack's API log: each line with a `status:` is a request, with an id of its own.

Belongs here: that format. Its times name no zone and are taken as UTC. Requests that the log
ascribes to nobody (`-`) get the nil UUID as their user. Other lines tell of the work behind
the requests.
"""

import re
from datetime import UTC, datetime
from uuid import UUID

from ingestion.loaders.access_logs.lines import Event, Format, LeftOut, LineReader, line_id
from ingestion.loaders.ids import NOBODY

SERVICE_NAME = "nova-api"
_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+) \d+ \w+ \S+ "
    r"\[(?:req-(?P<request>[0-9a-f-]{36}) (?P<user>[0-9a-f]{32}|-) |-)[^\]]*\] "
    r'.*?"(?P<method>[A-Z]+) (?P<path>\S+) HTTP/[\d.]+" '
    r"status: (?P<status>\d{3}) len: \d+ time: (?P<seconds>\d+(?:\.\d+)?)"
)


def _reader(identity: str) -> LineReader:
    def read(line: str, number: int) -> Event | LeftOut:
        if "status:" not in line:
            return LeftOut("not a request: it has no `status:`", is_expected=True)
        match = _LINE.search(line)
        if not match:
            return LeftOut("not a request line of OpenStack's API log")
        request_id = match["request"] or str(line_id(identity, number, line))
        has_user = match["user"] and match["user"] != "-"
        fields = {
            "request_id": request_id,
            "method": match["method"],
            "endpoint": match["path"],
            "status_code": int(match["status"]),
            "response_time_ms": round(float(match["seconds"]) * 1000),
            "user_id": str(UUID(match["user"]) if has_user else NOBODY),
            "service_name": SERVICE_NAME,
        }
        at = datetime.fromisoformat(match["time"]).replace(tzinfo=UTC)
        return Event(request_id, at, fields)

    return read


FORMAT = Format("openstack", "/v1/api-metrics", "api_metrics", "request_id", _reader)
