"""`tocsin import` and `tocsin export` as a person calls them, through real directories."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from collector.model import Labels, ManualClock, Matcher
from collector.model.errors import TocsinError
from collector.model.samples import STALE
from collector.store.tsdb import Tsdb
from tocsin.__main__ import command_line

HOUR_MS = 3_600_000
START_MS = 1_700_000_000_000


def run(*arguments: str | Path) -> str:
    result = CliRunner().invoke(command_line(), [str(one) for one in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def contents(data: Path) -> dict[Labels, list[tuple[int, int]]]:
    store = Tsdb.open(data / "metrics", ManualClock(START_MS + 9 * HOUR_MS))
    found = {
        labels: [(at, bits) for at, bits in zip(one.timestamps_ms.tolist(), row, strict=True)]
        for one in store.select([Matcher("=~", "__name__", ".+")], -1, 2**62)
        for labels, row in zip(one.labels, one.values.view(np.int64).tolist(), strict=True)
    }
    store.close()
    return found


@pytest.fixture
def data(tmp_path: Path) -> Path:
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path / "data" / "metrics", clock)
    refs = store.refs("s", [Labels.of("a_total", job="x"), Labels.of("b", job='"y"\n')])
    for row in range(300):
        last = STALE if row == 299 else row / 3
        values = np.array([float(row), last])
        store.append_row("s", START_MS + row * 60_000, refs, values)
        clock.advance(60_000)
    store.maintain()
    store.close()
    return tmp_path / "data"


def empty(path: Path) -> Path:
    Tsdb.open(path / "metrics", ManualClock(START_MS)).close()
    return path


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_an_export_imported_elsewhere_is_the_same(data: Path, tmp_path: Path, ending: str) -> None:
    file, other = tmp_path / f"file{ending}", empty(tmp_path / "other")
    assert "600" in run("export", "{job=~'.+'}", file, "--data-dir", data)
    for _ in range(2):
        assert "600" in run("import", file, "--data-dir", other)
    assert contents(other) == contents(data)


def test_openmetrics_by_selector_and_time(data: Path, tmp_path: Path) -> None:
    file = tmp_path / "file.om"
    first, last = (START_MS + 60_000) / 1000, "2023-11-14T22:15:20Z"
    run("export", "a_total", file, "--data-dir", data, "--from", str(first), "--to", last)
    assert file.read_text() == (
        'a_total{job="x"} 1.0 1700000060.000\na_total{job="x"} 2.0 1700000120.000\n# EOF\n'
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["import", "x.unknown"], "none of openmetrics, csv, parquet"),
        (["import", "absent.csv"], "no such file"),
        (["export", "a", "out.csv", "--from", "noon"], "not a time: 'noon'"),
        (["export", "sum(a)", "out.csv"], "."),
    ],
)
def test_a_wrong_call_says_what_is_wrong(
    data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TocsinError, match=message):
        run(*arguments, "--data-dir", data)
