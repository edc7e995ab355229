from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.wanted_resource import WantedResource
from ..types import UNSET, Unset
from uuid import UUID


T = TypeVar("T", bound="Wanted")


@_attrs_define
class Wanted:
    """An amount of a resource, for a user. Storage is counted in mebibytes.

    Attributes:
        user_id (UUID):
        resource (WantedResource):
        amount (int | Unset):  Default: 1.
    """

    user_id: UUID
    resource: WantedResource
    amount: int | Unset = 1

    def to_dict(self) -> dict[str, Any]:
        user_id = str(self.user_id)

        resource = self.resource.value

        amount = self.amount

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "user_id": user_id,
                "resource": resource,
            }
        )
        if amount is not UNSET:
            field_dict["amount"] = amount

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        user_id = UUID(d.pop("user_id"))

        resource = WantedResource(d.pop("resource"))

        amount = d.pop("amount", UNSET)

        wanted = cls(
            user_id=user_id,
            resource=resource,
            amount=amount,
        )

        return wanted
