"""A data directory that can't be written to: a clear error, no damage, and on again by itself."""

from __future__ import annotations

import errno
import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from collector.model.clock import ManualClock
from collector.model.errors import StorageError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb
from tests.oracles.failing_os import fail_in

START_MS = 1_700_000_000_000
SERIES = [Labels.of("x_total", n=str(i)) for i in range(20)]
NAMED = [Matcher("=", "__name__", "x_total")]
OPTIONS = StoreOptions(head_ms=40, block_spans_ms=(160,))
NOBODY = 65534


def append(store: Tsdb, clock: ManualClock, first: int, last: int) -> None:
    refs = store.refs("s", SERIES)
    for row in range(first, last):
        store.append_row("s", START_MS + row, refs, np.arange(20.0) + row)
        clock.advance(1)


def held(store: Tsdb) -> list[int]:
    (one,) = store.select(NAMED, -1, 2**62)
    rows = one.timestamps_ms - START_MS
    assert (one.values == np.arange(20)[:, None] + rows).all()
    return list(rows.tolist())


def calls_that_write(store: Tsdb) -> dict[str, Callable[[], object]]:
    refs, at_ms = store.refs("s", SERIES), store.status().newest_ms + 1
    return {
        "a row": lambda: store.append_row("s", at_ms, refs, np.arange(20.0)),
        "a series": lambda: store.refs("s", [Labels.of("other")]),
        "a cut": store.maintain,
        "a merge": store.compact,
        "a deletion": lambda: store.delete(NAMED, START_MS, START_MS),
        "a snapshot": lambda: store.snapshot(skip_head=False),
    }


def test_a_file_system_that_turns_read_only_and_back_is_told_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(START_MS)
    store = Tsdb.open(tmp_path, clock, OPTIONS)
    for first in range(0, 240, 40):
        append(store, clock, first, first + 40)
        store.maintain()
    append(store, clock, 240, 300)
    before = held(store)
    layer = fail_in(monkeypatch, 1, 1.0)
    layer.codes = (errno.EROFS,)
    for name, call in calls_that_write(store).items():
        with pytest.raises(StorageError, match="Read-only file system") as told:
            call()
        assert str(tmp_path) in str(told.value), f"{name}: it says where"
        assert held(store) == before, name
    layer.ratio = 0.0
    for name, call in calls_that_write(store).items():
        if name not in ("a row", "a deletion"):
            call()
    append(store, clock, 300, 400)
    assert held(store) == list(range(400))
    os.close(store._lock_descriptor)  # as kill -9 does
    store = Tsdb.open(tmp_path, clock, OPTIONS)
    assert held(store) == list(range(400))
    assert store.status().damaged_blocks == store.status().damaged_records == 0
    store.close()


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[Path]:
    """A directory of the user that this process is now: not root, who may write everywhere."""
    home = Path(tempfile.mkdtemp(prefix="tocsin-read-only-"))
    was_root = os.geteuid() == 0
    if was_root:
        os.chown(home, NOBODY, -1)
        os.seteuid(NOBODY)
    yield home
    if was_root:
        os.seteuid(0)
    shutil.rmtree(home)


def set_mode(directory: Path, mode: int) -> None:
    for path in sorted(directory.rglob("*")):
        if path.is_dir():
            path.chmod(mode)
    directory.chmod(mode)


def test_directories_without_the_right_to_write_are_told_and_nothing_has_to_be_started(
    nobody: Path,
) -> None:
    clock = ManualClock(START_MS)
    store = Tsdb.open(nobody / "data", clock, OPTIONS)
    append(store, clock, 0, 100)
    store.maintain()
    append(store, clock, 100, 200)
    set_mode(nobody / "data", 0o555)
    with pytest.raises(StorageError, match=r"Permission denied.*the owner of the directory"):
        store.maintain()
    append(store, clock, 200, 210)  # the log that is open may be written to
    assert held(store) == list(range(210))
    set_mode(nobody / "data", 0o755)
    store.maintain()
    store.compact()
    assert held(store) == list(range(210))
    store.close()
    set_mode(nobody / "data", 0o555)
    (nobody / "data" / "lock").chmod(0o400)
    with pytest.raises(StorageError, match=r"can't be used: Permission denied.*owner and mode"):
        Tsdb.open(nobody / "data", clock, OPTIONS)
    (nobody / "data" / "lock").chmod(0o600)
    store = Tsdb.open(nobody / "data", clock, OPTIONS)
    assert held(store) == list(range(210)), "what is there is served"
    for call in (store.maintain, lambda: append(store, clock, 210, 220)):
        with pytest.raises(StorageError, match="Permission denied"):
            call()
    set_mode(nobody / "data", 0o755)
    store.maintain()
    append(store, clock, 210, 220)
    assert held(store) == list(range(220))
    store.close()


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A small file system that can be mounted anew with other options."""
    place = tmp_path / "mounted"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs needs root")

    def again(option: str) -> Path:
        subprocess.run(["mount", "-o", f"remount,{option}", str(place)], check=True)
        return place

    yield again
    subprocess.run(["umount", "-l", str(place)], check=True)


def files(directory: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_start_on_a_read_only_file_system_is_refused_and_changes_nothing(
    mount: Callable[[str], Path],
) -> None:
    directory, clock = mount("rw") / "data", ManualClock(START_MS)
    store = Tsdb.open(directory, clock, OPTIONS)
    append(store, clock, 0, 100)
    store.maintain()
    store.close()
    del store  # its chunks are mapped as long as anybody may read them
    gc.collect()
    before = files(directory)
    mount("ro")
    with pytest.raises(StorageError, match="can't be used: Read-only file system") as told:
        Tsdb.open(directory, clock, OPTIONS)
    assert str(directory) in str(told.value)
    assert files(directory) == before
    mount("rw")
    store = Tsdb.open(directory, clock, OPTIONS)
    assert held(store) == list(range(100))
    store.close()


def test_tocsin_up_on_a_read_only_file_system_ends_with_one_clear_sentence(
    mount: Callable[[str], Path], tmp_path: Path
) -> None:
    (mount("rw") / "data").mkdir()
    config = tmp_path / "tocsin.yml"
    config.write_text("{}\n")
    place = mount("ro")
    run = subprocess.run(
        [
            *(sys.executable, "-m", "tocsin", "up", f"--config={config}"),
            *(f"--data-dir={place / 'data'}", "--listen=127.0.0.1:0"),
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert run.returncode != 0
    assert "Read-only file system" in run.stderr
    assert str(place / "data") in run.stderr
    assert "Traceback" not in run.stderr
