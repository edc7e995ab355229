"""What an event may say, and what is told about one that may not. No store is asked."""

import ipaddress
import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stores.errors import InputInvalid, SettingInvalid
from stores.event_bus import connect, fast_lane
from stores.event_bus.contracts import RULES
from stores.event_bus.parsing import (
    EVENT_COUNT_LIMIT,
    Batch,
    TooManyEvents,
    parse_array,
    parse_lines,
)
from stores.event_bus.rows import (
    API_METRIC,
    INTERVIEW_METRIC,
    KINDS,
    USER_EVENT,
    Kind,
    payload_digest,
)


def user_event(**changes: Any) -> dict[str, Any]:
    """A good one, with `changes`; a field given as None is left out."""
    event = {
        "event_id": str(uuid.uuid4()),
        "user_id": "5b0f6a3e-58f4-4f0f-9c39-6a2b3f2f4a10",
        "event_type": "page_view",
        "event_data": {"path": "/"},
        "session_id": "f1d6c4b2-27a9-4f4e-b1a0-2d8d0f7f3a20",
        "user_agent": "Mozilla/5.0",
        "ip_address": "203.0.113.7",
        "timestamp": "2026-11-23T09:30:00.125Z",
    } | changes
    return {name: value for name, value in event.items() if value is not None}


def interview_metric(**changes: Any) -> dict[str, Any]:
    """A good one, with `changes`."""
    return {
        "interview_id": "8c3f1c1e-8a53-4a3b-b0f5-0d4f4a6f2f11",
        "user_id": "5b0f6a3e-58f4-4f0f-9c39-6a2b3f2f4a10",
        "metric_name": "completion_rate",
        "metric_value": 0.5,
        "timestamp": "2026-11-23T09:30:00Z",
    } | changes


def parse(kind: Kind, *events: object) -> Batch:
    """As a JSON array."""
    return parse_array(kind, json.dumps(events).encode())


def row(kind: Kind, event: object) -> dict[str, Any]:
    """The row that a good event becomes."""
    batch = parse(kind, event)
    assert batch.rejected == []
    found: dict[str, Any] = json.loads(batch.lines[0])
    return found


def test_a_good_event_becomes_a_row_with_its_time_in_utc() -> None:
    event = user_event(timestamp="2026-11-23T09:30:00.1259+03:00")
    landed = row(USER_EVENT, event)
    assert landed["timestamp"] == "2026-11-23 06:30:00.125"
    assert landed["event_data"] == '{"path":"/"}'
    assert landed["event_id"] == event["event_id"]


def test_every_example_of_the_documentation_is_accepted() -> None:
    for kind in KINDS:
        for example in kind.event.model_json_schema()["examples"]:
            assert len(parse(kind, example).lines) == 1


def test_every_field_has_a_rule_in_words() -> None:
    for kind in KINDS:
        assert set(kind.event.model_fields) <= set(RULES)


