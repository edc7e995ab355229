from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
from uuid import UUID
import datetime


T = TypeVar("T", bound="AiCost")


@_attrs_define
class AiCost:
    """What a customer's candidates were analysed for by one model on one day.

    Attributes:
        date (datetime.date):
        user_id (UUID): The nil UUID where the interview is not known.
        model_name (str):
        model_version (str):
        analysis_count (int):
        unpriced_count (int): How many of them carry no cost.
        cost_usd (str): What the others cost together.
    """

    date: datetime.date
    user_id: UUID
    model_name: str
    model_version: str
    analysis_count: int
    unpriced_count: int
    cost_usd: str
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        date = self.date.isoformat()

        user_id = str(self.user_id)

        model_name = self.model_name

        model_version = self.model_version

        analysis_count = self.analysis_count

        unpriced_count = self.unpriced_count

        cost_usd = self.cost_usd

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "date": date,
                "user_id": user_id,
                "model_name": model_name,
                "model_version": model_version,
                "analysis_count": analysis_count,
                "unpriced_count": unpriced_count,
                "cost_usd": cost_usd,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        date = datetime.date.fromisoformat(d.pop("date"))

        user_id = UUID(d.pop("user_id"))

        model_name = d.pop("model_name")

        model_version = d.pop("model_version")

        analysis_count = d.pop("analysis_count")

        unpriced_count = d.pop("unpriced_count")

        cost_usd = d.pop("cost_usd")

        ai_cost = cls(
            date=date,
            user_id=user_id,
            model_name=model_name,
            model_version=model_version,
            analysis_count=analysis_count,
            unpriced_count=unpriced_count,
            cost_usd=cost_usd,
        )

        ai_cost.additional_properties = d
        return ai_cost

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
