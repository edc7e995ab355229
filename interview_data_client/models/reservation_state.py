from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.reservation_state_resource import ReservationStateResource
from ..models.reservation_state_state import ReservationStateState
from typing import cast
from uuid import UUID
import datetime


T = TypeVar("T", bound="ReservationState")


@_attrs_define
class ReservationState:
    """A reservation as it is now.

    Attributes:
        id (UUID):
        user_id (UUID):
        resource (ReservationStateResource):
        amount (int):
        committed_amount (int | None): How much was used; null until committed.
        state (ReservationStateState):
        created_at (datetime.datetime):
        expires_at (datetime.datetime):
        settled_at (datetime.datetime | None): When it ended; null while it is held.
    """

    id: UUID
    user_id: UUID
    resource: ReservationStateResource
    amount: int
    committed_amount: int | None
    state: ReservationStateState
    created_at: datetime.datetime
    expires_at: datetime.datetime
    settled_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
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
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        id = UUID(d.pop("id"))

        user_id = UUID(d.pop("user_id"))

        resource = ReservationStateResource(d.pop("resource"))

        amount = d.pop("amount")

        def _parse_committed_amount(data: object) -> int | None:
            if data is None:
                return data
            return cast(int | None, data)

        committed_amount = _parse_committed_amount(d.pop("committed_amount"))

        state = ReservationStateState(d.pop("state"))

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

        reservation_state = cls(
            id=id,
            user_id=user_id,
            resource=resource,
            amount=amount,
            committed_amount=committed_amount,
            state=state,
            created_at=created_at,
            expires_at=expires_at,
            settled_at=settled_at,
        )

        reservation_state.additional_properties = d
        return reservation_state

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
