"""The section `alerts.silences` reaches the running parts, at the start and at a reload."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from alerts.config import AlertsConfig
from alerts.service import AlertService
from alerts.silence import Silence
from alerts.silence_config import SilencesConfig
from collector.model import Alert, Labels, ManualClock
from collector.model.errors import InputError
from collector.model.matchers import Matcher
from tocsin.silence_wiring import build_silences

HOUR_MS = 3_600_000
DOWN = Alert(Labels({"alertname": "Down"}))


class Sink:
    def __init__(self) -> None:
        self.taken: list[Alert] = []

    def emit(self, alerts: Sequence[Alert]) -> None:
        self.taken += alerts


def test_rules_hold_from_the_start_and_change_with_a_reload(tmp_path: Path) -> None:
    clock, sink = ManualClock(1_700_000_000_000), Sink()
    service = AlertService(AlertsConfig(), tmp_path / "a.sqlite", clock, CollectorRegistry())
    config = SilencesConfig.model_validate({"policy": {"max_alerts": 0}, "remind_after": "1h"})
    parts = build_silences(service, sink, config)
    service.emit([DOWN])
    now_ms = clock.now_ms()
    one = Silence("", (Matcher("=", "alertname", "Down"),), now_ms, now_ms + 9 * HOUR_MS, "ana", "")
    with pytest.raises(InputError, match="max_alerts: it would hide 1 firing"):
        service.silences.save(one)
    parts.apply(SilencesConfig.model_validate({"remind_after": "2h"}))
    service.silences.save(one)
    for hours, told in ((1, 0), (1, 1)):
        clock.advance(hours * HOUR_MS)
        service.emit([DOWN])
        parts.tick(clock.now_ms())
        assert len(sink.taken) == told
    service.close()
