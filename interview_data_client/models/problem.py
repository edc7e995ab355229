from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
    from ..models.problem_invalid_parameters_item import ProblemInvalidParametersItem


T = TypeVar("T", bound="Problem")


@_attrs_define
class Problem:
    """RFC 9457: what went wrong and what to do.

    Attributes:
        type_ (str): Stable; leads to the page that says what to do.
        title (str):
        status (int):
        detail (str):
        request_id (str | Unset): As in the header `X-Request-Id` and in the server's log.
        invalid_parameters (list[ProblemInvalidParametersItem] | Unset):
    """

    type_: str
    title: str
    status: int
    detail: str
    request_id: str | Unset = UNSET
    invalid_parameters: list[ProblemInvalidParametersItem] | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.problem_invalid_parameters_item import ProblemInvalidParametersItem  # noqa: PLC0415

        type_ = self.type_

        title = self.title

        status = self.status

        detail = self.detail

        request_id = self.request_id

        invalid_parameters: list[dict[str, Any]] | Unset = UNSET
        if not isinstance(self.invalid_parameters, Unset):
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
                "detail": detail,
            }
        )
        if request_id is not UNSET:
            field_dict["request_id"] = request_id
        if invalid_parameters is not UNSET:
            field_dict["invalid_parameters"] = invalid_parameters

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.problem_invalid_parameters_item import ProblemInvalidParametersItem  # noqa: PLC0415

        d = dict(src_dict)
        type_ = d.pop("type")

        title = d.pop("title")

        status = d.pop("status")

        detail = d.pop("detail")

        request_id = d.pop("request_id", UNSET)

        _invalid_parameters = d.pop("invalid_parameters", UNSET)
        invalid_parameters: list[ProblemInvalidParametersItem] | Unset = UNSET
        if _invalid_parameters is not UNSET:
            invalid_parameters = []
            for invalid_parameters_item_data in _invalid_parameters:
                invalid_parameters_item = ProblemInvalidParametersItem.from_dict(
                    invalid_parameters_item_data
                )

                invalid_parameters.append(invalid_parameters_item)

        problem = cls(
            type_=type_,
            title=title,
            status=status,
            detail=detail,
            request_id=request_id,
            invalid_parameters=invalid_parameters,
        )

        problem.additional_properties = d
        return problem

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
