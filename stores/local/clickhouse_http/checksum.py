"""The checksum of ClickHouse's compressed blocks: CityHash128 as it was in version 1.0.2.

Belongs here: the hash alone. In plain Python it does about 15 MB of compressed data a second, which
is enough for clients that ask for such blocks; lz4 and zstd encodings of HTTP need no checksum.
"""

import struct

MASK = (1 << 64) - 1
K0, K1 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273
K2, K3 = 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
MULTIPLIER = 0x9DDFEA08EB382D69
WORD, HALF, WORDS = struct.Struct("<Q"), struct.Struct("<I"), struct.Struct("<8Q")


def _word(data: bytes, at: int) -> int:
    value: int = WORD.unpack_from(data, at)[0]
    return value


def _rotate(value: int, bits: int) -> int:
    value &= MASK
    return (value >> bits | value << (64 - bits)) & MASK


def _mix(value: int) -> int:
    value &= MASK
    return value ^ value >> 47


def _pair(first: int, second: int) -> int:
    """Two words as one."""
    second &= MASK
    one = _mix(((first & MASK) ^ second) * MULTIPLIER)
    return _mix((second ^ one) * MULTIPLIER) * MULTIPLIER & MASK


def _weak(words: tuple[int, ...], first: int, second: int) -> tuple[int, int]:
    """Four words and two seeds as two words."""
    w, x, y, z = words
    begun = first + w
    second = _rotate(second + begun + z, 21)
    first = begun + x + y
    return (first + z) & MASK, (second + _rotate(first, 44) + begun) & MASK


def _short(data: bytes) -> int:
    """Up to sixteen bytes as one word."""
    size = len(data)
    if size > 8:
        last = _word(data, size - 8)
        return _pair(_word(data, 0), _rotate(last + size, size)) ^ last
    if size >= 4:
        first, last = HALF.unpack_from(data, 0)[0], HALF.unpack_from(data, size - 4)[0]
        return _pair(size + (first << 3), last)
    if not size:
        return K2
    low = data[0] + (data[size >> 1] << 8)
    return _mix(low * K2 ^ (size + (data[-1] << 2)) * K3) * K2 & MASK


def _middling(data: bytes, a: int, b: int) -> tuple[int, int]:
    """Less than 128 bytes."""
    size = len(data)
    if size <= 16:
        a = _mix(a * K1) * K1 & MASK
        c = (b * K1 + _short(data)) & MASK
        d = _mix(a + (_word(data, 0) if size >= 8 else c))
    else:
        c = _pair(_word(data, size - 8) + K1, a)
        d = _pair(b + size, c + _word(data, size - 16))
        a += d
        for at in range(0, size - 16, 16):
            a = ((a & MASK) ^ _mix(_word(data, at) * K1) * K1) * K1 & MASK
            b = (b ^ a) & MASK
            c = (c ^ _mix(_word(data, at + 8) * K1) * K1) * K1 & MASK
            d ^= c
    a, b = _pair(a, c), _pair(d, b)
    return a ^ b, _pair(b, a)


def _long(data: bytes, x: int, y: int) -> tuple[int, int]:
    """128 bytes and more, 64 at a time."""
    size = len(data)
    z = size * K1 & MASK
    v0 = (_rotate(y ^ K1, 49) * K1 + _word(data, 0)) & MASK
    v1 = (_rotate(v0, 42) * K1 + _word(data, 8)) & MASK
    w0 = (_rotate(y + z, 35) * K1 + x) & MASK
    w1 = _rotate(x + _word(data, 88), 53) * K1 & MASK
    whole = size - size % 128
    for words in WORDS.iter_unpack(memoryview(data)[:whole]):
        x = (_rotate(x + y + v0 + words[2], 37) * K1 ^ w1) & MASK
        y = (_rotate(y + v1 + words[6], 42) * K1 ^ v0) & MASK
        z = _rotate(z ^ w0, 33)
        v0, v1 = _weak(words[:4], v1 * K1, x + w0)
        w0, w1 = _weak(words[4:], z + w1, y)
        z, x = x, z
    y += _rotate(w0, 37) * K0 + z
    x += _rotate(v0 + z, 49) * K0
    for done in range(32, size - whole + 32, 32):
        at = size - done
        words = struct.unpack_from("<4Q", data, at)
        y = _rotate(y - x, 42) * K0 + v1
        w0 += words[2]
        x = _rotate(x, 49) * K0 + w0
        w0 += v0
        v0, v1 = _weak(words, v0, v1)
    x, y = _pair(x, v0), _pair(y, w0)
    return (_pair(x + v1, w1) + y) & MASK, _pair(x + w1, y + v1)


def checksum(data: bytes) -> bytes:
    """The sixteen bytes that stand in front of a compressed block."""
    size = len(data)
    if size >= 16:
        a, b, rest = _word(data, 0) ^ K3, _word(data, 8), data[16:]
    elif size >= 8:
        a, b, rest = _word(data, 0) ^ (size * K0 & MASK), _word(data, size - 8) ^ K1, b""
    else:
        a, b, rest = K0, K1, data
    low, high = _long(rest, a, b) if len(rest) >= 128 else _middling(rest, a, b)
    return WORD.pack(low) + WORD.pack(high)
