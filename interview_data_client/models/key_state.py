from enum import StrEnum


class KeyState(StrEnum):
    EXPIRED = "expired"
    REVOKED = "revoked"
    WORKS = "works"

    def __str__(self) -> str:
        return str(self.value)
