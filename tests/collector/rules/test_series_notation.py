from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.model.errors import InputError
from collector.model.histograms import CUSTOM_BUCKETS, NativeHistogram
from collector.model.labels import NO_LABELS, Labels
from collector.model.samples import STALE_BITS
from collector.rules.series_notation import read_items, read_labels


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("1 2.5 -3", [1, 2.5, -3]),
        ("1x3", [1, 1, 1, 1]),
        ("1+2x3", [1, 3, 5, 7]),
        ("10-2.5x2", [10, 7.5, 5]),
        ("-1--1x1", None),
        ("1e999999 2", [math.inf, 2]),
        ("_ _x2 1", [None, None, None, 1]),
        ("1e2+1e-1x1 Inf -Inf", [100, 100.1, math.inf, -math.inf]),
        ("0x3", [0, 0, 0, 0]),
        ("-2-3x2", [-2, -5, -8]),
        ("", []),
    ],
)
def test_items_are_written_as_in_prometheus_s_tests(
    text: str, items: list[float | None] | None
) -> None:
    if items is None:
        with pytest.raises(InputError):
            read_items(text)
    else:
        assert read_items(text) == items


def test_stale_has_the_marker_s_bits() -> None:
    (value,) = read_items("stale")
    assert np.array([value], np.float64).view(np.int64)[0] == STALE_BITS


@given(st.integers(-1000, 1000), st.integers(-100, 100), st.integers(0, 50))
def test_a_sequence_is_its_sum(first: int, by: int, times: int) -> None:
    sign = "+" if by >= 0 else "-"
    text = f"{first}{sign}{abs(by)}x{times}"
    assert read_items(text) == [first + i * by for i in range(times + 1)]


def test_histograms_are_read_with_all_their_parts() -> None:
    text = "{{schema:1 sum:7 count:6 z_bucket:1 z_bucket_w:0.01 buckets:[1 0 2] offset:2"
    text += " n_buckets:[2] n_offset:-1 counter_reset_hint:gauge}}"
    (value,) = read_items(text)
    assert isinstance(value, NativeHistogram)
    assert value.equals(NativeHistogram(1, 6.0, 7.0, 0.01, 1.0, ((2, 1.0), (4, 2.0)), ((-1, 2.0),)))
    (custom,) = read_items("{{schema:-53 count:3 sum:2 custom_values:[0.5 1] buckets:[1 2]}}")
    assert isinstance(custom, NativeHistogram)
    assert (custom.schema, custom.custom_values) == (CUSTOM_BUCKETS, (0.5, 1.0))
    grown = read_items("{{count:1 buckets:[1]}}+{{count:2 buckets:[1 1]}}x2")
    assert [one.count for one in grown if isinstance(one, NativeHistogram)] == [1, 3, 5]


@pytest.mark.parametrize("text", ["one", "1x", "{{nope:1}}", "1+x3", "1x99999999999", "{{"])
def test_what_is_no_item_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_items(text)


def test_series_are_written_as_selectors() -> None:
    assert read_labels('a{b="c"}') == Labels.of("a", b="c")
    assert read_labels('{__name__="a",b="c"}') == Labels.of("a", b="c")
    assert read_labels("{}") == NO_LABELS
    for wrong in ('a{b!="c"}', "sum(a)", "a b", 'a{b=~"c"}'):
        with pytest.raises(InputError):
            read_labels(wrong)
