from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset


T = TypeVar("T", bound="SignOut")


@_attrs_define
class SignOut:
    """Whose session ends.

    Attributes:
        refresh_token (str): Works once: every refresh gives another.
        all_devices (bool | Unset): End every session of the user. Default: False.
    """

    refresh_token: str
    all_devices: bool | Unset = False

    def to_dict(self) -> dict[str, Any]:
        refresh_token = self.refresh_token

        all_devices = self.all_devices

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "refresh_token": refresh_token,
            }
        )
        if all_devices is not UNSET:
            field_dict["all_devices"] = all_devices

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        refresh_token = d.pop("refresh_token")

        all_devices = d.pop("all_devices", UNSET)

        sign_out = cls(
            refresh_token=refresh_token,
            all_devices=all_devices,
        )

        return sign_out
