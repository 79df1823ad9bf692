"""Formats, histograms, exemplars and names as a scrape section chooses them, over real HTTP."""

import asyncio
from collections.abc import Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry

from collector.config import GlobalConfig, ScrapeConfig
from collector.ingest.scrape.pool import ScrapePool
from collector.model.clock import SystemClock
from collector.model.histogram_columns import COMPONENT
from collector.model.labels import Labels
from collector.self_metrics import IngestMetrics
from tests.oracles.exposition_server import Answer, ExpositionServer
from tests.oracles.metric_families import (
    COUNTER,
    HISTOGRAM,
    classic,
    delimited,
    exemplar,
    family,
    metric,
    moment,
    spans,
)
from tests.oracles.recording_appender import RecordingAppender

PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
BODY = delimited(
    family(
        "c_total",
        COUNTER,
        [
            metric(
                {"a": "b"},
                counter={
                    "value": 3,
                    "exemplar": exemplar({"trace_id": "t"}, 1.0, 5000),
                    "created_timestamp": moment(4000),
                },
            )
        ],
        help="Help.",
    ),
    family(
        "h",
        HISTOGRAM,
        [
            metric(
                {},
                histogram=classic(
                    [1, 7], [0.1], 3.5, schema=2, positive_span=spans((0, 1)), positive_delta=[7]
                ),
            )
        ],
    ),
)


class Bench:
    def __init__(self) -> None:
        self.store = RecordingAppender()
        self.servers: list[ExpositionServer] = []

    def scrape(self, answer: Answer, until: Callable[[], object], **fields: object) -> str:
        """Scrape until a condition holds; answers the header Accept."""
        server = ExpositionServer(answer)
        self.servers.append(server)
        section = {
            "job_name": "j",
            "scrape_interval": "200ms",
            "static_configs": [{"targets": [server.address]}],
            **fields,
        }
        pool = ScrapePool(self.store, IngestMetrics(CollectorRegistry()), SystemClock())
        pool.apply([ScrapeConfig.model_validate(section)], GlobalConfig())

        async def run() -> None:
            running = asyncio.create_task(pool.run())
            for _ in range(1000):
                if until():
                    break
                await asyncio.sleep(0.02)
            pool.close()
            await running

        asyncio.run(run())
        return server.requests[0][1]["Accept"]

    def names(self) -> set[str]:
        return {one.metric_name for one in self.store.labels} - {
            "up",
            "scrape_duration_seconds",
            "scrape_samples_scraped",
            "scrape_samples_post_metric_relabeling",
            "scrape_series_added",
        }


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for server in made.servers:
        server.close()


def test_native_histograms_come_by_protobuf(bench: Bench) -> None:
    accept = bench.scrape(
        Answer(BODY, content_type=PROTOBUF),
        lambda: bench.store.values("scrape_samples_scraped"),
        scrape_native_histograms=True,
    )
    assert accept.startswith("application/vnd.google.protobuf;")
    assert bench.names() == {"c_total", "h"}
    assert all(COMPONENT in one for one in bench.store.labels if one.metric_name == "h")
    assert bench.store.values("scrape_samples_scraped")[0] == 2.0, "a histogram is one sample"
    ((labels, at_ms), start_ms) = next(iter(bench.store.start_ms.items()))
    assert (labels.metric_name, start_ms) == ("c_total", 4000)
    assert at_ms > start_ms
    assert bench.store.families["c_total"].help == "Help."
    found = {
        (one.series.metric_name, one.labels, one.timestamp_ms) for one in bench.store.exemplars
    }
    assert found == {("c_total", Labels({"trace_id": "t"}), 5000)}


def test_classic_histograms_are_all_there_is_without(bench: Bench) -> None:
    accept = bench.scrape(
        Answer(BODY, content_type=PROTOBUF), lambda: bench.store.values("scrape_samples_scraped")
    )
    assert accept.startswith("application/openmetrics-text;")
    assert bench.names() == {"c_total", "h_bucket", "h_count", "h_sum"}


@pytest.mark.parametrize("body", [b"a 1\nb 2\n", b"a 1\nb 2\n# EOF\nc 3\n", b"a 1\nb 2\nc x\n"])
def test_a_wrong_page_is_down_and_tells_how_many_samples_were_right(
    bench: Bench, body: bytes
) -> None:
    bench.scrape(
        Answer(body, content_type="application/openmetrics-text; version=1.0.0"),
        lambda: bench.store.values("scrape_samples_scraped"),
    )
    assert bench.store.values("up")[0] == 0.0
    assert bench.store.values("scrape_samples_scraped")[0] == 2.0


def test_classic_histograms_are_converted_when_asked_for(bench: Bench) -> None:
    text = b'# TYPE h histogram\nh_bucket{le="1"} 2\nh_bucket{le="+Inf"} 3\nh_count 3\nh_sum 4\n'
    bench.scrape(
        Answer(text),
        lambda: bench.store.values("scrape_samples_scraped"),
        convert_classic_histograms_to_nhcb=True,
    )
    assert bench.names() == {"h"}
    assert bench.store.values("h", **{COMPONENT: "le1.0"})[0] == 2.0


UTF8 = Answer(b'{"my.metric"} 1\n')


def test_names_may_be_utf_8(bench: Bench) -> None:
    accept = bench.scrape(UTF8, lambda: bench.store.values("up"))
    assert "escaping=allow-utf-8" in accept
    assert bench.store.values("my.metric")[0] == 1.0


def test_legacy_names_are_asked_for_and_others_fail_the_scrape(bench: Bench) -> None:
    accept = bench.scrape(
        UTF8, lambda: bench.store.values("up"), metric_name_validation_scheme="legacy"
    )
    assert "escaping=underscores" in accept
    assert bench.store.values("up")[0] == 0.0
    assert bench.names() == set()
