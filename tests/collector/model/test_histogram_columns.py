"""A native histogram taken apart into columns is the same histogram when put together."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from collector.model.histogram_columns import COMPONENT, assembled, columns, without_component
from collector.model.histograms import CUSTOM_BUCKETS, NativeHistogram, ResetHint
from collector.model.labels import Labels
from collector.model.samples import STALE, filled, is_stale

SERIES = Labels.of("request_seconds", job="shop")
counts = st.floats(min_value=0.5, max_value=1e15)
buckets = st.dictionaries(st.integers(-1000, 1000), counts, max_size=6).map(
    lambda found: tuple(sorted(found.items()))
)
exponential = st.builds(
    NativeHistogram,
    schema=st.integers(-4, 8),
    count=st.floats(min_value=0, max_value=1e15),
    sum=st.floats(allow_nan=False),
    zero_threshold=st.floats(min_value=0, max_value=1),
    zero_count=st.floats(min_value=0, max_value=1e15),
    positive=buckets,
    negative=buckets,
    reset_hint=st.sampled_from(ResetHint),
)


@st.composite
def custom(draw: st.DrawFn) -> NativeHistogram:
    bounds = sorted(draw(st.sets(st.floats(-1e6, 1e6), max_size=5)))
    filled_ = draw(st.dictionaries(st.integers(0, len(bounds)), counts, max_size=5))
    return NativeHistogram(
        CUSTOM_BUCKETS,
        count=sum(filled_.values()),
        sum=draw(st.floats(allow_nan=False)),
        positive=tuple(sorted(filled_.items())),
        custom_values=tuple(bounds),
        reset_hint=draw(st.sampled_from(ResetHint)),
    )


@given(st.lists(st.none() | exponential | custom(), min_size=1, max_size=6))
def test_histograms_taken_apart_and_put_together_are_the_same(
    rows: list[NativeHistogram | None],
) -> None:
    found: dict[str, dict[int, float]] = {"count": {}}
    for t, histogram in enumerate(rows):
        for labels, value in [] if histogram is None else columns(SERIES, histogram):
            assert without_component(labels) == SERIES
            found.setdefault(labels[COMPONENT], {})[t] = value
    values = filled((len(found), len(rows)))
    for i, cells in enumerate(found.values()):
        for t, value in cells.items():
            values[i, t] = value
    assert assembled(list(found), values) == rows


def test_a_stale_count_ends_the_histogram() -> None:
    answer = assembled(["count", "sum"], np.array([[3.0, STALE], [1.0, STALE]]))
    assert isinstance(answer[1], float)
    assert is_stale(np.array([answer[1]])).all()
