from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.query.engine import Engine
from collector.query.values import RawSeries
from collector.store.tsdb import Tsdb
from tocsin.__main__ import command_line

MINUTE_MS = 60_000
BEGIN_MS = 1_700_000_000_000 // MINUTE_MS * MINUTE_MS
RULES = """
groups:
- name: g
  rules:
  - {record: twice, expr: sums * 2}
  - {record: sums, expr: sum by (job) (x), labels: {kind: sum}}
  - {record: quiet, expr: 'x{n="ends"}'}
  - {alert: Nobody, expr: x}
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Five hours; one of two series ends after the first 100 minutes."""
    store = Tsdb.open(made(tmp_path / "metrics"), ManualClock(BEGIN_MS))
    both = store.refs("s", [Labels.of("x", job="j", n="stays"), Labels.of("x", job="j", n="ends")])
    for minute in range(300):
        refs = both if minute < 100 else both[:1]
        store.append_row(
            "s", BEGIN_MS + minute * MINUTE_MS, refs, np.full(len(refs), float(minute))
        )
    store.close()
    return tmp_path


def made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def backfill(data_dir: Path, rules: str, minutes: int) -> None:
    file = data_dir / "rules.yml"
    file.write_text(rules)
    arguments = ["rules", "backfill", str(file), "--start", str(BEGIN_MS // 1000)]
    arguments += ["--end", str(BEGIN_MS // 1000 + minutes * 60), "--data-dir", str(data_dir)]
    answer = CliRunner().invoke(command_line(), arguments)
    assert answer.exit_code == 0, answer.output + str(answer.exception)


def stored(data_dir: Path, query: str) -> dict[Labels, dict[int, float]]:
    store = Tsdb.open(data_dir / "metrics", ManualClock(BEGIN_MS))
    answer = Engine(store).instant(query, BEGIN_MS + 400 * MINUTE_MS).value
    store.close()
    assert isinstance(answer, RawSeries)
    return {
        labels: dict(zip(times.tolist(), values.tolist(), strict=True))
        for labels, (times, values) in zip(answer.labels, answer.samples, strict=True)
    }


def test_history_gets_what_the_rules_would_have_written(data_dir: Path) -> None:
    backfill(data_dir, RULES, 299)
    (sums,) = stored(data_dir, "sums[1d]").values()
    assert list(stored(data_dir, "sums[1d]")) == [Labels.of("sums", job="j", kind="sum")]
    assert len(sums) >= 298
    assert {time % MINUTE_MS for time in sums} == {min(sums) % MINUTE_MS}, "the group's rhythm"
    for time, value in sums.items():
        minute = (time - BEGIN_MS) // MINUTE_MS
        lookback = 2 * 99.0 - 99 if 100 <= minute <= 103 else 0.0
        assert value == pytest.approx(2.0 * minute if minute < 100 else minute + lookback)


def test_a_rule_that_reads_another_comes_after_it(data_dir: Path) -> None:
    backfill(data_dir, RULES, 50)
    (sums,), (twice,) = (stored(data_dir, f"{name}[1d]").values() for name in ("sums", "twice"))
    assert twice == {time: 2 * value for time, value in sums.items()}


def test_a_series_that_ends_is_marked_stale(data_dir: Path) -> None:
    backfill(data_dir, RULES, 299)
    store = Tsdb.open(data_dir / "metrics", ManualClock(BEGIN_MS))
    engine = Engine(store)
    ended = BEGIN_MS + 106 * MINUTE_MS
    assert not len(engine.instant("quiet", ended).value.labels)
    store.close()


def test_doing_it_again_changes_nothing(data_dir: Path) -> None:
    backfill(data_dir, RULES, 100)
    first = stored(data_dir, '{__name__=~"sums|twice|quiet"}[1d]')
    backfill(data_dir, RULES, 100)
    assert stored(data_dir, '{__name__=~"sums|twice|quiet"}[1d]') == first
