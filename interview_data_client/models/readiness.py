from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..models.readiness_status import ReadinessStatus
from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
    from ..models.readiness_affected import ReadinessAffected
    from ..models.readiness_dependencies import ReadinessDependencies


T = TypeVar("T", bound="Readiness")


@_attrs_define
class Readiness:
    """Whether each store answers, and what does not work where one does not.

    Attributes:
        status (ReadinessStatus):
        dependencies (ReadinessDependencies):
        affected (ReadinessAffected | Unset): For each store that does not answer, what needs it.
    """

    status: ReadinessStatus
    dependencies: ReadinessDependencies
    affected: ReadinessAffected | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.readiness_affected import ReadinessAffected  # noqa: PLC0415
        from ..models.readiness_dependencies import ReadinessDependencies  # noqa: PLC0415

        status = self.status.value

        dependencies = self.dependencies.to_dict()

        affected: dict[str, Any] | Unset = UNSET
        if not isinstance(self.affected, Unset):
            affected = self.affected.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "status": status,
                "dependencies": dependencies,
            }
        )
        if affected is not UNSET:
            field_dict["affected"] = affected

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.readiness_affected import ReadinessAffected  # noqa: PLC0415
        from ..models.readiness_dependencies import ReadinessDependencies  # noqa: PLC0415

        d = dict(src_dict)
        status = ReadinessStatus(d.pop("status"))

        dependencies = ReadinessDependencies.from_dict(d.pop("dependencies"))

        _affected = d.pop("affected", UNSET)
        affected: ReadinessAffected | Unset
        if isinstance(_affected, Unset):
            affected = UNSET
        else:
            affected = ReadinessAffected.from_dict(_affected)

        readiness = cls(
            status=status,
            dependencies=dependencies,
            affected=affected,
        )

        readiness.additional_properties = d
        return readiness

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
