from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from typing import cast
import datetime


T = TypeVar("T", bound="ApiHealth")


@_attrs_define
class ApiHealth:
    """One hour of one endpoint.

    Attributes:
        hour (datetime.datetime):
        service_name (str):
        method (str):
        endpoint (str):
        request_count (int):
        client_error_count (int): Answered 400 to 499.
        server_error_count (int): Answered 500 and above.
        response_time_ms_p50 (float):
        response_time_ms_p95 (float):
        response_time_ms_p99 (float):
    """

    hour: datetime.datetime
    service_name: str
    method: str
    endpoint: str
    request_count: int
    client_error_count: int
    server_error_count: int
    response_time_ms_p50: float
    response_time_ms_p95: float
    response_time_ms_p99: float
    additional_properties: dict[str, Any] = _attrs_field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        hour = self.hour.isoformat()

        service_name = self.service_name

        method = self.method

        endpoint = self.endpoint

        request_count = self.request_count

        client_error_count = self.client_error_count

        server_error_count = self.server_error_count

        response_time_ms_p50 = self.response_time_ms_p50

        response_time_ms_p95 = self.response_time_ms_p95

        response_time_ms_p99 = self.response_time_ms_p99

        field_dict: dict[str, Any] = {}
        field_dict.update(self.additional_properties)
        field_dict.update(
            {
                "hour": hour,
                "service_name": service_name,
                "method": method,
                "endpoint": endpoint,
                "request_count": request_count,
                "client_error_count": client_error_count,
                "server_error_count": server_error_count,
                "response_time_ms_p50": response_time_ms_p50,
                "response_time_ms_p95": response_time_ms_p95,
                "response_time_ms_p99": response_time_ms_p99,
            }
        )

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        hour = datetime.datetime.fromisoformat(d.pop("hour"))

        service_name = d.pop("service_name")

        method = d.pop("method")

        endpoint = d.pop("endpoint")

        request_count = d.pop("request_count")

        client_error_count = d.pop("client_error_count")

        server_error_count = d.pop("server_error_count")

        response_time_ms_p50 = d.pop("response_time_ms_p50")

        response_time_ms_p95 = d.pop("response_time_ms_p95")

        response_time_ms_p99 = d.pop("response_time_ms_p99")

        api_health = cls(
            hour=hour,
            service_name=service_name,
            method=method,
            endpoint=endpoint,
            request_count=request_count,
            client_error_count=client_error_count,
            server_error_count=server_error_count,
            response_time_ms_p50=response_time_ms_p50,
            response_time_ms_p95=response_time_ms_p95,
            response_time_ms_p99=response_time_ms_p99,
        )

        api_health.additional_properties = d
        return api_health

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
