"""Spans and log records count once for each rule that wants them, over a restart too."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from collector.ingest import record_counters
from collector.ingest.record_counters import RecordCounters, newest_count_ms
from collector.ingest.self_metrics import RecordMetrics
from collector.model.clock import ManualClock
from collector.model.errors import StorageError
from collector.model.matchers import Matcher
from collector.model.record_rule import COUNTED_RECORDS, Record, RecordRule, severity_name
from collector.store.tsdb import Tsdb

NOW = 1_700_000_000_000
SHOP = Matcher("=", "service", "shop")
PAY = RecordRule("shop/pay", "spans", (SHOP, Matcher("=", "name", "pay")), slower_than_ms=300)
ROUTES = RecordRule(
    "shop/routes", "spans", (SHOP,), (Matcher("=", "status", "error"),), labels=("http_route",)
)
LOGS = RecordRule("shop/logs", "logs", (SHOP,), (Matcher("=~", "severity", "error|fatal"),))


def counters(store: Tsdb, clock: ManualClock, *rules: RecordRule) -> RecordCounters:
    metrics = RecordMetrics(CollectorRegistry())
    found = RecordCounters(store, clock, metrics, newest_count_ms(store))
    found.apply(rules)
    return found


def totals(store: Tsdb) -> dict[tuple[str, ...], float]:
    refs = store.match([Matcher("=", "__name__", COUNTED_RECORDS)])
    counted = store.counter_totals(refs).total.tolist()
    named = zip(store.labels_of(refs), counted, strict=True)
    return {
        (one["rule"], one["outcome"], *([one["http_route"]] if one.get("http_route") else [])): v
        for one, v in named
    }


def span(name: str, ms: float = 1, status: str = "ok", route: str = "", service: str = "shop"):
    fields = {"service": service, "name": name, "status": status}
    return Record(fields | ({"http.route": route} if route else {}), ms)


spans = st.lists(
    st.builds(
        span,
        st.sampled_from(["pay", "cart"]),
        st.sampled_from([1.0, 300.0, 301.0]),
        st.sampled_from(["ok", "error"]),
        st.sampled_from(["/pay", "/cart"]),
        st.sampled_from(["shop", "store"]),
    ),
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["go on", "kill", "pause"]), spans), max_size=8))
def test_a_matching_record_counts_once_over_restarts(tmp_path_factory, history) -> None:
    directory, clock = tmp_path_factory.mktemp("store"), ManualClock(NOW)
    store = Tsdb.open(directory, clock)
    counting = counters(store, clock, PAY, ROUTES)
    truth: Counter[tuple[str, ...]] = Counter()
    for step, request in history:
        if step == "kill":
            store.close()
            store = Tsdb.open(directory, clock)
            counting = counters(store, clock, PAY, ROUTES)
        clock.advance(15_000 if step == "pause" else 0)
        counting.count("spans", request)
        for one in request:
            of = one.fields
            if of["service"] == "shop":
                outcome = "bad" if of["status"] == "error" else "good"
                truth["shop/routes", outcome, of["http.route"]] += 1
                if of["name"] == "pay":
                    truth["shop/pay", "bad" if one.duration_ms > 300 else "good"] += 1
    found = totals(store)
    store.close()
    assert {key: count for key, count in found.items() if count} == dict(truth)


def test_records_of_the_service_keep_its_counter_alive(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    store = Tsdb.open(tmp_path, clock)
    counting = counters(store, clock, PAY)
    assert counting.count("spans", [span("cart"), span("pay", service="store")]) == 2
    assert totals(store) == {("shop/pay", "good"): 0, ("shop/pay", "bad"): 0}
    store.close()


def test_what_can_t_be_written_is_counted_when_it_is_sent_again(tmp_path: Path) -> None:
    clock = ManualClock(NOW)
    store = Tsdb.open(tmp_path, clock)

    class Failing:
        fails = True

        def __getattr__(self, name: str):
            return getattr(store, name)

        def append_row(self, *arguments: object, **more: object):
            if self.fails:
                raise StorageError("the disk is full")
            return store.append_row(*arguments, **more)

    disk = Failing()
    counting = counters(disk, clock, LOGS)
    records = [Record({"service": "shop", "severity": severity_name(n)}) for n in (9, 17, 21)]
    with pytest.raises(StorageError):
        counting.count("logs", records)
    disk.fails = False
    counting.count("logs", records)
    assert totals(store) == {("shop/logs", "good"): 1, ("shop/logs", "bad"): 2}
    store.close()


def test_more_groups_than_may_be_are_counted_together(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(record_counters, "MAX_GROUPS", 3)
    clock = ManualClock(NOW)
    store = Tsdb.open(tmp_path, clock)
    counting = counters(store, clock, ROUTES)
    counting.count("spans", [span("x", route=f"/{n}") for n in range(5)])
    counting.count("spans", [span("x", route=f"/{n}") for n in range(7)])
    found = {key[2]: count for key, count in totals(store).items() if key[1] == "good"}
    assert found == {"/0": 2, "/1": 2, "/2": 2, "__overflow__": 6}
    store.close()


def test_severities_have_names() -> None:
    names = [severity_name(n) for n in (0, 1, 4, 5, 9, 13, 17, 20, 21, 24)]
    assert names[0] == ""
    assert names[1:] == [
        "trace",
        "trace",
        "debug",
        "info",
        "warn",
        "error",
        "error",
        "fatal",
        "fatal",
    ]


def test_a_rule_without_any_record_makes_no_series(tmp_path: Path) -> None:
    store = Tsdb.open(tmp_path, ManualClock(NOW))
    counters(store, ManualClock(NOW), PAY).count("spans", [])
    assert store.match([Matcher("=", "__name__", COUNTED_RECORDS)]).tolist() == []
    store.close()
