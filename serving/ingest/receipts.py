"""The answer to a batch: what became of each of its events.

Belongs here: the receipt's shape, as a model for the documentation and as bytes for the answer.
Those of accepted events are put together as text: building objects for a list of thousands would
cost more than checking the events did.
"""

from collections.abc import Iterable
from itertools import groupby
from typing import Literal

import orjson
from pydantic import BaseModel, Field

from serving.problem_kinds import EVENT_CONFLICT, EVENT_REJECTED
from stores.event_bus.parsing import Batch, Rejection


class BrokenRule(BaseModel):
    """One rule that an event breaks."""

    field: str = Field(description="The field; empty where the event as a whole is meant.")
    rule: str = Field(
        description="A name for programs: `missing`, `format`, `unknown_field`, `too_old`,"
        " `too_early`, `not_kept`, `conflict`, `not_json`, `not_an_object`, `differs`,"
        " `unknown_version`."
    )
    reason: str = Field(description="What the field must be, in words.")


class EventProblem(BaseModel):
    """RFC 9457, for one event."""

    type: str = Field(examples=[EVENT_REJECTED.type])
    title: str
    status: Literal[409, 422] = Field(description="409 for a conflict of ids, else 422.")
    invalid_parameters: list[BrokenRule]


class EventReceipt(BaseModel):
    """What became of one event."""

    index: int = Field(description="Place in the array, or number of the line, from 0.")
    id: str | None = Field(description="The event's id, if it has one.")
    status: Literal["accepted", "duplicate", "rejected"]
    problem: EventProblem | None = Field(None, description="Why it was rejected.")


class Receipt(BaseModel):
    """What became of a batch. Accepted events are on disk when this is sent."""

    accepted_count: int = Field(description="Events taken now; each will be counted once.")
    duplicate_count: int = Field(description="Events that were sent before and say the same.")
    rejected_count: int = Field(description="Events that break a rule and were not taken.")
    receipts: list[EventReceipt] = Field(
        description="One for each event; with `Prefer: return=minimal` none for accepted ones."
    )


def receipt_bytes(batch: Batch, *, is_minimal: bool) -> bytes:
    """The answer's body."""
    texts: list[str] = []
    if not is_minimal:
        texts = [
            f'{{"index":{place},"id":"{identity}","status":"accepted"}}'
            for place, identity, _ in batch.accepted
        ]
    rejected = list(_rejected(batch.rejected))
    if batch.duplicates or rejected:
        others = [
            (place, f'{{"index":{place},"id":"{identity}","status":"duplicate"}}')
            for place, identity, _ in batch.duplicates
        ]
        accepted = zip((line.place for line in batch.accepted), texts, strict=False)
        texts = [text for _, text in sorted([*accepted, *others, *rejected])]
    head = (
        f'{{"accepted_count":{len(batch.accepted)},"duplicate_count":{batch.duplicate_count},'
        f'"rejected_count":{len(rejected)},"receipts":['
    )
    return f"{head}{','.join(texts)}]}}".encode()


def _rejected(rejections: Iterable[Rejection]) -> Iterable[tuple[int, str]]:
    for index, group in groupby(rejections, key=lambda each: each.index):
        broken = list(group)
        is_conflict = any(each.rule == "conflict" for each in broken)
        kind = EVENT_CONFLICT if is_conflict else EVENT_REJECTED
        receipt = {
            "index": index,
            "id": broken[0].id or None,
            "status": "rejected",
            "problem": {
                "type": kind.type,
                "title": kind.title,
                "status": kind.status,
                "invalid_parameters": [
                    {"field": each.field, "rule": each.rule, "reason": each.reason}
                    for each in broken
                ],
            },
        }
        yield index, orjson.dumps(receipt).decode()
