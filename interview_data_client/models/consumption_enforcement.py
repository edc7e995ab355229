from enum import StrEnum


class ConsumptionEnforcement(StrEnum):
    CHECKED = "checked"
    UNCHECKED = "unchecked"

    def __str__(self) -> str:
        return str(self.value)