def test_a_row_written_for_the_bus_satisfies_the_contract_of_the_bus() -> None:
    for kind in KINDS:
        batch = parse(kind, kind.event.model_json_schema()["examples"][0])
        assert len(kind.rows.validate_json(b"[" + batch.lines[0] + b"]")) == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"event_id": None}, "event_id"),
        ({"event_id": "5b0f6a3e58f44f0f9c396a2b3f2f4a10"}, "event_id"),
        ({"event_id": 7}, "event_id"),
        ({"user_id": ""}, "user_id"),
        ({"event_type": ""}, "event_type"),
        ({"event_type": "with space"}, "event_type"),
        ({"event_type": "x" * 101}, "event_type"),
        ({"event_data": "text"}, "event_data"),
        ({"event_data": ["list"]}, "event_data"),
        ({"event_data": {"big": "x" * 70_000}}, "event_data"),
        ({"user_agent": "x" * 1025}, "user_agent"),
        ({"ip_address": "256.1.1.1"}, "ip_address"),
        ({"ip_address": "2001:db8::1"}, "ip_address"),
        ({"ip_address": "1.2.3"}, "ip_address"),
        ({"timestamp": "2026-11-23T09:30:00"}, "timestamp"),
        ({"timestamp": 1795426200}, "timestamp"),
        ({"timestamp": "2026-02-30T09:30:00Z"}, "timestamp"),
        ({"timestamp": "1969-12-31T23:59:59Z"}, "timestamp"),
        ({"timestamp": "2100-01-01T00:00:00Z"}, "timestamp"),
        ({"timestamp": "0001-01-01T00:00:00+12:00"}, "timestamp"),
        ({"timestamp": "9999-12-31T23:59:59-12:00"}, "timestamp"),
        ({"date": "2026-11-23"}, "date"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_broken_field_is_named_with_its_rule(changes: dict[str, Any], field: str) -> None:
    batch = parse(USER_EVENT, user_event(), user_event(**changes), user_event())
    assert len(batch.lines) == 2
    assert [(item.index, item.field) for item in batch.rejected] == [(1, field)]
    expected = RULES.get(field, "is not a field of this kind of event")
    assert batch.rejected[0].reason.endswith(expected)


def test_every_broken_field_of_every_bad_event_is_reported() -> None:
    batch = parse(USER_EVENT, user_event(event_id="x", ip_address="y"), user_event(), 7)
    assert [(item.index, item.field) for item in batch.rejected] == [
        (0, "event_id"),
        (0, "ip_address"),
        (2, ""),
    ]
    assert batch.rejected_count == 2


def test_a_mapped_address_is_kept_as_ipv4() -> None:
    assert row(USER_EVENT, user_event(ip_address="::ffff:10.0.0.1"))["ip_address"] == "10.0.0.1"


def test_what_an_event_need_not_say_has_the_columns_own_default() -> None:
    bare = user_event(session_id=None, user_agent=None, ip_address=None, event_data=None)
    landed = row(USER_EVENT, bare)
    assert landed["session_id"] == str(uuid.UUID(int=0))
    assert (landed["user_agent"], landed["ip_address"], landed["event_data"]) == (
        "",
        str(ipaddress.IPv4Address(0)),
        "{}",
    )


def test_an_id_repeated_in_a_batch_counts_once_whatever_its_letters_case() -> None:
    event = user_event()
    batch = parse(USER_EVENT, event, event | {"event_id": event["event_id"].upper()})
    assert (len(batch.lines), batch.duplicate_count) == (1, 1)


def test_equal_event_data_becomes_equal_text() -> None:
    one = row(USER_EVENT, user_event(event_data={"b": 1, "a": [1.5, None]}))
    two = row(USER_EVENT, user_event(event_data={"a": [1.5, None], "b": 1}))
    assert one["event_data"] == two["event_data"] == '{"a":[1.5,null],"b":1}'


def test_a_number_wider_than_64_bits_is_kept_exactly() -> None:
    landed = row(USER_EVENT, user_event(event_data={"n": 2**70}))
    assert landed["event_data"] == f'{{"n":{2**70}}}'


def test_words_that_are_no_json_numbers_are_refused() -> None:
    body = json.dumps([user_event(event_data={"n": float("nan")})]).encode()
    with pytest.raises(InputInvalid, match="not JSON"):
        parse_array(USER_EVENT, body)
    assert len(parse(USER_EVENT, user_event(event_data={"text": "NaN"})).lines) == 1


def test_a_body_that_is_no_array_is_refused_as_a_whole() -> None:
    for body in (b"", b"{", b'{"event_id": 1}', b"null", b"\xff"):
        with pytest.raises(InputInvalid, match="body"):
            parse_array(USER_EVENT, body)


def test_an_empty_array_is_accepted() -> None:
    assert parse(USER_EVENT).lines == []


def test_a_bad_line_is_named_by_its_number_and_spares_the_others() -> None:
    good = json.dumps(user_event())
    body = "\n".join([good, "", "{broken", json.dumps(user_event(user_id="x")), ""])
    batch = parse_lines(USER_EVENT, body.encode())
    assert len(batch.lines) == 1
    assert [(item.index, item.field) for item in batch.rejected] == [(2, ""), (3, "user_id")]


def test_more_events_than_the_limit_are_refused_by_either_form() -> None:
    line = json.dumps(user_event()).encode()
    many = [line] * (EVENT_COUNT_LIMIT + 1)
    with pytest.raises(TooManyEvents):
        parse_lines(USER_EVENT, b"\n".join(many))
    with pytest.raises(TooManyEvents):
        parse_array(USER_EVENT, b"[" + b",".join(many) + b"]")
    assert len(parse_array(USER_EVENT, b"[" + b",".join(many[1:]) + b"]").lines) == 1


def test_a_metric_without_an_id_gets_the_same_one_for_the_same_content() -> None:
    first = row(INTERVIEW_METRIC, interview_metric(dimensions={"a": "1", "b": "2"}))
    again = row(INTERVIEW_METRIC, interview_metric(dimensions={"b": "2", "a": "1"}))
    other = row(INTERVIEW_METRIC, interview_metric(metric_value=0.6))
    assert first["metric_id"] == again["metric_id"] != other["metric_id"]


def test_dimensions_are_texts_within_bounds() -> None:
    for bad in ({"a": 1}, {"": "x"}, {"a": "x" * 1001}, {str(n): "" for n in range(51)}):
        batch = parse(INTERVIEW_METRIC, interview_metric(dimensions=bad))
        assert [item.field for item in batch.rejected] == ["dimensions"]


def test_numbers_of_an_api_metric_fit_their_columns() -> None:
    good = API_METRIC.event.model_json_schema()["examples"][0]
    for field, value in (
        ("status_code", 99),
        ("status_code", "200"),
        ("response_time_ms", -1),
        ("response_time_ms", 2**32),
        ("response_time_ms", 1.5),
        ("method", "get"),
        ("endpoint", ""),
    ):
        batch = parse(API_METRIC, good | {field: value})
        assert [item.field for item in batch.rejected] == [field]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
            lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
            max_leaves=10,
        ),
        max_size=5,
    )
)
def test_whatever_is_sent_is_either_a_line_or_reported(items: list[Any]) -> None:
    try:
        body = json.dumps(items, allow_nan=False).encode()
    except ValueError:
        return
    batch = parse_array(USER_EVENT, body)
    assert len(batch.lines) + batch.duplicate_count + batch.rejected_count == len(items)
    lines = b"\n".join(json.dumps(item).encode() for item in items)
    assert parse_lines(USER_EVENT, lines).rejected_count == len(items)


