"""The reference is protobuf's own library; the scanner must say what it says, faster."""

import contextlib
import math
import random
import struct

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.ingest.formats import remote_write
from collector.ingest.formats.remote_write import Request, SeriesReader
from collector.ingest.formats.remote_write_messages import V1
from collector.ingest.limits import MAX_REMOTE_WRITE_BODY_BYTES
from collector.model.errors import InputError, LimitError
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import MISSING_BITS, STALE, STALE_BITS
from tests.oracles.remote_write_requests import Series, encode, packed, read

NAMES = st.sampled_from(["__name__", "a", "job", "instance", "le", "naïve.name", "z"])
LABELS = st.dictionaries(NAMES, st.text(max_size=12), max_size=5)
TIMES = st.integers(-(2**63), 2**63 - 1)
SAMPLES = st.lists(st.tuples(TIMES, st.floats(), TIMES), max_size=4)
SERIES = st.builds(
    Series,
    labels=LABELS,
    samples=SAMPLES,
    exemplars=st.lists(st.tuples(LABELS, st.floats(), TIMES), max_size=2),
)
REQUESTS = st.lists(SERIES, max_size=6)
VERSIONS = st.sampled_from([1, 2])


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    for version in (1, 2):
        scan(version, b"")


def scan(version: int, raw: bytes) -> Request:
    return remote_write.scan(np.frombuffer(raw, dtype=np.uint8), version)


def samples(request: Request) -> list[list[tuple]]:
    found: list[list[tuple]] = [[] for _ in request.series]
    columns = (request.owners, request.timestamps_ms, request.values, request.start_ms)
    for owner, time, value, start in zip(*(column.tolist() for column in columns), strict=True):
        found[owner].append((time, value, start))
    return found


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 127:
        found.append(number & 127 | 128)
        number >>= 7
    return bytes([*found, number])


def same(one: list[tuple], other: list[tuple]) -> bool:
    return len(one) == len(other) and all(
        a[0] == b[0] and a[2] == b[2] and (a[1] == b[1] or (math.isnan(a[1]) and math.isnan(b[1])))
        for a, b in zip(one, other, strict=True)
    )


def assert_same(version: int, raw: bytes) -> None:
    request = scan(version, raw)
    reference = read(version, raw)
    assert len(request.series) == len(reference)
    for ours, (_, theirs) in zip(samples(request), reference, strict=True):
        assert same(ours, theirs)
    for one in range(len(reference)):
        for other in range(one):
            labels = reference[one][0], reference[other][0]
            assert (request.keys[one] == request.keys[other]) == (labels[0] == labels[1])


@settings(deadline=None)
@given(VERSIONS, REQUESTS)
def test_finds_what_protobuf_finds_and_equal_keys_for_equal_labels(
    version: int, series: list[Series]
) -> None:
    assert_same(version, encode(version, series))


@settings(deadline=None)
@given(VERSIONS, st.lists(SERIES, min_size=1, max_size=3), st.data())
def test_a_damaged_request_is_refused_or_read_as_protobuf_reads_it(
    version: int, series: list[Series], data: st.DataObject
) -> None:
    raw = bytearray(encode(version, series))
    for _ in range(data.draw(st.integers(1, 3))):
        if raw:
            raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    body = bytes(raw[: data.draw(st.integers(0, len(raw)))])
    try:
        request = scan(version, body)
    except InputError:
        return
    with contextlib.suppress(DecodeError, IndexError, ValueError):
        for ours, (_, theirs) in zip(samples(request), read(version, body), strict=True):
            assert same(ours, theirs)
    reader = SeriesReader(request)
    for row in range(len(request.series)):
        with contextlib.suppress(InputError):
            labels = reader.labels(row)
            reader.exemplars(row, labels)
            reader.histograms(row)
            reader.metadata(row)


