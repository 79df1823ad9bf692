"""Protobuf's wire format for kernels: varints, fields, words; and a hash over bytes.

Every function answers, and none raises: an offset of -1 says that the bytes are malformed.
Source: https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import numpy as np
from numba import njit

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types; groups are not taken."""

_C1 = np.uint64(0x87C37B91114253D5)
_C2 = np.uint64(0x4CF5AD432745937F)
_C3 = np.uint64(0xFF51AFD7ED558CCD)


@njit(cache=True, nogil=True)
def word(body, i):  # type: ignore[no-untyped-def]
    """Eight bytes, little-endian."""
    j = np.uint64(i)  # an index without a sign needs no look at whether it counts from the end
    return (
        np.uint64(body[j])
        | np.uint64(body[j + np.uint64(1)]) << np.uint64(8)
        | np.uint64(body[j + np.uint64(2)]) << np.uint64(16)
        | np.uint64(body[j + np.uint64(3)]) << np.uint64(24)
        | np.uint64(body[j + np.uint64(4)]) << np.uint64(32)
        | np.uint64(body[j + np.uint64(5)]) << np.uint64(40)
        | np.uint64(body[j + np.uint64(6)]) << np.uint64(48)
        | np.uint64(body[j + np.uint64(7)]) << np.uint64(56)
    )


@njit(cache=True, nogil=True)
def mixed(state, number):  # type: ignore[no-untyped-def]
    """The hash's state after one more word."""
    number *= _C1
    number = (number << np.uint64(31)) | (number >> np.uint64(33))
    state ^= number * _C2
    state = (state << np.uint64(27)) | (state >> np.uint64(37))
    return state * np.uint64(5) + np.uint64(0x52DCE729)


@njit(cache=True, nogil=True)
def hashed(state, body, begin, end):  # type: ignore[no-untyped-def]
    """The state after `body[begin:end]` and its length."""
    i = begin
    while i + 8 <= end:
        state = mixed(state, word(body, i))
        i += 8
    rest = np.uint64(0)
    if end - begin >= 8:
        # the last word, some of it for the second time: cheaper than byte by byte
        rest = word(body, end - 8)
    else:
        while i < end:
            rest = (rest << np.uint64(8)) | np.uint64(body[i])
            i += 1
    state = mixed(mixed(state, rest), np.uint64(end - begin))
    return (state ^ (state >> np.uint64(33))) * _C3


@njit(cache=True, nogil=True)
def varint(body, i, end):  # type: ignore[no-untyped-def]
    """(value, offset after it); the offset is -1 when it does not end."""
    if i < end and body[i] < 128:
        return np.uint64(body[i]), i + 1
    value, shift = np.uint64(0), 0
    while i < end and shift < 70:
        byte = body[i]
        value |= np.uint64(byte & 127) << np.uint64(shift)
        i += 1
        if byte < 128:
            return value, i
        shift += 7
    return value, -1


@njit(cache=True, nogil=True)
def field(body, i, end):  # type: ignore[no-untyped-def]
    """(field number, wire type, begin of the payload, its end); the end is -1 when malformed."""
    tag, i = varint(body, i, end)
    if i < 0 or tag >> np.uint64(3) == 0 or tag >> np.uint64(32) != 0:
        return 0, 0, 0, -1
    number, wire = np.int64(tag >> np.uint64(3)), np.int64(tag & np.uint64(7))
    if wire == BYTES:
        length, i = varint(body, i, end)
        if i < 0 or length > np.uint64(end - i):
            return number, wire, 0, -1
        return number, wire, i, i + np.int64(length)
    if wire == VARINT:
        _, after = varint(body, i, end)
        return number, wire, i, after
    if wire == FIXED64:
        return number, wire, i, (i + 8 if i + 8 <= end else -1)
    if wire == FIXED32:
        return number, wire, i, (i + 4 if i + 4 <= end else -1)
    return number, wire, 0, -1


@njit(cache=True, nogil=True)
def short_fields(body, i, end, tag):  # type: ignore[no-untyped-def]
    """The offset after the fields that follow each other with this tag byte and lengths below 128.

    A last one that does not fit is left alone, for `field` to tell so.
    """
    j, stop = np.uint64(i), np.uint64(end)
    one, two = np.uint64(1), np.uint64(2)
    while j + two <= stop and body[j] == tag:
        length = np.uint64(body[j + one])
        if length >= np.uint64(128) or j + two + length > stop:
            break
        j += two + length
    return np.int64(j)
