from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime

if TYPE_CHECKING:
    from ..models.timeline_entry_details import TimelineEntryDetails


T = TypeVar("T", bound="TimelineEntry")


@_attrs_define
class TimelineEntry:
    """Something that happened in a session.

    Attributes:
        at (datetime.datetime):
        kind (str): `session_started`, `response_recorded`, `media_uploaded`, `job_started`, `job_completed`,
            `job_failed`, `analysis_completed` or `session_completed`.
        subject_id (UUID): The session, response, file, job or analysis.
        details (TimelineEntryDetails):
    """

    at: datetime.datetime
    kind: str
    subject_id: UUID
    details: TimelineEntryDetails
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.timeline_entry_details import TimelineEntryDetails  # noqa: PLC0415

        at = self.at.isoformat()

        kind = self.kind

        subject_id = str(self.subject_id)

        details = self.details.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "at": at,
                "kind": kind,
                "subject_id": subject_id,
                "details": details,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.timeline_entry_details import TimelineEntryDetails  # noqa: PLC0415

        d = dict(src_dict)
        at = datetime.datetime.fromisoformat(d.pop("at"))

        kind = d.pop("kind")

        subject_id = UUID(d.pop("subject_id"))

        details = TimelineEntryDetails.from_dict(d.pop("details"))

        timeline_entry = cls(
            at=at,
            kind=kind,
            subject_id=subject_id,
            details=details,
        )

        timeline_entry.additional_properties = d
        return timeline_entry

    @property
    def additional_keys(self) -> list[str]:
        return list(self.additional_properties.keys())

    def __getitem__(self, key: str) -> Any:
        return self.additional_properties[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.additional_properties[key] = value

    def __delitem__(self, key: str) -> None:
        del self.additional_properties[key]

    def __contains__(self, key: str) -> bool:
        return key in self.additional_properties
