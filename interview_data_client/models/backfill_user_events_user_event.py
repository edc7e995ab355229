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
    from ..models.backfill_user_events_user_event_event_data_type_0 import (
        BackfillUserEventsUserEventEventDataType0,
    )


T = TypeVar("T", bound="BackfillUserEventsUserEvent")


@_attrs_define
class BackfillUserEventsUserEvent:
    """Somebody did something in the product.

    Attributes:
        timestamp (datetime.datetime): When it happened: RFC 3339 with a zone, kept in UTC to the millisecond.
        event_id (UUID): Counts once, however often it is sent.
        user_id (UUID): Who did it.
        event_type (str): What was done.
        event_data (BackfillUserEventsUserEventEventDataType0 | None | Unset): Details: any JSON object of at most 64
            KiB.
        session_id (None | Unset | UUID): The visit it belongs to, if any.
        user_agent (None | str | Unset): The client's own name.
        ip_address (None | str | Unset): IPv4, or IPv6-mapped IPv4.
    """

    timestamp: datetime.datetime
    event_id: UUID
    user_id: UUID
    event_type: str
    event_data: BackfillUserEventsUserEventEventDataType0 | None | Unset = UNSET
    session_id: None | Unset | UUID = UNSET
    user_agent: None | str | Unset = UNSET
    ip_address: None | str | Unset = UNSET

    def to_dict(self) -> dict[str, Any]:
        from ..models.backfill_user_events_user_event_event_data_type_0 import (
            BackfillUserEventsUserEventEventDataType0,
        )  # noqa: PLC0415

        timestamp = self.timestamp.isoformat()

        event_id = str(self.event_id)

        user_id = str(self.user_id)

        event_type = self.event_type

        event_data: dict[str, Any] | None | Unset
        if isinstance(self.event_data, Unset):
            event_data = UNSET
        elif isinstance(self.event_data, BackfillUserEventsUserEventEventDataType0):
            event_data = self.event_data.to_dict()
        else:
            event_data = self.event_data

        session_id: None | str | Unset
        if isinstance(self.session_id, Unset):
            session_id = UNSET
        elif isinstance(self.session_id, UUID):
            session_id = str(self.session_id)
        else:
            session_id = self.session_id

        user_agent: None | str | Unset
        if isinstance(self.user_agent, Unset):
            user_agent = UNSET
        else:
            user_agent = self.user_agent

        ip_address: None | str | Unset
        if isinstance(self.ip_address, Unset):
            ip_address = UNSET
        else:
            ip_address = self.ip_address

        field_dict: dict[str, Any] = {}

        field_dict.update(
            {
                "timestamp": timestamp,
                "event_id": event_id,
                "user_id": user_id,
                "event_type": event_type,
            }
        )
        if event_data is not UNSET:
            field_dict["event_data"] = event_data
        if session_id is not UNSET:
            field_dict["session_id"] = session_id
        if user_agent is not UNSET:
            field_dict["user_agent"] = user_agent
        if ip_address is not UNSET:
            field_dict["ip_address"] = ip_address

        return field_dict

    @classmethod
    def from_dict(cls: type[T], src_dict: Mapping[str, Any]) -> T:
        from ..models.backfill_user_events_user_event_event_data_type_0 import (
            BackfillUserEventsUserEventEventDataType0,
        )  # noqa: PLC0415

        d = dict(src_dict)
        timestamp = datetime.datetime.fromisoformat(d.pop("timestamp"))

        event_id = UUID(d.pop("event_id"))

        user_id = UUID(d.pop("user_id"))

        event_type = d.pop("event_type")

        def _parse_event_data(
            data: object,
        ) -> BackfillUserEventsUserEventEventDataType0 | None | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                event_data_type_0 = BackfillUserEventsUserEventEventDataType0.from_dict(data)

                return event_data_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(BackfillUserEventsUserEventEventDataType0 | None | Unset, data)

        event_data = _parse_event_data(d.pop("event_data", UNSET))

        def _parse_session_id(data: object) -> None | Unset | UUID:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                session_id_type_0 = UUID(data)

                return session_id_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(None | Unset | UUID, data)

        session_id = _parse_session_id(d.pop("session_id", UNSET))

        def _parse_user_agent(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        user_agent = _parse_user_agent(d.pop("user_agent", UNSET))

        def _parse_ip_address(data: object) -> None | str | Unset:
            if data is None:
                return data
            if isinstance(data, Unset):
                return data
            return cast(None | str | Unset, data)

        ip_address = _parse_ip_address(d.pop("ip_address", UNSET))

        backfill_user_events_user_event = cls(
            timestamp=timestamp,
            event_id=event_id,
            user_id=user_id,
            event_type=event_type,
            event_data=event_data,
            session_id=session_id,
            user_agent=user_agent,
            ip_address=ip_address,
        )

        return backfill_user_events_user_event
