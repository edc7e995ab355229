from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, BinaryIO, TextIO, TYPE_CHECKING, Generator

from attrs import define as _attrs_define
from attrs import field as _attrs_field

from ..types import UNSET, Unset

from ..types import UNSET, Unset
from typing import cast
from uuid import UUID
import datetime


T = TypeVar("T", bound="TakeApiMetricsApiMetric")


@_attrs_define
class TakeApiMetricsApiMetric:
    """A service answered a request.

    Attributes:
        timestamp (datetime.datetime): When it happened: RFC 3339 with a zone, kept in UTC to the millisecond.
        request_id (UUID): Counts once, however often it is sent.
        method (str): HTTP method, in capitals.
        endpoint (str): The route, best as a template without ids.
        status_code (int): HTTP status.
        response_time_ms (int): How long the answer took.
        service_name (str): Which service answered.
        user_id (None | Unset | UUID): Who asked, if known.
    """

    timestamp: datetime.datetime
    request_id: UUID
    method: str
    endpoint: str
    status_code: int
    response_time_ms: int
    service_name: str
    user_id: None | Unset | UUID = UNSET

    def to_dict(self) -> dict[str, Any]:
        timestamp = self.timestamp.isoformat()

        request_id = str(self.request_id)

        method = self.method

        endpoint = self.endpoint

        status_code = self.status_code

        response_time_ms = self.response_time_ms

        service_name = self.service_name

        user_id: None | str | Unset
        if isinstance(self.user_id, Unset):
            user_id = UNSET
        elif isinstance(self.user_id, UUID):
            user_id = str(self.user_id)
        else:
            user_id = self.user_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "timestamp": timestamp,
                "request_id": request_id,
                "method": method,
                "endpoint": endpoint,
                "status_code": status_code,
                "response_time_ms": response_time_ms,
                "service_name": service_name,
            }
        )
        if user_id is not UNSET:
            field_dict["user_id"] = user_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        d = dict(src_dict)
        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        request_id = UUID(d.pop("request_id"))

        method = d.pop("method")

        endpoint = d.pop("endpoint")

        status_code = d.pop("status_code")

        response_time_ms = d.pop("response_time_ms")

        service_name = d.pop("service_name")

        def _parse_user_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                user_id_type_0 = UUID(data)

                return user_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        user_id = _parse_user_id(d.pop("user_id", UNSET))

        take_api_metrics_api_metric = cls(
            timestamp=timestamp,
            request_id=request_id,
            method=method,
            endpoint=endpoint,
            status_code=status_code,
            response_time_ms=response_time_ms,
            service_name=service_name,
            user_id=user_id,
        )

        return take_api_metrics_api_metric
