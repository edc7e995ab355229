"""ClickHouse's error codes: the exception a request ends with, its text and HTTP status.

Belongs here: codes and their mapping. Who raises and who answers is elsewhere.
"""

import re
from enum import IntEnum


class Code(IntEnum):
    """The codes this endpoint itself raises; the engine's own come with their names."""

    ATTEMPT_TO_READ_AFTER_EOF = 32
    BAD_ARGUMENTS = 36
    CHECKSUM_DOESNT_MATCH = 40
    NOT_IMPLEMENTED = 48
    UNKNOWN_TABLE = 60
    SYNTAX_ERROR = 62
    UNKNOWN_COMPRESSION_METHOD = 89
    UNKNOWN_SETTING = 115
    INCORRECT_DATA = 117
    READONLY = 164
    REQUIRED_PASSWORD = 194
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216
    NOT_ENOUGH_SPACE = 243
    CANNOT_DECOMPRESS = 271
    SESSION_NOT_FOUND = 372
    SESSION_IS_LOCKED = 373
    INVALID_SESSION_TIMEOUT = 374
    QUERY_WAS_CANCELLED = 394
    ACCESS_DENIED = 497
    UNKNOWN_ROLE = 511
    AUTHENTICATION_FAILED = 516
    UNKNOWN_EXCEPTION = 1002


# Which status a server answers for which codes; every other code is a 500.
CODES_BY_STATUS: dict[int, tuple[int, ...]] = {
    400: (
        *(6, 8, 15, 25, 26, 27, 36, 37, 38, 41, 44, 53, 62, 72, 117, 123, 167, 168, 223),
        *(321, 376, 427, 441, 675, 676),
    ),
    401: (194,),
    403: (192, 193, 497, 512, 516),
    404: (46, 47, 50, 56, 60, 63, 73, 78, 81, 115, 152, 336, 511),
    408: (159,),
    411: (381,),
    413: (229,),
    415: (779,),
    501: (48,),
    503: (76, 209, 439),
}
STATUS_BY_CODE = {code: status for status, codes in CODES_BY_STATUS.items() for code in codes}
ENGINE_MESSAGE = re.compile(r"Code: (\d+)\. DB::Exception: ")


class ClickHouseException(Exception):
    """What a ClickHouse server would throw. `message` may already be a server's whole text."""

    def __init__(self, code: int, message: str) -> None:
        self.code = int(code)
        self.message = message
        super().__init__(message)

    def status(self) -> int:
        """The HTTP status a server answers for this code."""
        return STATUS_BY_CODE.get(self.code, 500)

    def text(self, version: str) -> str:
        """The body of the answer, in the form of a server's."""
        message = self.message
        if not message.startswith("Code: "):
            message = f"Code: {self.code}. DB::Exception: {message} ({Code(self.code).name})"
        return f"{message} (version {version} (official build))"


def from_engine(error: BaseException) -> ClickHouseException:
    """The exception behind an error that chDB raised."""
    if isinstance(error, ClickHouseException):
        return error
    text = str(error)
    found = ENGINE_MESSAGE.search(text)
    if found is None:
        return ClickHouseException(Code.UNKNOWN_EXCEPTION, text or type(error).__name__)
    return ClickHouseException(int(found.group(1)), text[found.start() :].rstrip())
