import struct
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.render.png import (
    AREA,
    GROUND,
    HEIGHT,
    LIMIT,
    LINE,
    MARGIN,
    MAX_SIDE,
    PALETTE,
    SIGNATURE,
    WIDTH,
    encode,
    sparkline_png,
)

FLOATS = st.one_of(st.just(float("nan")), st.floats(-1e300, 1e300), st.just(float("inf")))


def decode(png: bytes) -> npt.NDArray[np.uint8]:
    """A reader of its own: checks every length and checksum, undoes filter 0."""
    assert png.startswith(SIGNATURE)
    at, chunks = len(SIGNATURE), {}
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        (crc,) = struct.unpack(">I", png[at + 8 + size : at + 12 + size])
        assert crc == zlib.crc32(kind + body)
        chunks[kind] = body
        at += 12 + size
    assert list(chunks) == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    width, height, depth, colour, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour, rest) == (8, 3, [0, 0, 0])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)
    assert not rows[:, 0].any()
    assert rows[:, 1:].max() < len(chunks[b"PLTE"]) / 3
    return rows[:, 1:]


def test_what_was_encoded_can_be_read() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4) % 4
    assert np.array_equal(decode(encode(pixels, PALETTE)), pixels)


def test_the_line_rises_with_the_value() -> None:
    pixels = decode(sparkline_png(np.linspace(0, 1, 50)))
    middles = [np.flatnonzero(pixels[:, x] == LINE).mean() for x in (10, 300, 630)]
    assert middles == sorted(middles, reverse=True)
    assert pixels.shape == (HEIGHT, WIDTH)
    assert pixels[HEIGHT - MARGIN - 2, 630] == AREA


def test_a_gap_stays_empty() -> None:
    pixels = decode(sparkline_png(np.array([1, 2, 3, np.nan, np.nan, 3, 2, 1.0])))
    assert not (pixels[:, WIDTH // 2] == LINE).any()
    assert (pixels[:, 10] == LINE).any()
    assert (pixels[:, -10] == LINE).any()


def test_a_threshold_is_dashed_and_in_view_even_far_above() -> None:
    pixels = decode(sparkline_png(np.array([1.0, 1.0, 1.0]), [14.4]))
    dashes = np.flatnonzero(pixels[MARGIN] == LIMIT)
    assert 0 < len(dashes) < WIDTH


def test_without_a_value_the_ground_is_all_there_is() -> None:
    for values in (np.array([]), np.array([np.nan, np.inf])):
        assert (decode(sparkline_png(values, [1.0])) == GROUND).all()


@given(st.lists(FLOATS, max_size=40), st.lists(FLOATS, max_size=3))
def test_any_data_gives_a_picture_that_can_be_read(
    values: list[float], thresholds: list[float]
) -> None:
    pixels = decode(sparkline_png(np.array(values, dtype=np.float64), thresholds, 64, 32))
    assert pixels.shape == (32, 64)


@pytest.mark.parametrize(("width", "height"), [(MAX_SIDE + 1, 100), (100, 10), (0, 0)])
def test_a_side_beyond_reason_is_refused(width: int, height: int) -> None:
    with pytest.raises(ValueError, match="is not in"):
        sparkline_png(np.array([1.0]), width=width, height=height)
