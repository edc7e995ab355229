from enum import StrEnum


class ReservedResource(StrEnum):
    ANALYSIS = "analysis"
    INTERVIEWS = "interviews"
    STORAGE = "storage"

    def __str__(self) -> str:
        return str(self.value)
