from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import Literal, cast


T = TypeVar("T", bound="JsonWebKey")


@_attrs_define
class JsonWebKey:
    """An Ed25519 public key (RFC 8037).

    Attributes:
        kid (str):
        x (str):
        kty (Literal['OKP'] | Unset):  Default: 'OKP'.
        crv (Literal['Ed25519'] | Unset):  Default: 'Ed25519'.
        use (Literal['sig'] | Unset):  Default: 'sig'.
        alg (Literal['EdDSA'] | Unset):  Default: 'EdDSA'.
    """

    kid: str
    x: str
    kty: Literal["OKP"] | Unset = "OKP"
    crv: Literal["Ed25519"] | Unset = "Ed25519"
    use: Literal["sig"] | Unset = "sig"
    alg: Literal["EdDSA"] | Unset = "EdDSA"
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        kid = self.kid

        x = self.x

        kty = self.kty

        crv = self.crv

        use = self.use

        alg = self.alg

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "kid": kid,
                "x": x,
            }
        )
        if kty is not UNSET:
            field_dict["kty"] = kty
        if crv is not UNSET:
            field_dict["crv"] = crv
        if use is not UNSET:
            field_dict["use"] = use
        if alg is not UNSET:
            field_dict["alg"] = alg

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        kid = d.pop("kid")

        x = d.pop("x")

        kty = cast(Literal["OKP"] | Unset, d.pop("kty", UNSET))
        if kty != "OKP" and not isinstance(kty, Unset):
            raise ValueError(f"kty must match const 'OKP', got '{kty}'")

        crv = cast(Literal["Ed25519"] | Unset, d.pop("crv", UNSET))
        if crv != "Ed25519" and not isinstance(crv, Unset):
            raise ValueError(f"crv must match const 'Ed25519', got '{crv}'")

        use = cast(Literal["sig"] | Unset, d.pop("use", UNSET))
        if use != "sig" and not isinstance(use, Unset):
            raise ValueError(f"use must match const 'sig', got '{use}'")

        alg = cast(Literal["EdDSA"] | Unset, d.pop("alg", UNSET))
        if alg != "EdDSA" and not isinstance(alg, Unset):
            raise ValueError(f"alg must match const 'EdDSA', got '{alg}'")

        json_web_key = cls(
            kid=kid,
            x=x,
            kty=kty,
            crv=crv,
            use=use,
            alg=alg,
        )

        json_web_key.additional_properties = d
        return json_web_key

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
