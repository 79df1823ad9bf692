"""The course of a value as a PNG, for messages that show no SVG: Slack, e-mail.

Written with zlib and struct alone. Source: PNG specification (third edition), colour type 3
(palette), one byte a pixel, filter 0.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from collector.model.samples import Float64s

Pixels = npt.NDArray[np.uint8]

WIDTH, HEIGHT = 640, 160
MAX_SIDE = 4096
"""Enough for any screen; a mistaken argument must not take a gigabyte."""
MARGIN = 8
LINE_HALF = 1
DASH, DASH_GAP = 8, 6
SIGNATURE = b"\x89PNG\r\n\x1a\n"

GROUND, AREA, LINE, LIMIT = range(4)
PALETTE = bytes.fromhex("ffffffdce8f70b61c4b3261e")
"""Ground, area below the line, line, thresholds: readable on a light and on a dark page."""


def sparkline_png(
    values: Float64s,
    thresholds: Sequence[float] = (),
    width: int = WIDTH,
    height: int = HEIGHT,
) -> bytes:
    """PNG bytes of float64[points], evenly over the width; NaN leaves a gap, thresholds are dashed.

    Raises ValueError for a side outside 2 * MARGIN to MAX_SIDE.
    """
    if not all(2 * MARGIN < side <= MAX_SIDE for side in (width, height)):
        raise ValueError(f"a picture of {width} x {height} is not in {2 * MARGIN} to {MAX_SIDE}")
    pixels = np.full((height, width), GROUND, dtype=np.uint8)
    known = values[np.isfinite(values)]
    if len(known):
        in_view = np.array([*thresholds, float(known.min()), float(known.max())])
        in_view = in_view[np.isfinite(in_view)]
        _draw(pixels, values, float(in_view.min()), float(in_view.max()), thresholds)
    return encode(pixels, PALETTE)


def encode(pixels: Pixels, palette: bytes) -> bytes:
    """uint8[height, width] of places in the palette (RGB triples) as PNG bytes."""
    height, width = pixels.shape
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    rows = np.zeros((height, width + 1), dtype=np.uint8)
    rows[:, 1:] = pixels
    data = zlib.compress(rows.tobytes(), 9)
    chunks = ((b"IHDR", header), (b"PLTE", palette), (b"IDAT", data), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, body) for kind, body in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _draw(
    pixels: Pixels, values: Float64s, low: float, high: float, thresholds: Sequence[float]
) -> None:
    height, width = pixels.shape
    span = (high - low) or 1.0

    def rows(of: Float64s) -> Float64s:
        return np.asarray(height - MARGIN - (of - low) / span * (height - 2 * MARGIN))

    ys = rows(_per_column(values, width))
    here = np.isfinite(ys)
    before = np.where(np.isfinite(np.roll(ys, 1)), np.roll(ys, 1), ys)
    before[0] = ys[0]
    y = np.arange(height)[:, None]
    top, bottom = np.fmin(ys, before) - LINE_HALF, np.fmax(ys, before) + LINE_HALF
    pixels[(y > ys) & here & (y < height - MARGIN)] = AREA
    for threshold in thresholds:
        if np.isfinite(threshold):
            at = round(float(rows(np.array([threshold]))[0]))
            pixels[at, np.arange(width) % (DASH + DASH_GAP) < DASH] = LIMIT
    pixels[(y >= top) & (y <= bottom) & here] = LINE


def _per_column(values: Float64s, width: int) -> Float64s:
    """A value for each column, between the two points around it; NaN where one of them is."""
    if len(values) == 1:
        return np.full(width, values[0])
    at = np.linspace(0, len(values) - 1, width)
    left = np.floor(at).astype(np.int64)
    right = np.minimum(left + 1, len(values) - 1)
    share = at - left
    with np.errstate(invalid="ignore"):
        between = values[left] * (1 - share) + np.where(share > 0, values[right] * share, 0.0)
    return np.where(np.isfinite(between), between, np.nan)