UNIQUE = st.uuids().map(str)
PLAIN_OR_NOT = st.fixed_dictionaries(
    {
        "event_id": UNIQUE | UNIQUE.map(str.upper),
        "user_id": UNIQUE,
        "event_type": st.sampled_from(["page_view", "a", "x" * 100, "a:b.c-d"]),
        "timestamp": st.sampled_from(
            [
                "2026-11-23T09:30:00Z",
                "2026-11-23T09:30:00.125Z",
                "2026-11-23T09:30:00.1259Z",
                "2026-11-23T09:30:00.125+03:00",
                "1970-01-01T00:00:00Z",
            ]
        ),
    },
    optional={
        "event_data": st.none()
        | st.dictionaries(st.text(), st.integers() | st.floats(allow_nan=False) | st.text()),
        "session_id": st.none() | UNIQUE,
        "user_agent": st.none() | st.text(max_size=1024),
        "ip_address": st.none() | st.ip_addresses(v=4).map(str),
    },
)


@settings(max_examples=200, deadline=None)
@given(st.lists(PLAIN_OR_NOT, max_size=4))
def test_the_fast_lane_makes_the_lines_that_the_models_make(events: list[dict[str, Any]]) -> None:
    try:
        body = json.dumps(events, allow_nan=False).encode()
        body.decode().encode("utf-8", "strict")
    except ValueError:
        return
    plain = fast_lane.read(body, "2026-11-23 10:00:00.000", EVENT_COUNT_LIMIT)
    if plain is None:
        return
    careful = [
        USER_EVENT.line(event, "2026-11-23 10:00:00.000")
        for event in USER_EVENT.events.validate_json(body)
    ]
    assert list(plain.items()) == careful


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["event_id", "user_id", "event_type", "timestamp", "session_id", "ip_address"]),
    st.text(max_size=40) | st.integers() | st.none() | st.booleans() | st.lists(st.text()),
)
def test_the_fast_lane_takes_nothing_that_the_models_refuse(field: str, value: object) -> None:
    body = json.dumps([user_event() | {field: value}]).encode()
    if fast_lane.read(body, "2026-11-23 10:00:00.000", EVENT_COUNT_LIMIT) is not None:
        assert len(USER_EVENT.events.validate_json(body)) == 1


def test_most_batches_go_the_fast_lane() -> None:
    body = json.dumps([user_event() for _ in range(10)]).encode()
    assert len(fast_lane.read(body, "2026-11-23 10:00:00.000", EVENT_COUNT_LIMIT) or {}) == 10
    for careful in (
        {"event_data": {"n": 2**70}},
        {"event_id": str(uuid.uuid4()).upper()},
        {"timestamp": "2026-02-30T00:00:00Z"},
        {"surprise": 1},
        {"user_agent": "x" * 1025},
        {"event_type": "two\nlines"},
    ):
        body = json.dumps([user_event() | careful]).encode()
        assert fast_lane.read(body, "2026-11-23 10:00:00.000", EVENT_COUNT_LIMIT) is None


def test_what_two_lines_of_an_id_say_is_compared_without_their_times() -> None:
    one = user_event()
    first, later = (
        parse(USER_EVENT, one | {"timestamp": f"2026-11-23T0{n}:00:00Z"}).lines[0] for n in (1, 2)
    )
    other = parse(USER_EVENT, one | {"event_type": "login"}).lines[0]
    assert payload_digest(first) == payload_digest(later) != payload_digest(other)
    metric = parse(INTERVIEW_METRIC, interview_metric()).lines[0]
    fields = json.loads(metric)
    fields["metric_id"] = fields.pop("metric_id")
    fields["received_at"] = fields.pop("received_at")
    in_the_former_order = json.dumps(fields, separators=(",", ":")).encode()
    assert payload_digest(in_the_former_order) == payload_digest(metric)


def test_a_bus_that_is_not_there_yet_is_refused_by_name() -> None:
    with pytest.raises(SettingInvalid, match=r"EVENT_BUS_URL: amqp:// is not supported.*redis://"):
        connect("amqp://localhost:5672")
