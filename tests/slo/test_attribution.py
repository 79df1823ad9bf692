"""Who used the budget: the parts add up to what the ledger counted, resets and births included."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from collector.model.labels import Labels
from slo.attribution import attribution
from slo.indicators.sampled import sampled
from slo.ledger import Ledger

TICK = 15_000
BEGIN = 1_700_000_040_000
STORE = importlib.import_module("tests.oracles.counting_store").CountingStore
make_objective = importlib.import_module("tests.slo.conftest").make_objective

events = st.lists(
    st.tuples(
        st.sampled_from(["/pay", "/cart"]),
        st.sampled_from(["200", "500"]),
        st.integers(0, 50),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


@settings(max_examples=60, deadline=None, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(events, st.integers(0, 20))
def test_the_parts_add_up_to_what_the_ledger_has(tmp_path_factory, history, skipped: int) -> None:
    store, objective = STORE(), make_objective()
    ledger = Ledger([objective], store, tmp_path_factory.mktemp("ledger"), TICK)
    counters: dict[Labels, int] = {}
    truth: dict[tuple[str, str], int] = {}
    store.scrape("shop", BEGIN - TICK, {Labels.of("up"): 1})
    ledger.tick(BEGIN - TICK)
    skipped = min(skipped, len(history) - 1)
    start_ms = BEGIN + (skipped - 1) * TICK
    for number, (route, code, count, resets) in enumerate(history):
        key = Labels.of("requests_total", route=route, code=code)
        counters[key] = count if resets else counters.get(key, 0) + count
        if number >= skipped:
            truth[route, code] = truth.get((route, code), 0)
        store.scrape("shop", BEGIN + number * TICK, counters)
        ledger.tick(BEGIN + number * TICK)
    end_ms = BEGIN + (len(history) - 1) * TICK
    found = attribution(objective, store, None, start_ms, end_ms)
    counts = ledger.window_counts(end_ms - start_ms, end_ms)
    assert found.bad == counts.bad[0]
    assert found.total == counts.total[0]
    for label in ("route", "code"):
        shares = [one for one in found.shares if one.label == label]
        if shares:
            assert sum(one.bad for one in shares) == found.bad
            assert sum(one.total for one in shares) == found.total


def test_the_value_with_most_bad_events_comes_first(tmp_path: Path) -> None:
    store = STORE()

    def scrape(at: int, pay: int, cart: int) -> None:
        series = {
            Labels.of("requests_total", route="/pay", code="500", job="shop"): pay,
            Labels.of("requests_total", route="/cart", code="500", job="shop"): cart,
            Labels.of("requests_total", route="/pay", code="200", job="shop"): 1000,
        }
        store.scrape("shop", at, series)

    scrape(BEGIN, 0, 0)
    scrape(BEGIN + TICK, 30, 10)
    found = attribution(make_objective(), store, None, BEGIN, BEGIN + TICK)
    first = found.shares[0]
    assert (first.label, first.value, first.bad, first.of_bad_ratio) == ("code", "500", 40, 1.0)
    assert [(one.value, one.bad) for one in found.shares if one.label == "route"] == [
        ("/pay", 30),
        ("/cart", 10),
    ]
    assert "job" not in {one.label for one in found.shares}
    assert np.isfinite([one.of_bad_ratio for one in found.shares]).all()


def test_what_counts_no_series_has_nobody_to_blame() -> None:
    probe = make_objective(indicator=sampled("x", "up", "gte", 1, 60_000))
    assert attribution(probe, STORE(), None, 0, 1) is None
