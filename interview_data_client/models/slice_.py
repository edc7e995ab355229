from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
    from ..models.slice_key import SliceKey


T = TypeVar("T", bound="Slice")


@_attrs_define
class Slice:
    """The part of a relation in which the event counts, and whether it does so already.

    Attributes:
        relation (str):
        key (SliceKey):
        is_counted (bool):
    """

    relation: str
    key: SliceKey
    is_counted: bool
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.slice_key import SliceKey  # noqa: PLC0415

        relation = self.relation

        key = self.key.to_dict()

        is_counted = self.is_counted

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "relation": relation,
                "key": key,
                "is_counted": is_counted,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.slice_key import SliceKey  # noqa: PLC0415

        d = dict(src_dict)
        relation = d.pop("relation")

        key = SliceKey.from_dict(d.pop("key"))

        is_counted = d.pop("is_counted")

        slice_ = cls(
            relation=relation,
            key=key,
            is_counted=is_counted,
        )

        slice_.additional_properties = d
        return slice_

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
