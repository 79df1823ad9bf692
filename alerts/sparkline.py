"""A picture of a burn rate: values over time as a small PNG, drawn with zlib and nothing else.

One column a pixel: the area under the curve, the curve, and a dashed line where the judge speaks.
Red above the line, blue below. Pure; a picture of 640x160 takes a few milliseconds and 1 KiB.
Format: PNG specification, third edition (W3C), colour type 3.
"""

from __future__ import annotations

import math
import struct
import zlib
from collections.abc import Mapping, Sequence

from collector.model.alert import Alert

WIDTH, HEIGHT = 640, 160
MARGIN = 8
MIN_POINTS = 2
MAX_POINTS = 1_000
"""More points than pixels say nothing; what comes beyond is cut off at the old end."""
PAPER, GRID, AREA, LINE, HOT_AREA, HOT_LINE, LIMIT = range(7)
PALETTE = (
    (255, 255, 255), (229, 231, 235), (219, 234, 254), (37, 99, 235),
    (254, 226, 226), (217, 45, 32), (107, 114, 128),
)  # fmt: skip
DASH = 12
EVIDENCE = "burn_points"
"""Key of an alert's evidence: burn rates of the last hours, oldest first, evenly spaced."""


def picture_of(alert: Alert) -> bytes | None:
    """The PNG of an alert's burn rates; None where its judge gave no points."""
    points = _numbers(alert.evidence.get(EVIDENCE))
    if len(points) < MIN_POINTS:
        return None
    limit = alert.evidence.get("burn_rate_threshold")
    known = isinstance(limit, int | float) and math.isfinite(limit)
    return draw(points, float(limit) if known else 1.0)  # type: ignore[arg-type]


def alt_text(alert: Alert) -> str:
    """What the picture shows, for those who can't see it."""
    points = _numbers(alert.evidence.get(EVIDENCE))
    if not points:
        return "burn rate"
    return f"burn rate: now {points[-1]:.3g}x, highest {max(points):.3g}x"


def draw(points: Sequence[float], limit: float, width: int = WIDTH, height: int = HEIGHT) -> bytes:
    """The PNG of finite `points`, two or more; `limit` is where the dashed line is."""
    top = max(*points, limit, 1e-9) * 1.05
    heights = [max(_at(points, x, width), 0.0) for x in range(width)]
    inner = height - 2 * MARGIN
    limit_row = _row(limit, top, inner)
    columns = [
        _column(x, _row(value, top, inner), value > limit, limit_row, height)
        for x, value in enumerate(heights)
    ]
    rows = b"".join(b"\0" + bytes(column[y] for column in columns) for y in range(height))
    return _png(rows, width, height)


def _numbers(values: object) -> list[float]:
    if isinstance(values, str | Mapping) or not isinstance(values, Sequence):
        return []
    numbers = [float(v) for v in values if isinstance(v, int | float) and math.isfinite(v)]
    return numbers[-MAX_POINTS:]


def _at(points: Sequence[float], x: int, width: int) -> float:
    """The value at a column, between its two neighbours."""
    place = x / (width - 1) * (len(points) - 1)
    left = min(int(place), len(points) - 2)
    share = place - left
    return points[left] * (1 - share) + points[left + 1] * share


def _row(value: float, top: float, inner: int) -> int:
    return MARGIN + round((1 - min(value / top, 1.0)) * (inner - 1))


def _column(x: int, row: int, hot: bool, limit_row: int, height: int) -> bytearray:
    area, line = (HOT_AREA, HOT_LINE) if hot else (AREA, LINE)
    bottom = height - MARGIN
    column = bytearray(bytes([PAPER]) * row + bytes([area]) * (bottom - row))
    column += bytes([PAPER]) * (height - len(column))
    column[bottom - 1] = GRID
    if x % DASH < DASH // 2:
        column[limit_row] = LIMIT
    for y in range(max(row - 1, 0), min(row + 2, bottom)):
        column[y] = line
    return column


def _png(rows: bytes, width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    palette = bytes(part for color in PALETTE for part in color)
    parts = (
        (b"IHDR", header),
        (b"PLTE", palette),
        (b"IDAT", zlib.compress(rows, 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
