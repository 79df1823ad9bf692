"""A backup is whole, verified, and becomes the same data directory again."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from collector.model import Labels, ManualClock, Matcher
from collector.model.errors import InputError, StorageError
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb
from tocsin.backup_files import MANIFEST, back_up, restore

OPTIONS = StoreOptions(head_ms=10_000)
X = [Matcher("=", "__name__", "x")]


def nobody(_: str, __: int) -> None:
    return


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0)


@pytest.fixture
def data(tmp_path: Path, clock: ManualClock) -> Path:
    """A data directory whose store is closed, with the files of other parts beside it."""
    path = tmp_path / "data"
    store = Tsdb.open(path / "metrics", clock, OPTIONS)
    refs = store.refs("s", [Labels.of("x")])
    for row in range(40):
        store.append_row("s", row * 1000, refs, np.array([float(row)]))
        clock.advance(1000)
        store.maintain()
    store.close()
    (path / "slo").mkdir()
    (path / "slo" / "ledger").write_bytes(b"ledger")
    with closing(sqlite3.connect(path / "alerts.sqlite")) as state:
        state.execute("PRAGMA journal_mode=WAL")
        state.execute("create table silences (id text)")
        state.execute("insert into silences values ('night')")
        state.commit()
    return path


def rows(path: Path, clock: ManualClock) -> list[float]:
    store = Tsdb.open(path / "metrics", clock, OPTIONS)
    (one,) = store.select(X, -1, 2**62)
    store.close()
    return one.values[0].tolist()


def test_what_was_backed_up_comes_back(data: Path, tmp_path: Path, clock: ManualClock) -> None:
    back_up(data, data / "metrics", tmp_path / "backup", nobody)
    told: list[str] = []
    restored = restore(tmp_path / "backup", tmp_path / "new", lambda name, _: told.append(name))
    assert rows(tmp_path / "new", clock) == list(map(float, range(40)))
    assert (tmp_path / "new" / "slo" / "ledger").read_bytes() == b"ledger"
    with closing(sqlite3.connect(tmp_path / "new" / "alerts.sqlite")) as state:
        assert state.execute("select id from silences").fetchall() == [("night",)]
    assert restored.files == len(told)
    assert "metrics/lock" not in told


def test_a_store_that_is_in_use_is_copied_from_its_snapshot(
    data: Path, tmp_path: Path, clock: ManualClock
) -> None:
    store = Tsdb.open(data / "metrics", clock, OPTIONS)
    name = store.snapshot(skip_head=False)
    back_up(data, data / "metrics" / "snapshots" / name, tmp_path / "backup", nobody)
    store.close()
    restore(tmp_path / "backup", tmp_path / "new", nobody)
    assert rows(tmp_path / "new", clock) == list(map(float, range(40)))


def test_a_damaged_block_is_named_and_left_out(data: Path, tmp_path: Path) -> None:
    block = min((data / "metrics" / "blocks").iterdir())
    path = block / "integers.parquet"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    copied = back_up(data, data / "metrics", tmp_path / "backup", nobody)
    assert copied.damaged == (f"metrics/blocks/{block.name}",)
    assert not (tmp_path / "backup" / "metrics" / "blocks" / block.name).exists()


def spoil(path: Path) -> None:
    path.write_bytes(b"Ledger")


@pytest.mark.parametrize("harm", [spoil, Path.unlink])
def test_a_backup_that_was_changed_restores_nothing(
    data: Path, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    back_up(data, data / "metrics", tmp_path / "backup", nobody)
    harm(tmp_path / "backup" / "slo" / "ledger")
    with pytest.raises((StorageError, OSError), match="ledger"):
        restore(tmp_path / "backup", tmp_path / "new", nobody)
    assert not (tmp_path / "new").exists()


def test_nothing_is_written_over(data: Path, tmp_path: Path) -> None:
    back_up(data, data / "metrics", tmp_path / "backup", nobody)
    for action in (
        lambda: back_up(data, data / "metrics", tmp_path / "backup", nobody),
        lambda: restore(tmp_path / "backup", data, nobody),
    ):
        with pytest.raises(InputError, match="not empty"):
            action()


@pytest.mark.parametrize(
    "manifest", ["", "[]", '{"version": 2, "files": {}}', '{"version": 1, "files": {"x": 1}}']
)
def test_a_directory_that_is_no_backup_is_refused(tmp_path: Path, manifest: str) -> None:
    (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(InputError, match="backup"):
        restore(tmp_path, tmp_path / "new", nobody)


def test_a_backup_can_not_write_outside_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / MANIFEST).write_text('{"version": 1, "files": {"../secret": [1, 1]}}')
    with pytest.raises(InputError, match="outside"):
        restore(tmp_path / "b", tmp_path / "new", nobody)
