from enum import StrEnum


class NumbersEnforcement(StrEnum):
    CHECKED = "checked"
    UNCHECKED = "unchecked"

    def __str__(self) -> str:
        return str(self.value)
