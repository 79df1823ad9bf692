"""Calendar budgets against a list of single samples, over clock changes, leap days, years."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.model.labels import Labels
from collector.model.matchers import Matcher
from slo.calendar_window import CalendarWindow
from slo.ledger import Ledger

TICK = 15_000
MINUTE_MS = 60_000
TOTAL = [Matcher("=", "__name__", "requests_total")]
BAD = [*TOTAL, Matcher("=", "code", "500")]
BEGINS = ("2026-03-28", "2026-10-24", "2028-02-28", "2027-12-31", "2026-11-01")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata")
steps = st.tuples(
    st.sampled_from([1, 5, 15, 60, 300]),
    st.sampled_from(["200", "500"]),
    st.integers(0, 1000),
    st.sampled_from(["goes on", "goes on", "goes on", "resets", "is not scraped"]),
)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(BEGINS),
    st.sampled_from(ZONES),
    st.sampled_from(["day", "week", "month", "quarter"]),
    st.lists(steps, min_size=5, max_size=60),
)
def test_a_period_has_the_events_since_its_first_moment(
    new_store, objective, begins: str, zone: str, unit: str, history: list
) -> None:
    window = CalendarWindow(unit, zone=zone)
    store = new_store()
    now_ms = int(datetime.fromisoformat(begins).replace(tzinfo=UTC).timestamp() * 1000)
    counters = {"200": 0, "500": 0}
    ticks_ms = [now_ms]
    with tempfile.TemporaryDirectory() as directory:
        ledger = Ledger([replace(objective(), window=window)], store, Path(directory), TICK)
        ledger.tick(now_ms)
        for minutes, code, events, fate in history:
            now_ms += minutes * MINUTE_MS
            if fate == "resets":
                counters = dict.fromkeys(counters, 0)
            counters[code] += events
            if fate != "is not scraped":
                row = {Labels.of("requests_total", code=c): float(n) for c, n in counters.items()}
                store.scrape("shop", now_ms, row)
            ledger.tick(now_ms)
            begin_ms = window.start_ms(now_ms)
            counts = ledger.window_counts(now_ms - begin_ms, now_ms)
            before = [one for one in ticks_ms if one <= begin_ms]
            if before:  # the last tick before the period began, whatever the clocks did
                assert counts.start_ms == before[-1]
            ticks_ms.append(now_ms)
            assert counts.bad[0] == store.truth(BAD, counts.start_ms, now_ms)
            assert counts.total[0] == store.truth(TOTAL, counts.start_ms, now_ms)
            assert np.isfinite(counts.total).all()
