"""Request bodies on their way to the engine: read, decompressed, kept in a file.

Belongs here: taking a body in with bounded memory. An INSERT starts only once its body is whole,
so a body that is cut off, or cannot be decompressed, inserts nothing.
"""

import errno
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from python_multipart import MultipartParser
from python_multipart.multipart import parse_options_header

from stores.local.clickhouse_http.compression import Decompressor
from stores.local.clickhouse_http.exceptions import ClickHouseException, Code
from stores.local.clickhouse_http.native_blocks import NativeDecompressor
from stores.local.clickhouse_http.wire import Request, Wire

# What of a body is looked at to find its statement, before the rest goes to a file.
HEAD_BYTES = 1 << 18
# A statement without data is kept in memory; more than this is surely not SQL.
MAX_STATEMENT_BYTES = 256 << 20


def plain(
    wire: Wire, request: Request, is_native: bool, has_checksums: bool = True
) -> Iterator[bytes]:
    """The body without its compressions. Raises where a frame is broken or cut off."""
    pieces = wire.body()
    encoding = request.header("content-encoding")
    if encoding and encoding.lower() != "identity":
        pieces = _through(Decompressor(encoding), pieces)
    if is_native:
        pieces = _through(NativeDecompressor(has_checksums), pieces)
    return pieces


def _through(
    decompressor: Decompressor | NativeDecompressor, pieces: Iterator[bytes]
) -> Iterator[bytes]:
    for piece in pieces:
        data = decompressor.feed(piece)
        if data:
            yield data
    decompressor.finish()


def take(pieces: Iterator[bytes], size: int) -> bytes:
    """At least `size` bytes of the body, or all of it."""
    taken: list[bytes] = []
    length = 0
    for piece in pieces:
        taken.append(piece)
        length += len(piece)
        if length >= size:
            break
    return b"".join(taken)


def take_all(first: bytes, pieces: Iterator[bytes]) -> bytes:
    """The whole body, which must be a statement."""
    data = bytearray(first)
    for piece in pieces:
        data += piece
        if len(data) > MAX_STATEMENT_BYTES:
            raise ClickHouseException(
                229, "Code: 229. DB::Exception: The statement is too large. (QUERY_IS_TOO_LARGE)"
            )
    return bytes(data)


class DataFile:
    """Data for the engine in a file without a name: nothing is left behind after a crash."""

    def __init__(self, folder: Path) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  lives longer
        self.size = 0

    def write(self, data: bytes | memoryview) -> None:
        """Append. A full disk is an error of ClickHouse's."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._file.fileno(), view) :]
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise ClickHouseException(
                    Code.NOT_ENOUGH_SPACE, "No space left for the data of this request"
                ) from error
            raise
        self.size += len(data)

    @property
    def path(self) -> str:
        """A name by which the engine, in this process, can open the file."""
        return f"/dev/fd/{self._file.fileno()}"

    def read(self) -> bytes:
        """Everything, for what must be in memory."""
        return os.pread(self._file.fileno(), self.size, 0)

    def chunks(self, size: int) -> Iterator[bytes]:
        """Everything, piece by piece."""
        at = 0
        while data := os.pread(self._file.fileno(), size, at):
            at += len(data)
            yield data

    def close(self) -> None:
        """Give the space back."""
        self._file.close()


def into_file(folder: Path, first: bytes, pieces: Iterator[bytes]) -> DataFile:
    """The rest of a body as a file."""
    data = DataFile(folder)
    try:
        if first:
            data.write(first)
        for piece in pieces:
            data.write(piece)
    except BaseException:
        data.close()
        raise
    return data


@dataclass
class Form:
    """A multipart form: fields, and files, which are external tables."""

    fields: dict[str, str] = field(default_factory=dict)
    files: dict[str, DataFile] = field(default_factory=dict)

    def close(self) -> None:
        """Give the files back."""
        for data in self.files.values():
            data.close()


class FormReader:
    """Reads a multipart form piece by piece."""

    def __init__(self, folder: Path, boundary: bytes) -> None:
        self._folder = folder
        self.form = Form()
        self._header, self._value = b"", b""
        self._name, self._is_file = "", False
        self._text = bytearray()
        self._ended = False
        callbacks: Any = {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }
        self._parser = MultipartParser(boundary, callbacks)

    def read(self, pieces: Iterator[bytes]) -> Form:
        """The whole form."""
        try:
            for piece in pieces:
                self._parser.write(piece)
            if not self._ended:
                raise ClickHouseException(Code.INCORRECT_DATA, "The multipart form is cut off")
        except ValueError as error:
            self.form.close()
            raise ClickHouseException(Code.INCORRECT_DATA, f"Multipart form: {error}") from None
        except BaseException:
            self.form.close()
            raise
        return self.form

    def _part_begin(self) -> None:
        self._header, self._value = b"", b""
        self._name, self._is_file = "", False
        self._text = bytearray()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            self._name = options.get(b"name", b"_data").decode("utf-8", "surrogateescape")
            self._is_file = b"filename" in options
            if self._is_file:
                self.form.files[self._name] = DataFile(self._folder)
        self._header, self._value = b"", b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._is_file:
            self.form.files[self._name].write(data[start:end])
        else:
            self._text += data[start:end]

    def _part_end(self) -> None:
        if not self._is_file:
            self.form.fields[self._name] = self._text.decode("utf-8", "surrogateescape")

    def _end(self) -> None:
        self._ended = True


def read_form(folder: Path, content_type: str, pieces: Iterator[bytes]) -> Form:
    """The multipart form in `pieces`."""
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary:
        raise ClickHouseException(Code.INCORRECT_DATA, "The multipart form names no boundary")
    return FormReader(folder, boundary).read(pieces)
