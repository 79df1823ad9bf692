"""Endpoints that come, go and stay over reloads and restarts, over real HTTP and a real store."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.forward.forwarder import Forwarder, Wanted
from collector.forward.self_metrics import ForwardMetrics
from collector.forward.tee import ForwardingAppender
from collector.model.clock import SystemClock
from collector.model.errors import ConfigError
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import SampleBatch
from collector.remote_write_config import RemoteWriteConfig
from collector.store.tsdb import Tsdb
from tests.oracles.far_side import FarSide, far_side

Eventually = Callable[..., object]
ONE = Labels.of("x_total", job="j")


class Bench:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.clock = SystemClock()
        self.registry = CollectorRegistry()
        self.store = Tsdb.open(directory / "metrics", self.clock)
        self.metrics = ForwardMetrics(self.registry)
        self.begin()

    def begin(self) -> None:
        self.forwarder = Forwarder(
            self.directory / "forward",
            self.store.labels_of,
            self.store.metadata,
            self.clock,
            self.metrics,
            2**30,
        )
        forwarder = self.forwarder
        self.appender = ForwardingAppender(
            self.store, lambda: forwarder.journal, self.metrics.unqueued.inc
        )

    def want(self, *urls: str, **fields: object) -> None:
        queue = {"batch_send_deadline": "20ms", "max_backoff": "50ms"}
        configs = [
            RemoteWriteConfig.model_validate({"url": url, "queue_config": queue, **fields})
            for url in urls
        ]
        self.forwarder.apply(Wanted(tuple(configs), (("region", "eu"),)))

    def append(self, at_ms: int) -> None:
        refs = self.appender.refs("s", [ONE])
        self.appender.append_row("s", at_ms, refs, np.array([at_ms / 1000]))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.forwarder.close()
    made.store.close()


@pytest.fixture
def side() -> Iterator[FarSide]:
    with far_side() as found:
        yield found


def times(side: FarSide) -> list[int]:
    return [at_ms for at_ms, _ in side.samples.get(Labels.of("x_total", job="j", region="eu"), [])]


def test_without_endpoints_nothing_is_written_twice(bench: Bench) -> None:
    bench.append(1000)
    assert not (bench.directory / "forward").exists()


def test_an_endpoint_gets_what_is_stored_from_then_on(
    bench: Bench, side: FarSide, eventually: Eventually
) -> None:
    bench.append(1000)
    bench.want(side.url)
    bench.append(2000)
    eventually(lambda: times(side) == [2000], 20)


def test_a_reload_and_a_restart_lose_nothing_and_repeat_nothing(
    bench: Bench, side: FarSide, eventually: Eventually
) -> None:
    bench.want(side.url)
    bench.append(1000)
    eventually(lambda: times(side) == [1000], 20)
    bench.want(side.url, send_exemplars=True)
    bench.append(2000)
    eventually(lambda: times(side) == [1000, 2000], 20)
    bench.forwarder.close()
    bench.begin()
    bench.want(side.url)
    bench.append(3000)
    eventually(lambda: times(side) == [1000, 2000, 3000], 20)


def test_an_endpoint_that_is_away_does_not_hold_up_another(
    bench: Bench, side: FarSide, eventually: Eventually
) -> None:
    with far_side() as away:
        away.status = lambda: (503, {})
        bench.want(side.url, away.url)
        bench.append(1000)
        eventually(lambda: times(side) == [1000], 20)
        assert not times(away)
        away.status = lambda: (204, {})
        eventually(lambda: times(away) == [1000], 20)


def test_batches_exemplars_and_metadata_are_sent_too(
    bench: Bench, side: FarSide, eventually: Eventually
) -> None:
    bench.appender.set_metadata("x_total", Metadata("counter", "Help."))
    bench.want(side.url, send_exemplars=True)
    refs = bench.appender.refs("s", [ONE])
    both = np.concatenate([refs, refs])
    batch = SampleBatch(both, np.array([2000, 1000]), np.array([2.0, 1.0]))
    bench.appender.append("s", batch)
    bench.appender.append_exemplars("s", [Exemplar(ONE, Labels({"trace_id": "t"}), 1.0, 1500)])
    eventually(lambda: times(side) == [1000, 2000], 20)
    eventually(lambda: [one.timestamp_ms for one in side.exemplars] == [1500], 20)
    eventually(lambda: side.families == {"x_total": Metadata("counter", "Help.")}, 20)


def test_what_the_store_refuses_is_not_sent(
    bench: Bench, side: FarSide, eventually: Eventually
) -> None:
    bench.want(side.url)
    bench.append(10**10)
    refs = bench.appender.refs("s", [ONE])
    refused = bench.appender.append_row("s", 10**10, refs, np.array([7.0]))
    assert refused.by_reason
    bench.append(10**10 + 1)
    eventually(lambda: times(side) == [10**10, 10**10 + 1], 20)


def test_two_endpoints_of_one_name_are_refused(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="two remote_write sections"):
        bench.want("http://far/", "http://far/")
