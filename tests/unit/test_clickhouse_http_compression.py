"""Compressed bodies at the ClickHouse endpoint: every frame is read, a cut one is refused."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stores.local.clickhouse_http import bodies
from stores.local.clickhouse_http.compression import COMPRESSORS, Decompressor, choose
from stores.local.clickhouse_http.exceptions import ClickHouseException

ENCODINGS = sorted(COMPRESSORS)


def frame(encoding: str, data: bytes) -> bytes:
    compressor = COMPRESSORS[encoding](1)
    return compressor.compress(data) + compressor.flush()


@settings(max_examples=30, deadline=None)
@pytest.mark.parametrize("encoding", ENCODINGS)
@given(parts=st.lists(st.binary(max_size=3000), min_size=1, max_size=5), step=st.integers(1, 997))
def test_a_body_of_many_frames_comes_out_whole(
    encoding: str, parts: list[bytes], step: int
) -> None:
    body = b"".join(frame(encoding, part) for part in parts)
    decompressor = Decompressor(encoding)
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    plain = b"".join(decompressor.feed(piece) for piece in pieces)
    decompressor.finish()
    assert plain == b"".join(parts)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_that_ends_inside_a_frame_is_refused(encoding: str) -> None:
    body = frame(encoding, b"first") + frame(encoding, os.urandom(5000))[:-20]
    decompressor = Decompressor(encoding)
    decompressor.feed(body)
    with pytest.raises(ClickHouseException, match="ends inside a frame"):
        decompressor.finish()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_bytes_that_are_no_frame_are_refused(encoding: str) -> None:
    with pytest.raises(ClickHouseException, match="Cannot decompress"):
        Decompressor(encoding).feed(b"this was never compressed by anybody" * 10)


def test_an_unknown_encoding_is_refused() -> None:
    with pytest.raises(ClickHouseException) as refused:
        Decompressor("rot13")
    assert refused.value.code == 89


def test_the_cheapest_accepted_encoding_is_chosen() -> None:
    assert choose("gzip, deflate, lz4;q=0.5") == "lz4"
    assert choose("br") is None


def test_a_full_disk_is_an_error_of_clickhouses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = bodies.DataFile(tmp_path)
    full = os.open("/dev/full", os.O_WRONLY)
    really_write = os.write
    monkeypatch.setattr(bodies.os, "write", lambda _fd, view: really_write(full, view))
    with pytest.raises(ClickHouseException) as refused:
        data.write(b"rows")
    os.close(full)
    assert refused.value.code == 243
