from enum import StrEnum


class ConsumptionResource(StrEnum):
    ANALYSIS = "analysis"
    INTERVIEWS = "interviews"
    STORAGE = "storage"

    def __str__(self) -> str:
        return str(self.value)
