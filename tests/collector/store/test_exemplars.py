"""Exemplars: Prometheus's rules of admission, a ring of bounded size, and what a restart keeps."""

from __future__ import annotations

import math
import os
from pathlib import Path

import pytest

from collector.model.clock import ManualClock
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.store.options import StoreOptions
from collector.store.tsdb import Tsdb

X, Y = Labels.of("x_bucket", le="1"), Labels.of("y_total")
EVER = ([], -1, 2**62)


def exemplar(
    series: Labels, at_ms: int, value: float = 1.0, trace: str = "a", dated: bool = True
) -> Exemplar:
    return Exemplar(series, Labels.of(trace_id=trace), value, at_ms, dated)


def opened(directory: Path, limit: int = 5) -> Tsdb:
    return Tsdb.open(directory, ManualClock(0), StoreOptions(max_exemplars=limit))


def test_exemplars_are_found_by_their_series_and_time(tmp_path: Path) -> None:
    store = opened(tmp_path)
    mine, other = [exemplar(X, 1), exemplar(X, 2)], exemplar(Y, 2)
    assert not store.append_exemplars("s", [*mine, other])
    assert store.exemplars(*EVER) == [*mine, other]
    assert store.exemplars([Matcher("=", "le", "1")], 1, 2) == [mine[1]]
    assert store.exemplars([Matcher("=", "le", "")], -1, 9) == [other]
    store.close()


@pytest.mark.parametrize(
    ("second", "kept", "refused"),
    [
        (exemplar(X, 10), 1, {}),
        (exemplar(X, 11), 2, {}),
        (exemplar(X, 9), 1, {"exemplar_out_of_order": 1}),
        (exemplar(X, 10, 2.0), 2, {}),
        (exemplar(X, 10, 0.5), 1, {"exemplar_out_of_order": 1}),
        (exemplar(X, 10, 1.0, "b"), 2, {}),
        (exemplar(X, 10, 1.0, "A"), 1, {"exemplar_out_of_order": 1}),
        (exemplar(Y, 9), 2, {}),
        (exemplar(X, 11, trace="t" * 121), 1, {"exemplar_label_length": 1}),
    ],
)
def test_what_follows_an_exemplar_is_taken_passed_over_or_refused(
    tmp_path: Path, second: Exemplar, kept: int, refused: dict[str, int]
) -> None:
    apart, together = opened(tmp_path / "apart"), opened(tmp_path / "together")
    apart.append_exemplars("s", [exemplar(X, 10)])
    assert apart.append_exemplars("s", [second]).by_reason == refused
    assert together.append_exemplars("s", [exemplar(X, 10), second]).by_reason == refused
    assert len(apart.exemplars(*EVER)) == len(together.exemplars(*EVER)) == kept
    apart.close()
    together.close()


def test_an_exemplar_without_a_time_of_its_own_repeats_by_value_and_labels(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for at_ms in (1, 2, 3):
        store.append_exemplars("s", [exemplar(X, at_ms, dated=False)])
        store.append_exemplars("s", [exemplar(Y, at_ms, math.nan, dated=False)])
    store.append_exemplars("s", [exemplar(X, 4, 2.0, dated=False)])
    assert [one.timestamp_ms for one in store.exemplars(*EVER)] == [1, 4, 1]
    store.close()


def test_the_oldest_make_room_and_none_are_kept_when_none_are_wanted(tmp_path: Path) -> None:
    store, none = opened(tmp_path / "five"), opened(tmp_path / "none", limit=0)
    many = [exemplar(Labels.of("x", n=str(i % 3)), i) for i in range(12)]
    store.append_exemplars("s", many)
    assert sorted(one.timestamp_ms for one in store.exemplars(*EVER)) == [7, 8, 9, 10, 11]
    assert not none.append_exemplars("s", many)
    assert none.exemplars(*EVER) == []
    store.close()
    none.close()


@pytest.mark.parametrize("clean", [True, False])
def test_a_restart_keeps_them_and_the_order_in_which_they_leave(
    tmp_path: Path, clean: bool
) -> None:
    store = opened(tmp_path)
    store.append_exemplars("s", [exemplar(X, 1), exemplar(Y, 2, math.inf, dated=False)])
    store.maintain()
    store.append_exemplars("s", [exemplar(X, 3, trace='"\n\u00fc')])
    kept = store.exemplars(*EVER)
    if clean:
        store.close()
    else:
        os.close(store._lock_descriptor)
    store = opened(tmp_path)
    assert store.exemplars(*EVER) == kept
    assert store.append_exemplars("s", [exemplar(X, 2)])
    store.append_exemplars("s", [exemplar(X, at_ms) for at_ms in range(4, 8)])
    assert [one.timestamp_ms for one in store.exemplars(*EVER)] == [3, 4, 5, 6, 7]
    store.close()
