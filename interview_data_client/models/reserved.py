from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.reserved_resource import ReservedResource
from ..models.reserved_state import ReservedState
from typing import cast
from uuid import UUID
import datetime

if TYPE_CHECKING:
    from ..models.numbers import Numbers


T = TypeVar("T", bound="Reserved")


@_attrs_define
class Reserved:
    """A new reservation, and where the user stands with it.

    Attributes:
        id (UUID):
        user_id (UUID):
        resource (ReservedResource):
        amount (int):
        committed_amount (int | None): How much was used; null until committed.
        state (ReservedState):
        created_at (datetime.datetime):
        expires_at (datetime.datetime):
        settled_at (datetime.datetime | None): When it ended; null while it is held.
        is_repeat (bool): The same request was answered before.
        quota (Numbers): Where the user stands now.
    """

    id: UUID
    user_id: UUID
    resource: ReservedResource
    amount: int
    committed_amount: int | None
    state: ReservedState
    created_at: datetime.datetime
    expires_at: datetime.datetime
    settled_at: datetime.datetime | None
    is_repeat: bool
    quota: Numbers
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.numbers import Numbers  # noqa: PLC0415

        id = str(self.id)

        user_id = str(self.user_id)

        resource = self.resource.value

        amount = self.amount

        committed_amount: int | None
        committed_amount = self.committed_amount

        state = self.state.value

        created_at = self.created_at.isoformat()

        expires_at = self.expires_at.isoformat()

        settled_at: None | str
        if isinstance(self.settled_at, datetime.datetime):
            settled_at = self.settled_at.isoformat()
        else:
            settled_at = self.settled_at

        is_repeat = self.is_repeat

        quota = self.quota.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "id": id,
                "user_id": user_id,
                "resource": resource,
                "amount": amount,
                "committed_amount": committed_amount,
                "state": state,
                "created_at": created_at,
                "expires_at": expires_at,
                "settled_at": settled_at,
                "is_repeat": is_repeat,
                "quota": quota,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.numbers import Numbers  # noqa: PLC0415

        d = dict(src_dict)
        id = UUID(d.pop("id"))

        user_id = UUID(d.pop("user_id"))

        resource = ReservedResource(d.pop("resource"))

        amount = d.pop("amount")

        def _parse_committed_amount(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        committed_amount = _parse_committed_amount(d.pop("committed_amount"))

        state = ReservedState(d.pop("state"))

        created_at = datetime.datetime.fromisoformat(d.pop("created_at"))

        expires_at = datetime.datetime.fromisoformat(d.pop("expires_at"))

        def _parse_settled_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                settled_at_type_0 = datetime.datetime.fromisoformat(data)

                return settled_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        settled_at = _parse_settled_at(d.pop("settled_at"))

        is_repeat = d.pop("is_repeat")

        quota = Numbers.from_dict(d.pop("quota"))

        reserved = cls(
            id=id,
            user_id=user_id,
            resource=resource,
            amount=amount,
            committed_amount=committed_amount,
            state=state,
            created_at=created_at,
            expires_at=expires_at,
            settled_at=settled_at,
            is_repeat=is_repeat,
            quota=quota,
        )

        reserved.additional_properties = d
        return reserved

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
