"""A number's data point as senders write it: read without a call for each of its fields.

Kernels that fill columns are not inlined, and to call one costs as much as to read such a point; so
this one gives what it found. Everything else is left to `otlp_points`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.ingest.formats.scan.wire import hashed, word

OTHER, AS_DOUBLE, AS_INT = 0, 4, 6
"""What the value is, by its field's number; OTHER: the point has other fields, or another order."""

_START, _TIME, _DOUBLE, _INT, _ATTRIBUTE = 0x11, 0x19, 0x21, 0x31, 0x3A
"""First bytes of the fields: number and wire type."""
_SHORT = 128


@njit(cache=True, nogil=True)
def plain_number(body, i, end, state):  # type: ignore[no-untyped-def]
    """(value's field, its word, start ns, time ns, key) of the message at `body[i:end]`.

    Plain is: the start or none, the time, the value, then attributes shorter than 128 bytes.
    """
    start, time, value = np.int64(0), np.int64(0), np.uint64(0)
    if end - i >= 27 and body[i] == _START:
        start = np.int64(word(body, i + 1))
        i += 9
    if end - i < 18 or body[i] != _TIME or (body[i + 9] != _DOUBLE and body[i + 9] != _INT):
        return OTHER, value, start, time, state
    which = AS_DOUBLE if body[i + 9] == _DOUBLE else AS_INT
    time, value = np.int64(word(body, i + 1)), word(body, i + 10)
    i += 18
    while i < end:
        if end - i < 2 or body[i] != _ATTRIBUTE or body[i + 1] >= _SHORT:
            return OTHER, value, start, time, state
        after = i + 2 + np.int64(body[i + 1])
        if after > end:
            return OTHER, value, start, time, state
        state = hashed(state, body, i + 2, after)
        i = after
    return which, value, start, time, state
