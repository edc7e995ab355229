from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset


T = TypeVar("T", bound="Credentials")


@_attrs_define
class Credentials:
    """Who signs in, and with which device.

    Attributes:
        email (str): Upper and lower case are the same.
        password (str):
        device (str | Unset): By default what the browser says it is. Default: ''.
    """

    email: str
    password: str
    device: str | Unset = ""

    def to_dict(self) -> dict[str, Any]:
        email = self.email

        password = self.password

        device = self.device

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "email": email,
                "password": password,
            }
        )
        if device is not UNSET:
            field_dict["device"] = device

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        email = d.pop("email")

        password = d.pop("password")

        device = d.pop("device", UNSET)

        credentials = cls(
            email=email,
            password=password,
            device=device,
        )

        return credentials
