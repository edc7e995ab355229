from enum import StrEnum


class Resource(StrEnum):
    ANALYSIS = "analysis"
    INTERVIEWS = "interviews"
    STORAGE = "storage"

    def __str__(self) -> str:
        return str(self.value)