@settings(deadline=None)
@given(VERSIONS, st.binary(max_size=80))
def test_garbage_is_refused_or_read_and_never_anything_else(version: int, body: bytes) -> None:
    with contextlib.suppress(InputError):
        scan(version, body)


@pytest.mark.parametrize("version", [1, 2])
def test_many_samples_of_one_series_are_all_found(version: int) -> None:
    rows = [(1_700_000_000_000 + i, float(i), 0) for i in range(5_000)]
    request = scan(version, encode(version, [Series({"__name__": "x"}, rows)]))
    assert samples(request) == [rows]


@pytest.mark.parametrize("version", [1, 2])
def test_a_stale_marker_stays_one_and_no_other_nan_becomes_a_marker(version: int) -> None:
    missing = float(np.array([MISSING_BITS], dtype=np.int64).view(np.float64)[0])
    one = Series({"__name__": "x"}, [(1, STALE, 0), (2, missing, 0), (3, math.nan, 0)])
    bits = scan(version, encode(version, [one])).values.view(np.int64).tolist()
    assert bits[0] == STALE_BITS
    assert MISSING_BITS not in bits
    assert STALE_BITS not in bits[1:]


VALUE = st.floats().map(lambda value: b"\x09" + struct.pack("<d", value))
TIME = TIMES.map(lambda time: b"\x10" + varint(time & (1 << 64) - 1))
START = TIMES.map(lambda time: b"\x18" + varint(time & (1 << 64) - 1))
OTHER = st.sampled_from([b"\x22\x01x", b"\x2d1234", b"\x10\x81\x00", b"\x90\x00\x05"])


@settings(deadline=None)
@given(VERSIONS, st.lists(st.one_of(VALUE, TIME, START, OTHER), max_size=4), st.booleans())
def test_a_sample_is_read_in_whatever_order_its_fields_come(
    version: int, fields: list[bytes], is_long: bool
) -> None:
    sample = b"".join(fields)
    length = varint(len(sample))
    if is_long:
        length = bytes([length[0] | 0x80]) + b"\x00"
    series = encode(version, [Series({"__name__": "x"})])
    at, added = 1, b"\x12" + length + sample
    if version == 2:
        at = series.index(b"\x2a") + 1
    raw = series[:at] + bytes([series[at] + len(added)]) + series[at + 1 :] + added
    assert_same(version, raw)


def test_a_sample_that_says_it_is_longer_than_its_series_is_refused() -> None:
    sample = b"\x09" + struct.pack("<d", 1.5) + b"\x10\x07"
    for length in (len(sample) + 1, 127):
        added = b"\x12" + bytes([length]) + sample
        with pytest.raises(InputError):
            scan(1, b"\x0a" + bytes([len(added)]) + added + b"\x0a\x00" * 99)


@pytest.mark.parametrize("length", [1, 126, 127, 128, 129, 20_000])
def test_labels_of_any_length_make_the_key(length: int) -> None:
    names = [{"__name__": "x", "a": "y" * length + end, "z": "z"} for end in ("", "1", "2")]
    assert_same(1, encode(1, [Series(labels, [(1, 1.5, 0)]) for labels in [*names, *names]]))


def test_labels_between_samples_are_labels_too() -> None:
    label, sample = V1["Label"], V1["Sample"]
    parts = [
        (1, label(name="__name__", value="x")),
        (2, sample(value=1, timestamp=2)),
        (1, label(name="a", value="b")),
    ]
    inner = b"".join(
        bytes([number << 3 | 2, len(raw)]) + raw
        for number, raw in ((number, one.SerializeToString()) for number, one in parts)
    )
    request = scan(1, bytes([10, len(inner)]) + inner)
    assert SeriesReader(request).labels(0) == Labels.of("x", a="b")
    assert samples(request) == [[(2, 1.0, 0)]]


