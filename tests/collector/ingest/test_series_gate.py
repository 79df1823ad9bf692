import numpy as np
import pytest

from collector.ingest.limits import Guards
from collector.ingest.series_gate import OVERFLOW, SeriesGate, reason_of
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from tests.oracles.recording_appender import RecordingAppender


class Bench:
    def __init__(self, max_series: int = 1_000_000, **guards: int) -> None:
        self.store = RecordingAppender(max_series)
        self.clock = ManualClock()
        self.gate = SeriesGate(self.store, Guards(**guards), self.clock)

    def ask(self, *labels: Labels, source: str = "s") -> list[str]:
        """ "ok" or why not, for each."""
        refs = self.gate.refs(source, labels).tolist()
        return ["ok" if ref >= 0 else reason_of(ref) for ref in refs]


def users(*numbers: int, name: str = "hits") -> list[Labels]:
    return [Labels.of(name, user=str(number), zone="a") for number in numbers]


def test_without_limits_every_series_is_made_once() -> None:
    bench = Bench(values_per_label=0)
    assert bench.ask(*users(1, 2, 1)) == ["ok"] * 3
    assert len(bench.store.labels) == 2


def test_a_target_keeps_what_it_had() -> None:
    bench = Bench(series_per_target=2)
    assert bench.ask(*users(1, 2, 3)) == ["ok", "ok", "target_series_limit"]
    assert bench.ask(*users(1, 2)) == ["ok", "ok"]
    assert bench.ask(*users(3), source="other") == ["ok"]


def test_a_metric_s_limit_spares_other_metrics() -> None:
    bench = Bench(series_per_metric=2)
    assert bench.ask(*users(1, 2), *users(3, 4, name="other")) == ["ok"] * 4
    assert bench.ask(*users(5), source="another") == ["metric_series_limit"]
    assert bench.ask(*users(5, name="third")) == ["ok"]


def test_series_that_the_store_knew_before_count_too() -> None:
    store = RecordingAppender()
    store.refs("s", users(1, 2))
    gate = SeriesGate(store, Guards(series_per_target=2), ManualClock())
    assert (gate.refs("s", users(1, 2, 1)) >= 0).all()
    assert reason_of(int(gate.refs("s", users(3))[0])) == "target_series_limit"


def test_new_series_come_at_a_bounded_rate_and_known_ones_at_any() -> None:
    bench = Bench(new_series_per_second=1)
    assert bench.ask(*users(*range(61))) == ["ok"] * 60 + ["new_series_rate"]
    assert bench.ask(*users(*range(60))) == ["ok"] * 60
    bench.clock.advance(2_000)
    assert bench.ask(*users(61, 62, 63)) == ["ok", "ok", "new_series_rate"]


def test_a_label_s_values_overflow_and_its_siblings_do_not() -> None:
    bench = Bench(values_per_label=10)
    for number in range(50):
        assert bench.ask(*users(number)) == ["ok"]
    values = {labels["user"] for labels in bench.store.labels}
    assert OVERFLOW in values
    assert len(values) <= 10 + 10 * 0.1 + 1
    assert {labels["zone"] for labels in bench.store.labels} == {"a"}
    assert bench.gate.offenders().labels[0] == (("hits", "user"), 10)
    assert bench.gate.offenders().overflown[0][0] == ("hits", "user")


def test_a_full_store_makes_what_fits() -> None:
    bench = Bench(max_series=3)
    assert bench.ask(*users(1, 2, 3, 4, 5)) == ["ok"] * 3 + ["series_limit"] * 2
    assert bench.ask(*users(3, 4)) == ["ok", "series_limit"]


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (Labels.of("x", **{f"l{k}": "v" for k in range(4)}), "too_many_labels"),
        (Labels.of("x", **{"l" * 21: "v"}), "label_name_too_long"),
        (Labels.of("x", a="ü" * 16), "label_value_too_long"),
    ],
)
def test_what_is_too_large_by_itself_is_refused(labels: Labels, reason: str) -> None:
    bench = Bench(labels=4, label_name_bytes=20, label_value_bytes=30)
    assert bench.ask(labels, Labels.of("x", a="b")) == [reason, "ok"]


def test_offenders_are_named() -> None:
    bench = Bench(series_per_target=3)
    bench.ask(*users(1, 2), *users(1, name="other"), *users(3, 4))
    told = bench.gate.offenders()
    assert told.metrics == [("hits", 2), ("other", 1)]
    assert told.targets == [("s", 3)]
    assert told.refused == [(("target_series_limit", "hits"), 2)]


def test_a_row_s_overflowing_series_are_one_with_their_sum() -> None:
    bench = Bench(values_per_label=1)
    bench.ask(*users(1))
    refs = bench.gate.refs("s", [*users(2, 3, 4), Labels.of("other")])
    values = np.array([1.0, 2.0, 3.0, 9.0])
    merged, summed, starts = bench.gate.merged(refs, values, np.arange(4))
    assert sorted(summed.tolist()) in ([1.0, 5.0, 9.0], [6.0, 9.0])
    assert len(merged) == len(set(merged.tolist())) == len(summed)
    assert starts is not None
    assert len(starts) == len(merged)


def test_a_million_values_in_a_minute_cost_the_store_few_series() -> None:
    bench = Bench(values_per_label=1_000)
    bench.ask(*users(0, name="quiet"))
    for begin in range(0, 20_000, 2_000):
        bench.ask(*users(*range(begin, begin + 2_000)))
    assert len(bench.store.labels) < 1_200
    assert bench.ask(*users(1, 2, 3, name="quiet")) == ["ok"] * 3
