from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.event_problem_status import EventProblemStatus
from typing import cast

if TYPE_CHECKING:
    from ..models.broken_rule import BrokenRule


T = TypeVar("T", bound="EventProblem")


@_attrs_define
class EventProblem:
    """RFC 9457, for one event.

    Attributes:
        type_ (str):
        title (str):
        status (EventProblemStatus): 409 for a conflict of ids, else 422.
        invalid_parameters (list[BrokenRule]):
    """

    type_: str
    title: str
    status: EventProblemStatus
    invalid_parameters: list[BrokenRule]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.broken_rule import BrokenRule  # noqa: PLC0415

        type_ = self.type_

        title = self.title

        status = self.status.value

        invalid_parameters = []
        for invalid_parameters_item_data in self.invalid_parameters:
            invalid_parameters_item = invalid_parameters_item_data.to_dict()
            invalid_parameters.append(invalid_parameters_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "type": type_,
                "title": title,
                "status": status,
                "invalid_parameters": invalid_parameters,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.broken_rule import BrokenRule  # noqa: PLC0415

        d = dict(src_dict)
        type_ = d.pop("type")

        title = d.pop("title")

        status = EventProblemStatus(d.pop("status"))

        invalid_parameters = []
        _invalid_parameters = d.pop("invalid_parameters")
        for invalid_parameters_item_data in _invalid_parameters:
            invalid_parameters_item = BrokenRule.from_dict(invalid_parameters_item_data)

            invalid_parameters.append(invalid_parameters_item)

        event_problem = cls(
            type_=type_,
            title=title,
            status=status,
            invalid_parameters=invalid_parameters,
        )

        event_problem.additional_properties = d
        return event_problem

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
