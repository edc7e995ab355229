from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime


T = TypeVar("T", bound="WaitingFile")


@_attrs_define
class WaitingFile:
    """A file that is not processed yet, or failed.

    Attributes:
        media_file_id (UUID):
        interview_id (UUID):
        user_id (UUID): The customer whose interview it is.
        media_file_status (None | str):
        content_type (str):
        file_size_bytes (int):
        created_at (datetime.datetime | None):
        waiting_seconds (int | None):
        pending_job_count (int):
        running_job_count (int):
        failed_job_count (int):
        completed_job_count (int):
        failed_job_type (None | str):
        is_failed (bool): Whether somebody has to act.
    """

    media_file_id: UUID
    interview_id: UUID
    user_id: UUID
    media_file_status: None | str
    content_type: str
    file_size_bytes: int
    created_at: datetime.datetime | None
    waiting_seconds: int | None
    pending_job_count: int
    running_job_count: int
    failed_job_count: int
    completed_job_count: int
    failed_job_type: None | str
    is_failed: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        media_file_id = str(self.media_file_id)

        interview_id = str(self.interview_id)

        user_id = str(self.user_id)

        media_file_status: None | str
        media_file_status = self.media_file_status

        content_type = self.content_type

        file_size_bytes = self.file_size_bytes

        created_at: None | str
        if isinstance(self.created_at, datetime.datetime):
            created_at = self.created_at.isoformat()
        else:
            created_at = self.created_at

        waiting_seconds: int | None
        waiting_seconds = self.waiting_seconds

        pending_job_count = self.pending_job_count

        running_job_count = self.running_job_count

        failed_job_count = self.failed_job_count

        completed_job_count = self.completed_job_count

        failed_job_type: None | str
        failed_job_type = self.failed_job_type

        is_failed = self.is_failed

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "media_file_id": media_file_id,
                "interview_id": interview_id,
                "user_id": user_id,
                "media_file_status": media_file_status,
                "content_type": content_type,
                "file_size_bytes": file_size_bytes,
                "created_at": created_at,
                "waiting_seconds": waiting_seconds,
                "pending_job_count": pending_job_count,
                "running_job_count": running_job_count,
                "failed_job_count": failed_job_count,
                "completed_job_count": completed_job_count,
                "failed_job_type": failed_job_type,
                "is_failed": is_failed,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        media_file_id = UUID(d.pop("media_file_id"))

        interview_id = UUID(d.pop("interview_id"))

        user_id = UUID(d.pop("user_id"))

        def _parse_media_file_status(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        media_file_status = _parse_media_file_status(d.pop("media_file_status"))

        content_type = d.pop("content_type")

        file_size_bytes = d.pop("file_size_bytes")

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

        def _parse_waiting_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        waiting_seconds = _parse_waiting_seconds(d.pop("waiting_seconds"))

        pending_job_count = d.pop("pending_job_count")

        running_job_count = d.pop("running_job_count")

        failed_job_count = d.pop("failed_job_count")

        completed_job_count = d.pop("completed_job_count")

        def _parse_failed_job_type(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        failed_job_type = _parse_failed_job_type(d.pop("failed_job_type"))

        is_failed = d.pop("is_failed")

        waiting_file = cls(
            media_file_id=media_file_id,
            interview_id=interview_id,
            user_id=user_id,
            media_file_status=media_file_status,
            content_type=content_type,
            file_size_bytes=file_size_bytes,
            created_at=created_at,
            waiting_seconds=waiting_seconds,
            pending_job_count=pending_job_count,
            running_job_count=running_job_count,
            failed_job_count=failed_job_count,
            completed_job_count=completed_job_count,
            failed_job_type=failed_job_type,
            is_failed=is_failed,
        )

        waiting_file.additional_properties = d
        return waiting_file

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
