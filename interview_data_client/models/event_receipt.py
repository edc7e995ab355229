from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.event_receipt_status import EventReceiptStatus
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
    from ..models.event_problem import EventProblem


T = TypeVar("T", bound="EventReceipt")


@_attrs_define
class EventReceipt:
    """What became of one event.

    Attributes:
        index (int): Place in the array, or number of the line, from 0.
        id (None | str): The event's id, if it has one.
        status (EventReceiptStatus):
        problem (EventProblem | None | Unset): Why it was rejected.
    """

    index: int
    id: None | str
    status: EventReceiptStatus
    problem: EventProblem | None | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.event_problem import EventProblem  # noqa: PLC0415

        index = self.index

        id: None | str
        id = self.id

        status = self.status.value

        problem: dict[str, Any] | None | Unset
        if isinstance(self.problem, Unset):
            problem = UNSET
        elif isinstance(self.problem, EventProblem):
            problem = self.problem.to_dict()
        else:
            problem = self.problem

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "index": index,
                "id": id,
                "status": status,
            }
        )
        if problem is not UNSET:
            field_dict["problem"] = problem

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.event_problem import EventProblem  # noqa: PLC0415

        d = dict(src_dict)
        index = d.pop("index")

        def _parse_id(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        id = _parse_id(d.pop("id"))

        status = EventReceiptStatus(d.pop("status"))

        def _parse_problem(data: object) -> EventProblem | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                problem_type_0 = EventProblem.from_dict(data)

                return problem_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(EventProblem | None | Unset, data)

        problem = _parse_problem(d.pop("problem", UNSET))

        event_receipt = cls(
            index=index,
            id=id,
            status=status,
            problem=problem,
        )

        event_receipt.additional_properties = d
        return event_receipt

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
