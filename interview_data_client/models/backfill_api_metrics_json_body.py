from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast

if TYPE_CHECKING:
    from ..models.backfill_api_metrics_json_body_data import BackfillApiMetricsJsonBodyData


T = TypeVar("T", bound="BackfillApiMetricsJsonBody")


@_attrs_define
class BackfillApiMetricsJsonBody:
    """
    Attributes:
        specversion (str): `1.0`.
        id (str): Becomes `request_id`.
        source (str): Who sends it; needed by CloudEvents, not kept.
        type_ (str): `api_metrics`.
        time (str | Unset): Becomes `timestamp`.
        subject (str | Unset): Becomes `user_id`, where `data` has none.
        dataschema (str | Unset): Ends in `/v1/schemas/api_metrics/1`, if it is given.
        data (BackfillApiMetricsJsonBodyData | Unset): All other fields.
    """

    specversion: str
    id: str
    source: str
    type_: str
    time: str | Unset = UNSET
    subject: str | Unset = UNSET
    dataschema: str | Unset = UNSET
    data: BackfillApiMetricsJsonBodyData | Unset = UNSET
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        from ..models.backfill_api_metrics_json_body_data import BackfillApiMetricsJsonBodyData  # noqa: PLC0415

        specversion = self.specversion

        id = self.id

        source = self.source

        type_ = self.type_

        time = self.time

        subject = self.subject

        dataschema = self.dataschema

        data: dict[str, Any] | Unset = UNSET
        if not isinstance(self.data, Unset):
            data = self.data.to_dict()

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "specversion": specversion,
                "id": id,
                "source": source,
                "type": type_,
            }
        )
        if time is not UNSET:
            field_dict["time"] = time
        if subject is not UNSET:
            field_dict["subject"] = subject
        if dataschema is not UNSET:
            field_dict["dataschema"] = dataschema
        if data is not UNSET:
            field_dict["data"] = data

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.backfill_api_metrics_json_body_data import BackfillApiMetricsJsonBodyData  # noqa: PLC0415

        d = dict(src_dict)
        specversion = d.pop("specversion")

        id = d.pop("id")

        source = d.pop("source")

        type_ = d.pop("type")

        time = d.pop("time", UNSET)

        subject = d.pop("subject", UNSET)

        dataschema = d.pop("dataschema", UNSET)

        _data = d.pop("data", UNSET)
        data: BackfillApiMetricsJsonBodyData | Unset
        if isinstance(_data, Unset):
            data = UNSET
        else:
            data = BackfillApiMetricsJsonBodyData.from_dict(_data)

        backfill_api_metrics_json_body = cls(
            specversion=specversion,
            id=id,
            source=source,
            type_=type_,
            time=time,
            subject=subject,
            dataschema=dataschema,
            data=data,
        )

        backfill_api_metrics_json_body.additional_properties = d
        return backfill_api_metrics_json_body

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
