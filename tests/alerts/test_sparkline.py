"""The picture is a PNG that a decoder of its own accepts, red where the burn was above the line."""

from __future__ import annotations

import struct
import zlib

from hypothesis import given
from hypothesis import strategies as st

from alerts.sparkline import (
    EVIDENCE,
    HEIGHT,
    HOT_LINE,
    LINE,
    WIDTH,
    alt_text,
    draw,
    picture_of,
)
from collector.model import Alert, Labels


def decoded(png: bytes) -> list[bytes]:
    """Rows of palette indices; every checksum is checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, data = 8, b""
    kinds = []
    while at < len(png):
        (size,) = struct.unpack(">I", png[at : at + 4])
        kind, body = png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        assert struct.unpack(">I", png[at + 8 + size : at + 12 + size])[0] == zlib.crc32(
            kind + body
        )
        kinds.append(kind)
        if kind == b"IHDR":
            assert struct.unpack(">IIBBBBB", body) == (WIDTH, HEIGHT, 8, 3, 0, 0, 0)
        data += body if kind == b"IDAT" else b""
        at += 12 + size
    assert kinds == [b"IHDR", b"PLTE", b"IDAT", b"IEND"]
    raw = zlib.decompress(data)
    rows = [raw[y * (WIDTH + 1) : (y + 1) * (WIDTH + 1)] for y in range(HEIGHT)]
    assert all(row[0] == 0 for row in rows)
    return [row[1:] for row in rows]


def test_below_the_limit_it_is_blue_and_above_it_red() -> None:
    rows = decoded(draw([0.0, 0.0, 20.0, 20.0], limit=10.0))
    left = {row[10] for row in rows}
    right = {row[WIDTH - 10] for row in rows}
    assert LINE in left
    assert HOT_LINE not in left
    assert HOT_LINE in right
    assert LINE not in right


def test_a_higher_value_is_higher_up() -> None:
    rows = decoded(draw([1.0, 5.0], limit=100.0))
    first = next(y for y, row in enumerate(rows) if row[0] == LINE)
    last = next(y for y, row in enumerate(rows) if row[WIDTH - 1] == LINE)
    assert last < first


@given(
    st.lists(st.floats(-1e300, 1e300), min_size=2, max_size=50),
    st.floats(0, 1e300),
)
def test_any_numbers_make_a_picture(points: list[float], limit: float) -> None:
    decoded(draw(points, limit))


def alert(**evidence: object) -> Alert:
    return Alert(Labels({"alertname": "X"}), evidence=evidence)  # type: ignore[arg-type]


def test_without_points_there_is_no_picture() -> None:
    for points in (None, "12", {"a": 1}, [], [1.0], [float("nan"), True]):
        assert picture_of(alert(**{EVIDENCE: points})) is None


def test_the_picture_has_words() -> None:
    assert alt_text(alert(**{EVIDENCE: [1, 14.42, 7]})) == "burn rate: now 7x, highest 14.4x"
    assert picture_of(alert(**{EVIDENCE: [1, 14.42, 7], "burn_rate_threshold": 6.0})) is not None
