from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID


T = TypeVar("T", bound="Question")


@_attrs_define
class Question:
    """One question, in the order in which candidates get them.

    Attributes:
        id (UUID):
        text (str):
        type_ (str): `video` or `audio`.
        order_index (int):
        time_limit_seconds (int | None):
        is_required (bool | None):
    """

    id: UUID
    text: str
    type_: str
    order_index: int
    time_limit_seconds: int | None
    is_required: bool | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        id = str(self.id)

        text = self.text

        type_ = self.type_

        order_index = self.order_index

        time_limit_seconds: int | None
        time_limit_seconds = self.time_limit_seconds

        is_required: bool | None
        is_required = self.is_required

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "text": text,
                "type": type_,
                "order_index": order_index,
                "time_limit_seconds": time_limit_seconds,
                "is_required": is_required,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        text = d.pop("text")

        type_ = d.pop("type")

        order_index = d.pop("order_index")

        def _parse_time_limit_seconds(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        time_limit_seconds = _parse_time_limit_seconds(d.pop("time_limit_seconds"))

        def _parse_is_required(data: object) -> bool | None:
            if data is None:
                return data
            return cast(bool | None, data)

        is_required = _parse_is_required(d.pop("is_required"))

        question = cls(
            id=id,
            text=text,
            type_=type_,
            order_index=order_index,
            time_limit_seconds=time_limit_seconds,
            is_required=is_required,
        )

        question.additional_properties = d
        return question

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
