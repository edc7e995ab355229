from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import Literal, cast


T = TypeVar("T", bound="MailSent")


@_attrs_define
class MailSent:
    """The same for every address.

    Attributes:
        status (Literal['mail_sent'] | Unset): Whatever the address: a mail tells its owner how to go on. Default:
            'mail_sent'.
    """

    status: Literal["mail_sent"] | Unset = "mail_sent"
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        status = self.status

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update({})
        if status is not UNSET:
            field_dict["status"] = status

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        status = cast(Literal["mail_sent"] | Unset, d.pop("status", UNSET))
        if status != "mail_sent" and not isinstance(status, Unset):
            raise ValueError(f"status must match const 'mail_sent', got '{status}'")

        mail_sent = cls(
            status=status,
        )

        mail_sent.additional_properties = d
        return mail_sent

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
