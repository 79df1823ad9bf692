"""An objective's alert carries the curve of its own burn rate, asked for once a minute."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from alerts.sparkline import EVIDENCE, picture_of
from collector.model import Alert, Labels, ManualClock
from collector.model.errors import LimitError
from collector.query.values import Answer, Matrix
from tocsin.burn_pictures import FRESH_MS, MAX_ASKED, BurnPictures


class Engine:
    """Knows the curves of two groups of one objective."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.fails = False

    def range(self, query: str, start_ms: int, end_ms: int, step_ms: int) -> Answer:
        self.asked.append(query)
        if self.fails:
            raise LimitError("too many samples")
        own = {"__name__": "tocsin_slo_burn_rate", "slo": "a", "service": "shop", "window": "1h"}
        labels = [Labels({**own, "region": region}) for region in ("eu", "us")]
        values = np.array([[np.nan, 1.23456, 2.0], [7.0, 8.0, 9.0]])
        return Answer(Matrix(labels, np.array([start_ms, start_ms + step_ms, end_ms]), values))


class Collected:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []

    def emit(self, alerts: Sequence[Alert]) -> None:
        self.alerts += alerts


def alert(region: str = "us", **evidence: object) -> Alert:
    labels = Labels({"alertname": "B", "slo": "a", "service": "shop", "region": region})
    own = {"burn_rate": 9.0, "long_window": "1h", "service": "shop", **evidence}
    return Alert(labels, evidence=own)  # type: ignore[arg-type]


def pictures(clock: ManualClock) -> tuple[BurnPictures, Engine, Collected]:
    engine, collected = Engine(), Collected()
    return BurnPictures(collected, engine, clock), engine, collected  # type: ignore[arg-type]


def test_an_alert_gets_the_curve_of_its_own_group(clock: ManualClock) -> None:
    sink, engine, collected = pictures(clock)
    sink.emit([alert("us"), alert("eu")])
    assert [one.evidence[EVIDENCE] for one in collected.alerts] == [[7.0, 8.0, 9.0], [1.23, 2.0]]
    assert engine.asked[0] == 'tocsin_slo_burn_rate{slo="a",window="1h",service="shop"}'
    assert picture_of(collected.alerts[0]) is not None


def test_a_curve_is_asked_for_once_a_minute(clock: ManualClock) -> None:
    clock.advance(1_700_000_000_000)
    sink, engine, collected = pictures(clock)
    for _ in range(3):
        sink.emit([alert()])
    assert len(engine.asked) == 1
    clock.advance(FRESH_MS)
    sink.emit([alert()])
    assert len(engine.asked) == 2
    assert all(one.evidence[EVIDENCE] for one in collected.alerts)


def test_other_alerts_and_failing_queries_go_their_way(clock: ManualClock) -> None:
    clock.advance(1_700_000_000_000)
    sink, engine, collected = pictures(clock)
    engine.fails = True
    plain = Alert(Labels({"alertname": "Disk"}))
    sink.emit([plain, alert()])
    assert collected.alerts == [plain, alert()]
    assert len(engine.asked) == 1


def test_many_alerts_at_once_ask_for_some(clock: ManualClock) -> None:
    clock.advance(1_700_000_000_000)
    sink, engine, collected = pictures(clock)
    sink.emit([alert(f"r{n}") for n in range(100)])
    assert len(engine.asked) == MAX_ASKED
    assert len(collected.alerts) == 100
