"""Finds the sample and comment lines of an exposition, and which of them a former body had.

A body is compared with the one before it, series bytes against series bytes: a line that stands
where it stood is known without reading its labels. What is exact stays exact: no hash decides.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from collector.ingest.formats.scan.decimal import ODD, WRONG, read_number

NO_TIMESTAMP = np.iinfo(np.int64).min
"""In the timestamp column: the line gives none."""
FURTHEST_MS = 10**18
"""A time further from 1970 than this is taken for this: no clock shows it, and int64 has room."""
LOOK_AHEAD = 8
"""How many vanished lines in a row are skipped before the rest is looked up by its bytes."""

(
    FINE,
    BAD_NAME,
    BAD_LABELS,
    BAD_VALUE,
    BAD_TIMESTAMP,
    BAD_REST,
    BAD_EXEMPLAR,
    AFTER_EOF,
    NO_EOF,
) = range(9)
"""Status of a scan; every other than FINE comes with the offset of the byte that is wrong."""

_NEWLINE, _SPACE, _TAB, _HASH, _QUOTE, _BACKSLASH = 10, 32, 9, 35, 34, 92
_OPEN, _CLOSE, _MINUS = 123, 125, 45


@njit(cache=True, nogil=True)
def _is_name_byte(byte):  # type: ignore[no-untyped-def]
    letter = byte | 32
    return 97 <= letter <= 122 or 48 <= byte <= 58 or byte == 95


@njit(cache=True, nogil=True)
def _skip_blanks(body, i):  # type: ignore[no-untyped-def]
    while body[i] == _SPACE or body[i] == _TAB:
        i += 1
    return i


@njit(cache=True, nogil=True)
def _line_end(body, i):  # type: ignore[no-untyped-def]
    while body[i] != _NEWLINE:
        i += 1
    return i


@njit(cache=True, nogil=True)
def _labels_end(body, i):  # type: ignore[no-untyped-def]
    """Offset after the `}` that closes the `{` at `i`; -1 when the line ends before it."""
    quoted = False
    i += 1
    while body[i] != _NEWLINE:
        byte = body[i]
        if quoted and byte == _BACKSLASH and body[i + 1] != _NEWLINE:
            i += 1
        elif byte == _QUOTE:
            quoted = not quoted
        elif byte == _CLOSE and not quoted:
            return i + 1
        i += 1
    return -1


@njit(cache=True, nogil=True)
def _series_end(body, i):  # type: ignore[no-untyped-def]
    """(offset after the series that begins at `i`, status)."""
    start = i
    while _is_name_byte(body[i]):
        i += 1
    if i > start and 48 <= body[start] <= 57:
        return start, BAD_NAME
    opening = _skip_blanks(body, i)
    if body[opening] == _OPEN:
        end = _labels_end(body, opening)
        return (opening, BAD_LABELS) if end < 0 else (end, FINE)
    return (i, BAD_NAME) if i == start or body[i] > 127 else (i, FINE)


@njit(cache=True, nogil=True)
def _begins_with(body, i, old, start, end):  # type: ignore[no-untyped-def]
    """Whether `body[i:]` begins with `old[start:end]` and goes on after it."""
    length = np.uint64(end - start)
    if i + (end - start) >= body.size:
        return False
    # unsigned, and without a way out: so that the compiler compares many bytes at once
    at, old_at, differing = np.uint64(i), np.uint64(start), np.uint8(0)
    for k in range(length):
        differing |= body[at + np.uint64(k)] ^ old[old_at + np.uint64(k)]
    return differing == 0


@njit(cache=True, nogil=True)
def _same_series(body, i, old, start, end):  # type: ignore[no-untyped-def]
    """Whether the series at `i` is `old[start:end]`: blanks and no labels follow."""
    length = end - start
    if not _begins_with(body, i, old, start, end):
        return False
    after = _skip_blanks(body, i + length)
    return after > i + length and body[after] != _OPEN


@njit(cache=True, nogil=True)
def _read_whole(body, i):  # type: ignore[no-untyped-def]
    """(whole number at `i`, offset after it); the offset is -1 when there is none."""
    negative = body[i] == _MINUS
    if negative:
        i += 1
    first, number = i, np.int64(0)
    while 48 <= body[i] <= 57:
        number = min(number * 10 + np.int64(body[i]) - 48, np.int64(FURTHEST_MS))
        i += 1
    return (-number if negative else number), (i if i > first else -1)


@njit(cache=True, nogil=True)
def _skip_exemplar(body, i, values, bits, spare):  # type: ignore[no-untyped-def]
    """Offset of the newline after the exemplar whose `#` is at `i`; -1 when it is malformed."""
    if body[i + 1] != _SPACE or body[i + 2] != _OPEN:
        return -1
    i = _labels_end(body, i + 2)
    if i < 0:
        return -1
    for _ in range(2):
        if body[i] != _SPACE:
            return -1
        i, status = read_number(body, i + 1, values, bits, spare)
        if status == WRONG:
            return -1
        if body[i] == _NEWLINE:
            return i
    return -1


@njit(cache=True, nogil=True)
def scan_lines(  # type: ignore[no-untyped-def]  # noqa: C901
    body, openmetrics, old, old_lines, old_comments, lines, comments, values, times, exemplars
):
    """Fill the columns; answers (status, offset, samples, comments, same, settled, odd, timed,
    noted).

    status, offset   FINE, or what is wrong and at which byte
    same             whether the comment lines are those of `old`, all and in order
    settled          likewise the series
    odd              how many numbers only `float()` can read
    timed            whether any sample has a timestamp
    noted            how many rows of `exemplars` are filled
    body, old        uint8[n], ending with a newline; `old` is the body of `old_lines`
    old_lines        int64[m, 2]: where each series of the former body begins and ends
    old_comments     int64[c, 3]: its `comments`
    lines            int64[k, 4], out: begin, end, row of the same series in `old_lines` or -1,
                     offset of a number that only `float()` can read, or -1
    comments         int64[k, 3], out: begin, end, how many samples stand before
    values           float64[k + 1], out (one spare slot); times int64[k], out
    exemplars        int64[k, 3], out: the sample, begin and end of each exemplar; OpenMetrics only
    """
    bits = values.view(np.uint64)
    spare = values.size - 1
    size = body.size
    count, notes, guess, noted, odd = 0, 0, 0, 0, 0
    same_notes, settled, timed, at_eof = True, True, False, False
    status, i = FINE, 0
    while i < size:
        begin = _skip_blanks(body, i)
        byte = body[begin]
        if byte == _NEWLINE:
            i = begin + 1
            if openmetrics:
                status, i = BAD_REST, begin
                break
            continue
        if at_eof:
            status, i = AFTER_EOF, begin
            break
        if byte == _HASH:
            i = _line_end(body, begin)
            if openmetrics and i - begin == 5 and body[begin + 2] == 69 and body[begin + 3] == 79:
                at_eof = body[begin + 4] == 70
            comments[notes, 0], comments[notes, 1], comments[notes, 2] = begin, i, count
            if same_notes:
                same_notes = (
                    notes < old_comments.shape[0]
                    and i - begin == old_comments[notes, 1] - old_comments[notes, 0]
                    and _begins_with(
                        body, begin, old, old_comments[notes, 0], old_comments[notes, 1]
                    )
                )
            notes += 1
            i += 1
            continue
        row = -1
        for k in range(guess, min(guess + LOOK_AHEAD, old_lines.shape[0])):
            if _same_series(body, begin, old, old_lines[k, 0], old_lines[k, 1]):
                row = k
                break
        if row >= 0:
            i = begin + old_lines[row, 1] - old_lines[row, 0]
            guess = row + 1
        else:
            i, status = _series_end(body, begin)
            if status != FINE:
                break
        lines[count, 0], lines[count, 1], lines[count, 2] = begin, i, row
        settled = settled and row == count
        gap = _skip_blanks(body, i)
        if openmetrics and gap != i + 1:
            status = BAD_VALUE
            break
        i, number = read_number(body, gap, values, bits, count)
        if number == WRONG or not (body[i] == _NEWLINE or body[i] == _SPACE or body[i] == _TAB):
            status, i = BAD_VALUE, gap
            break
        lines[count, 3] = gap if number == ODD else -1
        odd += number == ODD
        times[count] = NO_TIMESTAMP
        gap = _skip_blanks(body, i)
        if body[gap] != _NEWLINE and body[gap] != _HASH:
            if openmetrics:
                value = values[count]
                i, number = read_number(body, gap, values, bits, count)
                seconds, values[count] = values[count], value
                if number != 0 or not np.isfinite(seconds):
                    status, i = BAD_TIMESTAMP, gap
                    break
                ms = np.floor(seconds * 1000.0 + 0.5)
                times[count] = np.int64(min(max(ms, -float(FURTHEST_MS)), float(FURTHEST_MS)))
            else:
                times[count], i = _read_whole(body, gap)
                if i < 0:
                    status, i = BAD_TIMESTAMP, gap
                    break
            timed = True
            gap = _skip_blanks(body, i)
        if openmetrics and body[gap] == _HASH:
            i = _skip_exemplar(body, gap, values, bits, spare)
            if i < 0:
                status, i = BAD_EXEMPLAR, gap
                break
            exemplars[noted, 0], exemplars[noted, 1], exemplars[noted, 2] = count, gap, i
            noted += 1
        elif body[gap] != _NEWLINE:
            status, i = BAD_REST, gap
            break
        else:
            i = gap
        count += 1
        i += 1
    if status == FINE and openmetrics and not at_eof:
        status, i = NO_EOF, size
    same_notes = same_notes and notes == old_comments.shape[0]
    settled = settled and count == old_lines.shape[0]
    return status, i, count, notes, same_notes, settled, odd, timed, noted
