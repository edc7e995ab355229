from enum import StrEnum


class EventStatusStatus(StrEnum):
    COUNTED = "counted"
    RECEIVED = "received"
    REJECTED = "rejected"
    STORED = "stored"

    def __str__(self) -> str:
        return str(self.value)
