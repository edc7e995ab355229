from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime

if TYPE_CHECKING:
    from ..models.account_usage import AccountUsage


T = TypeVar("T", bound="AccountsUsage")


@_attrs_define
class AccountsUsage:
    """A part of the customers who used something in the month.

    Attributes:
        month (str):
        accounts (list[AccountUsage]):
        next_cursor (None | str): Leads to the next part; null at the end.
        fresh_as_of (datetime.datetime | None): When the newest usage counted here was captured; null before any was.
        refreshed_at (datetime.datetime | None): When this was last brought up to date.
    """

    month: str
    accounts: list[AccountUsage]
    next_cursor: None | str
    fresh_as_of: datetime.datetime | None
    refreshed_at: datetime.datetime | None
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.account_usage import AccountUsage  # noqa: PLC0415

        month = self.month

        accounts = []
        for accounts_item_data in self.accounts:
            accounts_item = accounts_item_data.to_dict()
            accounts.append(accounts_item)

        next_cursor: None | str
        next_cursor = self.next_cursor

        fresh_as_of: None | str
        if isinstance(self.fresh_as_of, datetime.datetime):
            fresh_as_of = self.fresh_as_of.isoformat()
        else:
            fresh_as_of = self.fresh_as_of

        refreshed_at: None | str
        if isinstance(self.refreshed_at, datetime.datetime):
            refreshed_at = self.refreshed_at.isoformat()
        else:
            refreshed_at = self.refreshed_at

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "month": month,
                "accounts": accounts,
                "next_cursor": next_cursor,
                "fresh_as_of": fresh_as_of,
                "refreshed_at": refreshed_at,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.account_usage import AccountUsage  # noqa: PLC0415

        d = dict(src_dict)
        month = d.pop("month")

        accounts = []
        _accounts = d.pop("accounts")
        for accounts_item_data in _accounts:
            accounts_item = AccountUsage.from_dict(accounts_item_data)

            accounts.append(accounts_item)

        def _parse_next_cursor(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        next_cursor = _parse_next_cursor(d.pop("next_cursor"))

        def _parse_fresh_as_of(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                fresh_as_of_type_0 = datetime.datetime.fromisoformat(data)

                return fresh_as_of_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        fresh_as_of = _parse_fresh_as_of(d.pop("fresh_as_of"))

        def _parse_refreshed_at(data: object) -> datetime.datetime | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                refreshed_at_type_0 = datetime.datetime.fromisoformat(data)

                return refreshed_at_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(datetime.datetime | None, data)

        refreshed_at = _parse_refreshed_at(d.pop("refreshed_at"))

        accounts_usage = cls(
            month=month,
            accounts=accounts,
            next_cursor=next_cursor,
            fresh_as_of=fresh_as_of,
            refreshed_at=refreshed_at,
        )

        accounts_usage.additional_properties = d
        return accounts_usage

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
