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

if TYPE_CHECKING:
    from ..models.backfill_interview_metrics_interview_metric_dimensions_type_0 import (
        BackfillInterviewMetricsInterviewMetricDimensionsType0,
    )


T = TypeVar("T", bound="BackfillInterviewMetricsInterviewMetric")


@_attrs_define
class BackfillInterviewMetricsInterviewMetric:
    """A number measured about an interview.

    Attributes:
        timestamp (datetime.datetime): When it happened: RFC 3339 with a zone, kept in UTC to the millisecond.
        interview_id (UUID): The interview measured.
        user_id (UUID): Whose interview it is.
        metric_name (str): What was measured.
        metric_value (float): The value, a finite number.
        dimensions (BackfillInterviewMetricsInterviewMetricDimensionsType0 | None | Unset): Texts by which the value can
            be broken down.
        metric_id (None | Unset | UUID): Counts once. If absent, derived from all other fields.
    """

    timestamp: datetime.datetime
    interview_id: UUID
    user_id: UUID
    metric_name: str
    metric_value: float
    dimensions: BackfillInterviewMetricsInterviewMetricDimensionsType0 | None | Unset = UNSET
    metric_id: None | Unset | UUID = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.backfill_interview_metrics_interview_metric_dimensions_type_0 import (
            BackfillInterviewMetricsInterviewMetricDimensionsType0,
        )  # noqa: PLC0415

        timestamp = self.timestamp.isoformat()

        interview_id = str(self.interview_id)

        user_id = str(self.user_id)

        metric_name = self.metric_name

        metric_value = self.metric_value

        dimensions: dict[str, Any] | None | Unset
        if isinstance(self.dimensions, Unset):
            dimensions = UNSET
        elif isinstance(self.dimensions, BackfillInterviewMetricsInterviewMetricDimensionsType0):
            dimensions = self.dimensions.to_dict()
        else:
            dimensions = self.dimensions

        metric_id: None | str | Unset
        if isinstance(self.metric_id, Unset):
            metric_id = UNSET
        elif isinstance(self.metric_id, UUID):
            metric_id = str(self.metric_id)
        else:
            metric_id = self.metric_id

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "timestamp": timestamp,
                "interview_id": interview_id,
                "user_id": user_id,
                "metric_name": metric_name,
                "metric_value": metric_value,
            }
        )
        if dimensions is not UNSET:
            field_dict["dimensions"] = dimensions
        if metric_id is not UNSET:
            field_dict["metric_id"] = metric_id

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.backfill_interview_metrics_interview_metric_dimensions_type_0 import (
            BackfillInterviewMetricsInterviewMetricDimensionsType0,
        )  # noqa: PLC0415

        d = dict(src_dict)
        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        interview_id = UUID(d.pop("interview_id"))

        user_id = UUID(d.pop("user_id"))

        metric_name = d.pop("metric_name")

        metric_value = d.pop("metric_value")

        def _parse_dimensions(
            data: object,
        ) -> BackfillInterviewMetricsInterviewMetricDimensionsType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                dimensions_type_0 = (
                    BackfillInterviewMetricsInterviewMetricDimensionsType0.from_dict(data)
                )

                return dimensions_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(BackfillInterviewMetricsInterviewMetricDimensionsType0 | None | Unset, data)

        dimensions = _parse_dimensions(d.pop("dimensions", UNSET))

        def _parse_metric_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                metric_id_type_0 = UUID(data)

                return metric_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        metric_id = _parse_metric_id(d.pop("metric_id", UNSET))

        backfill_interview_metrics_interview_metric = cls(
            timestamp=timestamp,
            interview_id=interview_id,
            user_id=user_id,
            metric_name=metric_name,
            metric_value=metric_value,
            dimensions=dimensions,
            metric_id=metric_id,
        )

        return backfill_interview_metrics_interview_metric
