from enum import IntEnum


class EventProblemStatus(IntEnum):
    VALUE_409 = 409
    VALUE_422 = 422

    def __str__(self) -> str:
        return str(self.value)
