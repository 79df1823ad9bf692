"""What is exported and imported again is the same, in every format, whatever the samples are."""

from __future__ import annotations

import string
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.interchange import ENDINGS, READERS, WRITERS, openmetrics
from collector.model.errors import InputError
from collector.model.histogram_columns import columns
from collector.model.histograms import NativeHistogram
from collector.model.labels import Labels
from collector.model.samples import MISSING, NORMAL_NAN_BITS, STALE, Float64s

NAMES = st.text(string.ascii_letters + "_", min_size=1, max_size=5)
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=6)
SERIES = st.builds(
    lambda name, labels: Labels([("__name__", name), *labels.items()]),
    NAMES,
    st.dictionaries(NAMES.map(lambda name: "l" + name), TEXTS.filter(bool), max_size=3),
)
NORMAL_NAN = float(np.array([NORMAL_NAN_BITS]).view(np.float64)[0])
VALUES = st.one_of(
    st.floats(allow_nan=False), st.sampled_from([STALE, MISSING, NORMAL_NAN, np.inf, -np.inf, -0.0])
)
Content = dict[tuple[Labels, int], int]


def content(labels: list[Labels], times: list[int], values: Float64s) -> Content:
    bits = values.view(np.int64)
    return {
        (one, at): int(bits[i, j])
        for i, one in enumerate(labels)
        for j, at in enumerate(times)
        if bits[i, j] != np.array([MISSING]).view(np.int64)[0]
    }


def through(kind: str, labels: list[Labels], times: list[int], values: Float64s) -> Content:
    with TemporaryDirectory() as name:
        path = Path(name) / "file"
        writer = WRITERS[kind](path)
        writer.add(labels, np.array(times, np.int64), values)
        writer.close()
        found: Content = {}
        for piece in READERS[kind](path):
            for i, at, bits in zip(
                piece.series.tolist(),
                piece.timestamps_ms.tolist(),
                piece.values.view(np.int64).tolist(),
                strict=True,
            ):
                found[piece.labels[i], at] = bits
        return found


@st.composite
def some_samples(draw: st.DrawFn) -> tuple[list[Labels], list[int], Float64s]:
    labels = draw(st.lists(SERIES, min_size=1, max_size=4, unique=True))
    times = sorted(draw(st.sets(st.integers(0, 4 * 10**12), min_size=1, max_size=4)))
    rows = st.lists(VALUES, min_size=len(times), max_size=len(times))
    return labels, times, np.array([draw(rows) for _ in labels])


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@settings(max_examples=60, deadline=None)
@given(samples=some_samples())
def test_tables_keep_every_bit(
    kind: str, samples: tuple[list[Labels], list[int], Float64s]
) -> None:
    assert through(kind, *samples) == content(*samples)


@settings(max_examples=60, deadline=None)
@given(samples=some_samples())
def test_openmetrics_keeps_all_but_stale_markers(
    samples: tuple[list[Labels], list[int], Float64s],
) -> None:
    stale = int(np.array([STALE]).view(np.int64)[0])
    expected = {key: bits for key, bits in content(*samples).items() if bits != stale}
    assert through("openmetrics", *samples) == expected


@pytest.mark.parametrize("kind", sorted(READERS))
def test_native_histograms_come_back(kind: str) -> None:
    histogram = NativeHistogram(3, 12.0, 3.5, 1e-128, 2.0, ((-1, 4.0), (7, 6.0)))
    parts = columns(Labels.of("h", job="a"), histogram)
    labels, values = [one for one, _ in parts], np.array([[value] for _, value in parts])
    assert through(kind, labels, [1000], values) == content(labels, [1000], values)


def test_every_reader_has_its_writer_and_an_ending() -> None:
    assert set(READERS) == set(WRITERS) == set(ENDINGS.values())


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("csv", "name,value\nx,1\n", "no column labels, timestamp"),
        ("csv", "name,labels,timestamp,value\nx,,now,1\n", "now"),
        ("csv", "name,labels,timestamp,value\nx,,1,high\n", "high"),
        ("csv", "name,labels,timestamp,value\n,,1,1\n", "no series"),
        ("csv", "name,labels,timestamp,value\nx,{,1,1\n", "Expecting"),
        ("csv", 'name,labels,timestamp,value\nx,"{""a"": 1}",1,1\n', "must be strings"),
        ("csv", "name,labels,timestamp,value\nx,,1,1\nx,,2,1\nx,{,3,1\nx,,4,1\n", "file:4: "),
        ("csv", "name,labels,timestamp,value\nx,,1,1\nx,,now,1\nx,{,3,1\n", "file:3: "),
        ("csv", "name,labels,timestamp,value\nx,,1,1\nx,,2,1\nx,,3,high\n", "file:4: "),
        ("openmetrics", "x 1 1\ny 2\n# EOF\n", "without a timestamp"),
        ("openmetrics", "x 1 1\nx 2 2\n", "file:3: the body ends without # EOF"),
        ("openmetrics", "x 1 1\n# EOF\nx 2 2\n# EOF\n", "file:3: a line after # EOF"),
        ("openmetrics", "", "without # EOF"),
        ("openmetrics", "x 1 1\n}{ 2\n", "file:2: no metric name"),
        ("parquet", "PAR1", "small|Parquet|magic"),
    ],
)
def test_a_file_that_is_wrong_is_named_with_what_is_wrong(
    tmp_path: Path, kind: str, text: str, message: str
) -> None:
    path = tmp_path / "file"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as raised:
        list(READERS[kind](path))
    assert str(path) in str(raised.value)


def test_a_comment_that_ends_like_a_file_is_a_comment(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("# HELP x Reads up to # EOF\nx 1 1\nx 2 2\n# EOF\n")
    (piece,) = READERS["openmetrics"](path)
    assert piece.values.tolist() == [1, 2]


def test_lines_are_counted_over_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openmetrics, "PIECE_BYTES", 10)
    path = tmp_path / "file"
    path.write_text("x 1 1\nx 2 2\nx 3 3\nx 4 4\nx oops 5\n# EOF\n")
    with pytest.raises(InputError, match="file:5: no number"):
        list(READERS["openmetrics"](path))
    path.write_text("x 1 1\nx 2 2\nx 3 3\nx 4 4\n# EOF\n")
    pieces = list(READERS["openmetrics"](path))
    assert [value for piece in pieces for value in piece.values.tolist()] == [1, 2, 3, 4]


def test_times_may_be_milliseconds_or_rfc_3339(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for text in ("1700000000500", "2023-11-14T22:13:20.5Z", "2023-11-14T23:13:20.500+01:00"):
        path.write_text(f"value,timestamp,name,labels\n1,{text},x,\n")
        (piece,) = READERS["csv"](path)
        assert piece.timestamps_ms.tolist() == [1_700_000_000_500]
