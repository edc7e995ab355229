from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime


T = TypeVar("T", bound="InterviewOverview")


@_attrs_define
class InterviewOverview:
    """An interview and how far its candidates have come.

    Attributes:
        interview_id (UUID):
        title (str):
        interview_status (None | str):
        question_count (int):
        session_count (int): How many candidates began it.
        completed_session_count (int): How many finished it.
        response_count (int): How many answers were recorded.
        last_started_at (datetime.datetime | None): When a candidate last began it.
        created_at (datetime.datetime | None):
    """

    interview_id: UUID
    title: str
    interview_status: None | str
    question_count: int
    session_count: int
    completed_session_count: int
    response_count: int
    last_started_at: datetime.datetime | None
    created_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        interview_id = str(self.interview_id)

        title = self.title

        interview_status: None | str
        interview_status = self.interview_status

        question_count = self.question_count

        session_count = self.session_count

        completed_session_count = self.completed_session_count

        response_count = self.response_count

        last_started_at: None | str
        if isinstance(self.last_started_at, datetime.datetime):
            last_started_at = self.last_started_at.isoformat()
        else:
            last_started_at = self.last_started_at

        created_at: None | str
        if isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "interview_id": interview_id,
                "title": title,
                "interview_status": interview_status,
                "question_count": question_count,
                "session_count": session_count,
                "completed_session_count": completed_session_count,
                "response_count": response_count,
                "last_started_at": last_started_at,
                "created_at": created_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        interview_id = UUID(d.pop("interview_id"))

        title = d.pop("title")

        def _parse_interview_status(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        interview_status = _parse_interview_status(d.pop("interview_status"))

        question_count = d.pop("question_count")

        session_count = d.pop("session_count")

        completed_session_count = d.pop("completed_session_count")

        response_count = d.pop("response_count")

        def _parse_last_started_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                last_started_at_type_0 = datetime.datetime.fromisoformat(data)

                return last_started_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        last_started_at = _parse_last_started_at(d.pop("last_started_at"))

        def _parse_created_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                created_at_type_0 = datetime.datetime.fromisoformat(data)

                return created_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        created_at = _parse_created_at(d.pop("created_at"))

        interview_overview = cls(
            interview_id=interview_id,
            title=title,
            interview_status=interview_status,
            question_count=question_count,
            session_count=session_count,
            completed_session_count=completed_session_count,
            response_count=response_count,
            last_started_at=last_started_at,
            created_at=created_at,
        )

        interview_overview.additional_properties = d
        return interview_overview

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
