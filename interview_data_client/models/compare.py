from enum import StrEnum


class Compare(StrEnum):
    PREVIOUS = "previous"

    def __str__(self) -> str:
        return str(self.value)
