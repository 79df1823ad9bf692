"""Series that come alone, together and not at all: none ends in another's column."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import is_missing
from collector.store.tsdb import Tsdb

# rows of a source: how many follow each other, and which of six series are in all of them
_SPELLS = st.lists(
    st.tuples(st.integers(1, 70), st.sets(st.integers(0, 5), min_size=1)), min_size=1, max_size=12
)


@settings(deadline=None, max_examples=60)
@given(_SPELLS)
def test_each_series_keeps_its_own_samples(spells: list[tuple[int, set[int]]]) -> None:
    expected: dict[int, list[tuple[int, float]]] = {}
    with tempfile.TemporaryDirectory() as directory:
        store = Tsdb.open(Path(directory), ManualClock(0))
        refs = store.refs("s", [Labels.of("x", i=str(i)) for i in range(6)])
        time_ms = 0
        for rows, members in spells:
            some = np.array(sorted(members), np.int64)
            for _ in range(rows):
                time_ms += 1000
                values = some * 1e6 + time_ms
                store.append_row("s", time_ms, refs[some], values)
                for i, value in zip(some.tolist(), values.tolist(), strict=True):
                    expected.setdefault(i, []).append((time_ms, value))
        found = {
            int(labels["i"]): [
                (int(t), float(v))
                for t, v, gap in zip(part.timestamps_ms, row, is_missing(row), strict=True)
                if not gap
            ]
            for part in store.select((Matcher("=", "__name__", "x"),), -1, time_ms)
            for labels, row in zip(part.labels, part.values, strict=True)
        }
        store.close()
    assert found == expected
