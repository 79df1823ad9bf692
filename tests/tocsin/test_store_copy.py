"""A command that copies a store copies the one that it was told, or says why not."""

from pathlib import Path

import pytest

from collector.model.clock import ManualClock
from collector.model.errors import ConfigError, InputError
from collector.store.tsdb import Tsdb
from tocsin.commands import store_copy


def test_a_snapshot_of_another_tocsin_is_not_taken_for_one_of_this_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Tsdb.open(tmp_path / "metrics", ManualClock(1_000_000))
    answer = {"status": "success", "data": {"name": "20260101T000000Z-1"}}
    monkeypatch.setattr(store_copy, "post", lambda url, path: answer)
    with (
        pytest.raises(ConfigError, match=r"http://other made a snapshot .* not in this data"),
        store_copy.unchanging_store(tmp_path, "http://other"),
    ):
        pytest.fail("there is nothing to copy")
    store.close()


def test_who_may_not_make_snapshots_is_told_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(url: str, path: str) -> object:
        raise InputError(f"{url}{path} answered 500: admin APIs disabled")

    store = Tsdb.open(tmp_path / "metrics", ManualClock(1_000_000))
    monkeypatch.setattr(store_copy, "post", refused)
    with (
        pytest.raises(InputError, match=r"set web\.enable_admin_api"),
        store_copy.unchanging_store(tmp_path, "http://it"),
    ):
        pytest.fail("there is nothing to copy")
    store.close()
