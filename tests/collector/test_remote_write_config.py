"""`remote_write` and the formats of scrape sections, as they are written in the file."""

import pytest
from pydantic import ValidationError

from collector.config import GlobalConfig, ScrapeConfig
from collector.ingest.formats.negotiate import NATIVE_PROTOCOLS
from collector.remote_write_config import RemoteWriteConfig


def test_an_endpoint_has_prometheus_s_defaults() -> None:
    config = RemoteWriteConfig(url="http://far/api/v1/write")
    queue = config.queue_config
    assert (queue.capacity, queue.max_shards, queue.max_samples_per_send) == (10_000, 50, 2_000)
    assert (queue.batch_send_deadline, queue.min_backoff, queue.max_backoff) == (5_000, 30, 5_000)
    assert config.remote_timeout == 30_000
    assert (config.metadata_config.send, config.metadata_config.send_interval) == (True, 60_000)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"url": "far:9090"}, "not an http or https URL"),
        ({"headers": {"Authorization": "x"}}, "is set by tocsin"),
        ({"protobuf_message": "v3"}, "prometheus.WriteRequest"),
        ({"sigv4": {}}, "not supported yet"),
        ({"queue_config": {"max_shards": 0}}, "greater than 0"),
        ({"basic_auth": {"username": "u", "password": "a", "password_file": "b"}}, "only one"),
    ],
)
def test_a_wrong_endpoint_is_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        RemoteWriteConfig.model_validate({"url": "http://far/", **fields})


def section(**fields: object) -> ScrapeConfig:
    return ScrapeConfig.model_validate({"job_name": "j", **fields})


def test_formats_come_from_global_unless_the_section_says() -> None:
    global_ = GlobalConfig(scrape_native_histograms=True, metric_name_validation_scheme="legacy")
    formats = section().with_defaults(global_).formats()
    assert formats.protocols == NATIVE_PROTOCOLS
    assert (formats.histograms.native, formats.escaping) == (True, "underscores")
    own = section(scrape_native_histograms=False, scrape_protocols=["PrometheusText0.0.4"])
    formats = own.with_defaults(global_).formats()
    assert formats.protocols == ("PrometheusText0.0.4",)
    assert not formats.histograms.native


@pytest.mark.parametrize(
    "fields",
    [
        {"scrape_protocols": []},
        {"scrape_protocols": ["PrometheusProto", "PrometheusProto"]},
        {"scrape_protocols": ["Text"]},
        {
            "metric_name_validation_scheme": "legacy",
            "metric_name_escaping_scheme": "allow-utf-8",
        },
    ],
)
def test_wrong_formats_are_refused(fields: dict) -> None:
    with pytest.raises(ValidationError):
        section(**fields)
