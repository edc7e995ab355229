from enum import StrEnum


class NumbersSource(StrEnum):
    COUNTER = "counter"
    LEDGER = "ledger"

    def __str__(self) -> str:
        return str(self.value)
