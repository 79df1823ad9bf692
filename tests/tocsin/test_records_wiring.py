"""The objectives of the configuration decide which spans are counted, also after a reload."""

from __future__ import annotations

from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from prometheus_client import CollectorRegistry

from collector.ingest.receivers.otlp_exchange import PROTOBUF
from collector.model.clock import ManualClock
from collector.model.matchers import Matcher
from collector.model.record_rule import COUNTED_RECORDS
from collector.store.tsdb import Tsdb
from tocsin.config import Config, load_config
from tocsin.records_wiring import build_records

SPEC = """
version: tocsin/v1
service: shop
name: NAME
objective: 99%
spans: {where: {name: pay}, slower_than: 1s}
"""


def config(directory: Path, name: str) -> Config:
    (directory / "slo.yaml").write_text(SPEC.replace("NAME", name))
    file = directory / "tocsin.yaml"
    file.write_text("slos: {files: [slo.yaml]}\n")
    return load_config(file, {})


def request() -> bytes:
    found = ExportTraceServiceRequest()
    of = found.resource_spans.add()
    of.resource.attributes.add(key="service.name").value.string_value = "shop"
    of.scope_spans.add().spans.add(name="pay", end_time_unix_nano=1)
    return bytes(found.SerializeToString())


def test_spans_are_counted_by_the_objectives_of_now(tmp_path: Path) -> None:
    clock = ManualClock(1_700_000_000_000)
    store = Tsdb.open(tmp_path / "store", clock)
    records = build_records(config(tmp_path, "one"), store, store, clock, CollectorRegistry())
    for _ in range(3):
        assert records.traces.receive(request(), PROTOBUF, "").status == 200
    records.apply(config(tmp_path, "two"))
    assert records.traces.receive(request(), PROTOBUF, "").status == 200
    refs = store.match([Matcher("=", "__name__", COUNTED_RECORDS), Matcher("=", "outcome", "good")])
    counted = store.counter_totals(refs).total.tolist()
    rules = [one["rule"] for one in store.labels_of(refs)]
    assert dict(zip(rules, counted, strict=True)) == {"shop/one": 3, "shop/two": 1}
    store.close()
