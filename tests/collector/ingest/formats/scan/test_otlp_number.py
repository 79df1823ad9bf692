"""However a point's fields stand, it is read as protobuf reads it, and its key is the same."""

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint

from collector.ingest.formats import otlp_metrics
from collector.ingest.formats.otlp_metrics import Points
from collector.ingest.formats.scan.otlp_number import AS_DOUBLE, AS_INT, OTHER, plain_number
from collector.ingest.formats.scan.otlp_points import COUNT, EXEMPLARS, START_NS, TIME_NS
from collector.model.errors import InputError

GAUGE, SUM = 5, 7
SEED = np.uint64(7)
NS = st.integers(1, 2**62)


def message(number: int, payload: bytes) -> bytes:
    length, said = len(payload), bytearray()
    while length > 127:
        said.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *said, length]) + payload


def attribute(key: str, value: str) -> bytes:
    return message(7, message(1, key.encode()) + message(2, message(1, value.encode())))


def fixed(number: int, value: int) -> bytes:
    return bytes([number << 3 | 1]) + struct.pack("<q", value)


def double(value: float) -> bytes:
    return b"\x21" + struct.pack("<d", value)


def scanned(point: bytes, kind: int = SUM) -> Points:
    data = message(1, point) + (b"\x10\x02\x18\x01" if kind == SUM else b"")
    metric = message(1, b"hits") + message(kind, data)
    return otlp_metrics.scan(message(1, message(2, message(2, metric))))


def plain(point: bytes) -> int:
    return int(plain_number(np.frombuffer(point, np.uint8), 0, len(point), SEED)[0])


ATTRIBUTES = st.lists(
    st.builds(attribute, st.text(max_size=5), st.text(max_size=150)), max_size=3
).map(b"".join)
VALUES = st.one_of(
    st.floats(allow_nan=False).map(double),
    st.integers(-(2**63), 2**63 - 1).map(lambda n: fixed(6, n)),
)
FIELDS = st.tuples(NS.map(lambda n: fixed(2, n)), NS.map(lambda n: fixed(3, n)), VALUES, ATTRIBUTES)


@settings(deadline=None)
@given(FIELDS, st.permutations(range(4)), st.sets(st.integers(0, 3)), st.sampled_from([GAUGE, SUM]))
def test_a_point_is_read_in_whatever_order_its_fields_come(
    fields: tuple[bytes, ...], order: list[int], left_out: set[int], kind: int
) -> None:
    kept = [part if k not in left_out else b"" for k, part in enumerate(fields)]
    points, others = (scanned(b"".join(kept[k] for k in one), kind) for one in (range(4), order))
    assert np.array_equal(points.keys, others.keys)
    assert np.array_equal(points.rows[:, COUNT:], others.rows[:, COUNT:])
    assert points.values.tobytes() == others.values.tobytes()
    read = NumberDataPoint.FromString(b"".join(kept))
    row = points.rows[0]
    assert row[TIME_NS] == read.time_unix_nano
    assert row[START_NS] == (read.start_time_unix_nano if kind == SUM else 0)
    which = read.WhichOneof("value")
    assert row[COUNT] == (which is not None)
    if which is not None:
        assert points.values.tolist() == [float(getattr(read, which))]


def test_a_later_field_of_the_same_number_holds() -> None:
    point = fixed(3, 5) + double(1.0) + double(2.0)
    assert plain(point) == OTHER
    assert scanned(point).values.tolist() == [2.0]


def test_flags_and_exemplars_are_not_plain() -> None:
    point = fixed(3, 5) + double(1.0) + attribute("a", "b")
    assert plain(point) == AS_DOUBLE
    assert plain(point + b"\x40\x01") == OTHER
    assert scanned(point + b"\x40\x01").values.view(np.int64)[0] == 0x7FF0_0000_0000_0002
    assert plain(fixed(3, 5) + message(5, b"") + double(1.0)) == OTHER
    assert scanned(point + message(5, b"")).rows[0, EXEMPLARS] == 1
    assert plain(fixed(2, 1) + fixed(3, 5) + fixed(6, 1)) == AS_INT


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_point_that_ends_too_early_is_refused_or_has_no_value(cut: int) -> None:
    point = fixed(2, 1) + fixed(3, 5) + double(1.0) + attribute("name", "value")
    shorter = point[:-cut]
    if len(shorter) in (0, 9, 18, 27):
        scanned(shorter)
    else:
        assert plain(shorter) == OTHER
        with pytest.raises(InputError):
            scanned(shorter)