def test_a_start_for_the_whole_series_holds_for_samples_without_one() -> None:
    raw = bytearray(encode(2, [Series({"__name__": "x"}, [(9, 1.0, 0), (10, 2.0, 7)])]))
    # TimeSeries is the last field of the request and short: grow it by created_timestamp = 5
    begin = raw.index(b"\x2a")
    raw[begin + 1] += 2
    request = scan(
        2,
        bytes(raw[: begin + 2 + raw[begin + 1] - 2])
        + b"\x30\x05"
        + bytes(raw[begin + 2 + raw[begin + 1] - 2 :]),
    )
    assert samples(request) == [[(9, 1.0, 5), (10, 2.0, 7)]]


def test_metadata_of_both_versions_is_told_by_family() -> None:
    series = Series({"__name__": "x_total"}, [(1, 1.0, 0)], kind="counter", help="H", unit="s")
    told = Metadata("counter", "H", "s")
    assert SeriesReader(scan(1, encode(1, [series]))).families() == {"x_total": told}
    assert SeriesReader(scan(2, encode(2, [series]))).metadata(0) == ("x_total", told)
    bucket = Series({"__name__": "y_bucket", "le": "1"}, [(1, 1.0, 0)], kind="histogram")
    assert SeriesReader(scan(2, encode(2, [bucket]))).metadata(0) == ("y", Metadata("histogram"))


def test_new_metadata_makes_a_new_key_in_2_0() -> None:
    one, other = (Series({"__name__": "x"}, [(1, 1.0, 0)], kind="gauge", help=h) for h in "AB")
    assert scan(2, encode(2, [one])).keys[0] != scan(2, encode(2, [other])).keys[0]


@pytest.mark.parametrize(
    "labels",
    [
        {"a": "b"},
        {"__name__": ""},
        {"__name__": "x", "": "b"},
        {"__name__": "x", "__histogram__": "count"},
    ],
)
@pytest.mark.parametrize("version", [1, 2])
def test_labels_that_cannot_be_stored_are_told(version: int, labels: dict[str, str]) -> None:
    request = scan(version, encode(version, [Series(labels, [(1, 1.0, 0)])]))
    with pytest.raises(InputError):
        SeriesReader(request).labels(0)


def test_a_label_that_stands_twice_is_told() -> None:
    request = V1["WriteRequest"]()
    message = request.timeseries.add()
    for name, value in (("__name__", "x"), ("a", "1"), ("a", "2")):
        message.labels.add(name=name, value=value)
    with pytest.raises(InputError, match="twice"):
        SeriesReader(scan(1, request.SerializeToString())).labels(0)


def test_a_bomb_is_refused_by_what_it_says_of_itself() -> None:
    bomb = packed(bytes(MAX_REMOTE_WRITE_BODY_BYTES + 1))
    assert len(bomb) < 2_000_000
    with pytest.raises(InputError, match="unpacks to"):
        remote_write.unpacked(bomb)


@pytest.mark.parametrize("body", [b"", b"\xff" * 12, b"\x05abc", b"\xff\x06\x00\x00sNaPpY"])
def test_what_is_not_snappy_is_refused(body: bytes) -> None:
    with pytest.raises(InputError, match="snappy"):
        remote_write.unpacked(body)


@pytest.mark.parametrize(("version", "message"), [(1, b"\x0a\x00"), (2, b"\x2a\x00")])
def test_millions_of_empty_series_are_too_many(version: int, message: bytes) -> None:
    with pytest.raises(LimitError):
        scan(version, message * 1_000_001)


def test_millions_of_empty_samples_are_too_many() -> None:
    inner = b"\x12\x00" * 1_100_000
    length = len(inner)
    varint = bytes(
        [length & 127 | 128, length >> 7 & 127 | 128, length >> 14 & 127 | 128, length >> 21]
    )
    with pytest.raises(LimitError):
        scan(1, b"\x0a" + varint + inner)


def test_random_bytes_never_hang() -> None:
    source = random.Random(7)
    for _ in range(300):
        body = source.randbytes(source.randrange(400))
        for version in (1, 2):
            with contextlib.suppress(InputError):
                scan(version, body)
