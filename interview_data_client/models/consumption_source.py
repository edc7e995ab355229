from enum import StrEnum


class ConsumptionSource(StrEnum):
    COUNTER = "counter"
    LEDGER = "ledger"

    def __str__(self) -> str:
        return str(self.value)
