"""DuckDB and pandas read a block by the text of FORMAT.md alone."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from collector.model import Labels, ManualClock
from collector.model.samples import STALE
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

FORMAT = Path(__file__).parents[3] / "collector/store/FORMAT.md"
EXPECTED = {
    "count_total": [3.0, 7.0, 12.0],
    "seconds_total": [0.25, 1.5, 2.75],
    "ratio": [1 / 3, 2 / 3, 1.0],
    "gone": [5.0],
}


@pytest.fixture
def block(tmp_path: Path) -> Path:
    clock = ManualClock(0)
    store = Tsdb.open(tmp_path, clock, StoreOptions(head_ms=2000, block_spans_ms=(4000,)))
    refs = store.refs("s", [Labels.of(name, job="a") for name in EXPECTED])
    for row in range(3):
        last = STALE if row == 1 else 5.0
        values = [*(EXPECTED[name][row] for name in list(EXPECTED)[:3]), last]
        some = 4 - row // 2
        store.append_row("s", row * 1000, refs[:some], np.array(values)[:some])
    clock.advance(100_000)
    store.maintain()
    store.compact()
    store.close()
    (path,) = (tmp_path / "blocks").iterdir()
    return path


def told(after: str) -> str:
    """The lines of code that follow a sentence of the document."""
    text = FORMAT.read_text().split(after)[1]
    found = re.match(r"\s*\n((?:\n|    .*\n)+)", text)
    assert found
    return re.sub("(?m)^    ", "", found[1])


def test_duckdb_reads_a_block_as_documented(block: Path) -> None:
    view, query, *_ = (
        told("So, in DuckDB:")
        .replace("'integers", f"'{block}/integers")
        .replace("'floats", f"'{block}/floats")
        .replace("'series", f"'{block}/series")
        .split(";")
    )
    with duckdb.connect() as connection:
        connection.execute(view)
        rows = connection.execute(
            f"select name, timestamp, value from samples join '{block}/series.parquet'"
            " using (series) order by timestamp"
        ).fetchall()
        means = connection.execute(query).fetchall()
    found: dict[str, list[float]] = {}
    for name, _, value in rows:
        found.setdefault(name, []).append(value)
    assert found == EXPECTED
    assert {name for name, _, _ in means} == set(EXPECTED)
    assert {tuple(labels.items()) for _, labels, _ in means} == {(("job", "a"),)}


def test_pandas_reads_a_block_as_documented(block: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(block)
    names: dict[str, pd.DataFrame] = {}
    exec(told("and in pandas:"), {"pd": pd}, names)
    rows = names["rows"].merge(pd.read_parquet("series.parquet"), on="series")
    found = rows.groupby("name")["value"].apply(list).to_dict()
    assert found.pop("ratio") == [1.0]  # the rest of it is in floats.parquet
    assert found == {name: values for name, values in EXPECTED.items() if name != "ratio"}
