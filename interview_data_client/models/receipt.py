from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast

if TYPE_CHECKING:
    from ..models.event_receipt import EventReceipt


T = TypeVar("T", bound="Receipt")


@_attrs_define
class Receipt:
    """What became of a batch. Accepted events are on disk when this is sent.

    Attributes:
        accepted_count (int): Events taken now; each will be counted once.
        duplicate_count (int): Events that were sent before and say the same.
        rejected_count (int): Events that break a rule and were not taken.
        receipts (list[EventReceipt]): One for each event; with `Prefer: return=minimal` none for accepted ones.
    """

    accepted_count: int
    duplicate_count: int
    rejected_count: int
    receipts: list[EventReceipt]
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.event_receipt import EventReceipt  # noqa: PLC0415

        accepted_count = self.accepted_count

        duplicate_count = self.duplicate_count

        rejected_count = self.rejected_count

        receipts = []
        for receipts_item_data in self.receipts:
            receipts_item = receipts_item_data.to_dict()
            receipts.append(receipts_item)

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "accepted_count": accepted_count,
                "duplicate_count": duplicate_count,
                "rejected_count": rejected_count,
                "receipts": receipts,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.event_receipt import EventReceipt  # noqa: PLC0415

        d = dict(src_dict)
        accepted_count = d.pop("accepted_count")

        duplicate_count = d.pop("duplicate_count")

        rejected_count = d.pop("rejected_count")

        receipts = []
        _receipts = d.pop("receipts")
        for receipts_item_data in _receipts:
            receipts_item = EventReceipt.from_dict(receipts_item_data)

            receipts.append(receipts_item)

        receipt = cls(
            accepted_count=accepted_count,
            duplicate_count=duplicate_count,
            rejected_count=rejected_count,
            receipts=receipts,
        )

        receipt.additional_properties = d
        return receipt

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
