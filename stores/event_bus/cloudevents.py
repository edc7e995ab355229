"""CloudEvents 1.0 as the plain events of our contracts: structured, in batches, and binary.

Belongs here: which attribute becomes which field, and what is refused of an envelope. `source`,
`datacontenttype` and extension attributes are checked or allowed, and not kept.

| attribute | becomes |
| --- | --- |
| `id` | the field by which the event counts once |
| `time` | `timestamp` |
| `type` | `event_type` of a user event; else the name of the contract |
| `subject` | `user_id`, where `data` has none |
| `dataschema` | the version of the contract; ours only |
| `data` | all other fields |
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from pydantic_core import to_json

from stores.errors import InputInvalid
from stores.event_bus.parsing import Batch, Rejection, Window, check_count, from_json_body, sift
from stores.event_bus.rows import USER_EVENT, Kind

SINGLE_TYPE = "application/cloudevents+json"
BATCH_TYPE = "application/cloudevents-batch+json"
HEADER_PREFIX = "ce-"
_JSON_TYPES = ("application/json", "text/json")


class _Refused(Exception):
    """The envelope breaks a rule: its attribute, the rule's name, and what it says."""

    def __init__(self, field: str, rule: str, reason: str) -> None:
        self.field, self.rule, self.reason = field, rule, reason
        super().__init__(field)


def schema_path(kind: Kind, version: int | None = None) -> str:
    """Where the API publishes the schema of a contract; also its `dataschema`."""
    return f"/v1/schemas/{kind.name}/{version or kind.version}"


def parse_single(kind: Kind, body: bytes, window: Window | None = None) -> Batch:
    """Read one event in structured mode. Raises InputInvalid where the body is no JSON."""
    return _sift(kind, [from_json_body(body)], window)


def parse_batch(kind: Kind, body: bytes, window: Window | None = None) -> Batch:
    """Read an array of events. Raises InputInvalid where the body is none, TooManyEvents."""
    items = from_json_body(body)
    if not isinstance(items, list):
        raise InputInvalid("body", "must be a JSON array of CloudEvents")
    return _sift(kind, items, window)


def parse_binary(
    kind: Kind, headers: Mapping[str, str], body: bytes, window: Window | None = None
) -> Batch:
    """Read one event whose attributes are the headers `ce-*` and whose data is the body."""
    envelope: dict[str, Any] = {
        name.removeprefix(HEADER_PREFIX): unquote(value)
        for name, value in headers.items()
        if name.startswith(HEADER_PREFIX)
    }
    envelope["data"] = from_json_body(body)
    return _sift(kind, [envelope], window)


def _sift(kind: Kind, envelopes: list[Any], window: Window | None) -> Batch:
    check_count(len(envelopes))
    items: dict[int, Any] = {}
    rejected: list[Rejection] = []
    for index, envelope in enumerate(envelopes):
        try:
            items[index] = _plain(kind, envelope)
        except _Refused as error:
            identity = envelope.get("id", "") if isinstance(envelope, dict) else ""
            identity = identity.lower()[:36] if isinstance(identity, str) else ""
            rejected.append(
                Rejection(index, error.field, error.rule, error.reason, identity, to_json(envelope))
            )
    return sift(kind, items, rejected, window, lambda index: to_json(envelopes[index]))


def _plain(kind: Kind, envelope: Any) -> dict[str, Any]:
    if not isinstance(envelope, dict):
        raise _Refused("", "not_an_object", "must be a JSON object")
    _check(kind, envelope)
    data = envelope.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise _Refused("data", "not_an_object", "must be a JSON object of the contract's fields")
    fields = dict(data)
    _take(fields, kind.topic.id_column, envelope.get("id"), "id")
    if envelope.get("time") is not None:
        _take(fields, "timestamp", envelope["time"], "time")
    if kind is USER_EVENT and fields.get("event_type") is None:
        fields["event_type"] = envelope["type"]
    if envelope.get("subject") is not None and fields.get("user_id") is None:
        fields["user_id"] = envelope["subject"]
    return fields


def _take(fields: dict[str, Any], name: str, value: Any, attribute: str) -> None:
    """An attribute and a field that mean the same may not differ."""
    if fields.get(name) not in (None, value):
        raise _Refused(attribute, "differs", f"must be the same as {name} in data, or be left out")
    fields[name] = value


def _check(kind: Kind, envelope: dict[str, Any]) -> None:
    if envelope.get("specversion") != "1.0":
        raise _Refused("specversion", "format", "must be 1.0")
    for name in ("id", "source", "type"):
        if not isinstance(envelope.get(name), str) or not envelope[name]:
            raise _Refused(name, "missing", "is required: must be a text that is not empty")
    if kind is not USER_EVENT and envelope["type"] != kind.name:
        raise _Refused("type", "format", f"must be {kind.name} at this endpoint")
    given = str(envelope.get("datacontenttype") or _JSON_TYPES[0]).partition(";")[0].strip().lower()
    if given not in _JSON_TYPES and not given.endswith("+json"):
        raise _Refused("datacontenttype", "format", "must be application/json")
    if "data_base64" in envelope:
        raise _Refused("data_base64", "format", "is not taken; send the object as data")
    schema = envelope.get("dataschema")
    if schema is not None and not str(schema).endswith(schema_path(kind)):
        raise _Refused("dataschema", "unknown_version", f"must end in {schema_path(kind)}")
