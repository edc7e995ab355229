from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset


T = TypeVar("T", bound="BrokenRule")


@_attrs_define
class BrokenRule:
    """One rule that an event breaks.

    Attributes:
        field (str): The field; empty where the event as a whole is meant.
        rule (str): A name for programs: `missing`, `format`, `unknown_field`, `too_old`, `too_early`, `not_kept`,
            `conflict`, `not_json`, `not_an_object`, `differs`, `unknown_version`.
        reason (str): What the field must be, in words.
    """

    field: str
    rule: str
    reason: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        field = self.field

        rule = self.rule

        reason = self.reason

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "field": field,
                "rule": rule,
                "reason": reason,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        field = d.pop("field")

        rule = d.pop("rule")

        reason = d.pop("reason")

        broken_rule = cls(
            field=field,
            rule=rule,
            reason=reason,
        )

        broken_rule.additional_properties = d
        return broken_rule

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
