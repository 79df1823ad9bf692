"""A label that explodes, on a real store: what others ask is read from as few samples as before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.ingest.limits import Guards
from collector.ingest.series_gate import SeriesGate
from collector.ingest.write import SampleWriter
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.query.engine import Engine
from collector.query.values import Answer, Matrix
from collector.self_metrics import IngestMetrics
from collector.store.tsdb import Tsdb

VALUES_PER_LABEL = 500
NEW_EACH_SECOND = 1_000
GOOD = [Labels.of("good_total", zone=f"z{k % 5}", item=str(k)) for k in range(100)]


class World:
    """A target that is in order and one that has put a user's id into a label."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock(1_700_000_000_000)
        self.store = Tsdb.open(directory, self.clock)
        metrics = IngestMetrics(CollectorRegistry())
        gate = SeriesGate(self.store, Guards(values_per_label=VALUES_PER_LABEL), self.clock)
        self.writer = SampleWriter(self.store, metrics, "scrape", self.clock, gate)
        self.engine = Engine(self.store, clock=self.clock)
        self.users = 0

    def second(self, *, explode: bool) -> None:
        self.clock.advance(1_000)
        refs = self.writer.refs("good", GOOD)
        self.writer.row("good", self.clock.now_ms(), refs, np.full(len(GOOD), 1.0))
        if explode:
            first, self.users = self.users, self.users + NEW_EACH_SECOND
            labels = [Labels.of("bad", user=f"u{k}", zone="z1") for k in range(first, self.users)]
            refs = self.writer.refs("bad", labels)
            row = self.writer.gate.merged(refs[refs >= 0], np.ones(int((refs >= 0).sum())), None)
            self.writer.row("bad", self.clock.now_ms(), *row)

    def ask(self) -> Answer:
        now_ms = self.clock.now_ms()
        query = "sum by (zone) (count_over_time(good_total[20s]))"
        return self.engine.range(query, now_ms - 10_000, now_ms, 1_000)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.store.close()


def test_others_are_answered_from_as_many_samples_and_memory_has_a_bound(world: World) -> None:
    for _ in range(40):
        world.second(explode=False)
    calm = world.ask()
    for _ in range(30):
        world.second(explode=True)
    busy = world.ask()
    for answer in (calm, busy):
        assert isinstance(answer.value, Matrix)
        assert answer.value.values.tolist() == [[400.0] * 11] * 5
    assert busy.statistics == calm.statistics
    status = world.store.status()
    assert status.series <= len(GOOD) + 1.2 * VALUES_PER_LABEL
    assert status.head_bytes < 4 * (len(GOOD) + VALUES_PER_LABEL) * 64 * 8
    assert world.store.match([Matcher("=", "zone", "z2")]).size == len(GOOD) // 5


def test_no_event_of_the_one_that_explodes_is_lost_only_its_names(world: World) -> None:
    for _ in range(5):
        world.second(explode=True)
    found = world.store.select([Matcher("=", "__name__", "bad")], 0, 2**62)
    per_second = NEW_EACH_SECOND * 5
    assert sum(float(np.nansum(one.values)) for one in found) == per_second
    (rest,) = [
        one.values[one.labels.index(labels)]
        for one in found
        for labels in one.labels
        if labels["user"] == "__overflow__"
    ]
    assert np.nanmax(rest) == NEW_EACH_SECOND
