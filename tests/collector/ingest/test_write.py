"""The one road into the store."""

import numpy as np
from prometheus_client import CollectorRegistry

from collector.ingest.limits import MAX_FUTURE_MS
from collector.ingest.write import SampleWriter
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.samples import SampleBatch
from collector.self_metrics import IngestMetrics
from tests.oracles.recording_appender import RecordingAppender

NOW_MS = 1_700_000_000_000


def test_a_sample_far_ahead_of_the_clock_is_refused_and_counted() -> None:
    registry, appender = CollectorRegistry(), RecordingAppender()
    writer = SampleWriter(appender, IngestMetrics(registry), "otlp", ManualClock(NOW_MS))
    refs = writer.refs("s", [Labels.of("x"), Labels.of("y")])
    edge_ms = NOW_MS + MAX_FUTURE_MS
    assert writer.row("s", edge_ms, refs, np.array([1.0, 2.0])) == 2
    assert writer.row("s", edge_ms + 1, refs, np.array([1.0, 2.0])) == 0
    batch = SampleBatch(refs, np.array([2**62, NOW_MS]), np.array([3.0, 4.0]))
    assert writer.batch("s", batch) == 1
    labels = {"origin": "otlp", "reason": "too_far_in_the_future"}
    assert registry.get_sample_value("tocsin_ingest_samples_refused_total", labels) == 3
