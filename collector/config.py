"""Pydantic models of the collector's sections, under the names that Prometheus gave them.

Knows nothing of files and lines: the application maps a field's place to its line. Durations and
sizes are written as text (`15s`, `64MB`) and held as milliseconds and bytes. A key of Prometheus
that is not served is a field of its own, so that the error can say so instead of "no such field".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator
from pydantic import model_validator as validate_model

from collector.config_values import DurationMs, NotYet, Section, SizeBytes
from collector.discovery_config import (
    DnsSdConfig,
    FileSdConfig,
    HttpSdConfig,
    KubernetesSdConfig,
    StaticConfig,
)
from collector.http_config import HttpClientConfig
from collector.ingest.formats.otlp_names import Strategy
from collector.ingest.limits import (
    DEFAULT_BODY_BYTES,
    DEFAULT_MAX_SERIES,
    DEFAULT_QUEUE_BYTES,
    MAX_LABEL_NAME_BYTES,
    MAX_LABEL_VALUE_BYTES,
    MAX_LABELS,
    MAX_OTLP_BODY_BYTES,
    MAX_VALUES_PER_LABEL,
    Guards,
)
from collector.ingest.relabel import Action, Rule
from collector.model.errors import InputError
from collector.model.regex import compile_regex
from collector.scrape_formats_config import ScrapeFormats, SectionFormats
from collector.store.exemplars import DEFAULT_MAX_EXEMPLARS

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS


_TAKEN: Mapping[Action, set[str]] = {
    "labeldrop": {"action", "regex"},
    "labelkeep": {"action", "regex"},
    "keepequal": {"action", "source_labels", "separator", "target_label"},
    "dropequal": {"action", "source_labels", "separator", "target_label"},
}
"""Fields of the actions that have few; Prometheus refuses the others too, as they say nothing."""


class RelabelConfig(Section):
    """One step of `relabel_configs` or `metric_relabel_configs`."""

    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    regex: Annotated[str, BeforeValidator(str)] = "(.*)"
    modulus: int = Field(default=0, ge=0)
    target_label: str = ""
    replacement: Annotated[str, BeforeValidator(str)] = "$1"
    action: Annotated[Action, BeforeValidator(lambda text: str(text).lower())] = "replace"

    @field_validator("regex")
    @classmethod
    def _is_re2(cls, regex: str) -> str:
        try:
            compile_regex(regex)
        except InputError as error:
            raise ValueError(str(error)) from error
        return regex

    @validate_model(mode="after")
    def _has_what_its_action_needs(self) -> Self:
        if self.action == "hashmod" and not self.modulus:
            raise ValueError("action hashmod needs a modulus above 0")
        aims = ("replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal")
        if self.action in aims and not self.target_label:
            raise ValueError(f"action {self.action} needs target_label")
        taken, fields = _TAKEN.get(self.action, type(self).model_fields), type(self).model_fields
        ignored = [
            name
            for name in sorted(fields.keys() - set(taken))
            if getattr(self, name) != fields[name].default
        ]
        if ignored:
            raise ValueError(f"action {self.action} does not look at {', '.join(ignored)}")
        return self

    def rule(self) -> Rule:
        """The step as relabelling takes it."""
        return Rule(
            action=self.action,
            source_labels=self.source_labels,
            separator=self.separator,
            regex=self.regex,
            modulus=self.modulus,
            target_label=self.target_label,
            replacement=self.replacement,
        )


class _ScrapeLimits(Section):
    """What stands in `global` and in a scrape section; 0 is no limit."""

    body_size_limit: SizeBytes | None = None
    sample_limit: int | None = Field(default=None, ge=0)
    label_limit: int | None = Field(default=None, ge=0)
    label_name_length_limit: int | None = Field(default=None, ge=0)
    label_value_length_limit: int | None = Field(default=None, ge=0)
    target_limit: int | None = Field(default=None, ge=0)
    keep_dropped_targets: int | None = Field(default=None, ge=0)
    extra_scrape_metrics: bool | None = None


class GlobalConfig(_ScrapeLimits, ScrapeFormats):
    """The collector's part of the block `global`."""

    scrape_interval: DurationMs = Field(default=MINUTE_MS, gt=0)
    scrape_timeout: DurationMs = Field(default=10_000, gt=0)
    evaluation_interval: DurationMs = Field(default=MINUTE_MS, gt=0)
    rule_query_offset: DurationMs = 0
    external_labels: dict[str, Annotated[str, BeforeValidator(str)]] = Field(default_factory=dict)
    query_log_file: NotYet = None
    scrape_failure_log_file: NotYet = None
    runtime: NotYet = None


class _UnservedScrapeKeys(Section):
    """What Prometheus takes in a scrape section and tocsin does not yet."""

    azure_sd_configs: NotYet = None
    consul_sd_configs: NotYet = None
    digitalocean_sd_configs: NotYet = None
    docker_sd_configs: NotYet = None
    dockerswarm_sd_configs: NotYet = None
    ec2_sd_configs: NotYet = None
    eureka_sd_configs: NotYet = None
    gce_sd_configs: NotYet = None
    hetzner_sd_configs: NotYet = None
    ionos_sd_configs: NotYet = None
    kuma_sd_configs: NotYet = None
    lightsail_sd_configs: NotYet = None
    linode_sd_configs: NotYet = None
    marathon_sd_configs: NotYet = None
    nerve_sd_configs: NotYet = None
    nomad_sd_configs: NotYet = None
    openstack_sd_configs: NotYet = None
    ovhcloud_sd_configs: NotYet = None
    puppetdb_sd_configs: NotYet = None
    scaleway_sd_configs: NotYet = None
    serverset_sd_configs: NotYet = None
    stackit_sd_configs: NotYet = None
    triton_sd_configs: NotYet = None
    uyuni_sd_configs: NotYet = None
    vultr_sd_configs: NotYet = None
    scrape_failure_log_file: NotYet = None
    scrape_classic_histograms: NotYet = None


class ScrapeConfig(_ScrapeLimits, SectionFormats, HttpClientConfig, _UnservedScrapeKeys):
    """One entry of `scrape_configs`; what is None comes from `global`, see `with_defaults`."""

    job_name: str = Field(min_length=1)
    scrape_interval: DurationMs | None = Field(default=None, gt=0)
    scrape_timeout: DurationMs | None = Field(default=None, gt=0)
    metrics_path: str = "/metrics"
    scheme: Literal["http", "https"] = "http"
    params: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    enable_compression: bool = True
    relabel_configs: tuple[RelabelConfig, ...] = ()
    static_configs: tuple[StaticConfig, ...] = ()
    file_sd_configs: tuple[FileSdConfig, ...] = ()
    http_sd_configs: tuple[HttpSdConfig, ...] = ()
    dns_sd_configs: tuple[DnsSdConfig, ...] = ()
    kubernetes_sd_configs: tuple[KubernetesSdConfig, ...] = ()
    metric_relabel_configs: tuple[RelabelConfig, ...] = ()

    @field_validator("static_configs")
    @classmethod
    def _targets_are_addresses(
        cls, groups: tuple[StaticConfig, ...], info: ValidationInfo
    ) -> tuple[StaticConfig, ...]:
        """Relabelling may make a parameter of a URL, as for probes; nothing else does."""
        for target in (one for group in groups for one in group.targets):
            if "/" in target and not info.data.get("relabel_configs"):
                raise ValueError(
                    f"{target!r} is not host:port; the path goes into metrics_path, "
                    "http or https into scheme"
                )
        return groups

    @field_validator("scrape_timeout")
    @classmethod
    def _timeout_fits(cls, timeout_ms: int | None, info: ValidationInfo) -> int | None:
        interval_ms = info.data.get("scrape_interval")
        if timeout_ms and interval_ms and timeout_ms > interval_ms:
            raise ValueError("scrape_timeout must not be longer than scrape_interval")
        return timeout_ms

    def with_defaults(self, global_: GlobalConfig) -> Self:
        """A copy in which interval, timeout and limits are known.

        As in Prometheus, an interval shorter than the common timeout shortens the timeout.
        """
        interval_ms = self.scrape_interval or global_.scrape_interval
        timeout_ms = self.scrape_timeout or min(global_.scrape_timeout, interval_ms)
        limits = {
            name: getattr(global_, name) if getattr(self, name) is None else getattr(self, name)
            for name in (*_ScrapeLimits.model_fields, *ScrapeFormats.model_fields)
        }
        limits["extra_scrape_metrics"] = bool(limits["extra_scrape_metrics"])
        if limits["body_size_limit"] is None:
            limits["body_size_limit"] = DEFAULT_BODY_BYTES
        times = {"scrape_interval": interval_ms, "scrape_timeout": timeout_ms}
        return self.model_copy(update={**limits, **times})


class OtlpGrpcConfig(Section):
    """Part `otlp.grpc`: where OTLP over gRPC is taken; no address is nowhere."""

    listen_address: str = "127.0.0.1:4317"

    @field_validator("listen_address")
    @classmethod
    def _is_an_address(cls, text: str) -> str:
        if text and not text.rpartition(":")[2].isdecimal():
            raise ValueError("not host:port, like 127.0.0.1:4317")
        return text


class OtlpConfig(Section):
    """Section `otlp`: how OpenTelemetry metrics become series."""

    promote_resource_attributes: tuple[str, ...] = ()
    promote_all_resource_attributes: bool = False
    ignore_resource_attributes: tuple[str, ...] = ()
    keep_identifying_resource_attributes: bool = False
    translation_strategy: Strategy = "UnderscoreEscapingWithSuffixes"
    convert_histograms_to_nhcb: bool = False
    label_name_underscore_sanitization: bool = True
    label_name_preserve_multiple_underscores: bool = True
    max_body_size: SizeBytes = MAX_OTLP_BODY_BYTES
    grpc: OtlpGrpcConfig = OtlpGrpcConfig()
    promote_scope_metadata: NotYet = None


class ExemplarsConfig(Section):
    """Part `storage.exemplars`."""

    max_exemplars: int = Field(default=DEFAULT_MAX_EXEMPLARS, ge=0)


class LimitsConfig(Section):
    """Section `limits`: what is new is held against them, however it comes in; 0 is no limit."""

    series_per_target: int = Field(default=0, ge=0)
    series_per_metric: int = Field(default=0, ge=0)
    values_per_label: int = Field(default=MAX_VALUES_PER_LABEL, ge=0)
    new_series_per_second: int = Field(default=0, ge=0)
    labels_per_series: int = Field(default=MAX_LABELS, ge=0)
    label_name_length: int = Field(default=MAX_LABEL_NAME_BYTES, ge=0)
    label_value_length: int = Field(default=MAX_LABEL_VALUE_BYTES, ge=0)

    def guards(self) -> Guards:
        """The section as ingest takes it."""
        return Guards(
            series_per_target=self.series_per_target,
            series_per_metric=self.series_per_metric,
            values_per_label=self.values_per_label,
            new_series_per_second=self.new_series_per_second,
            labels=self.labels_per_series,
            label_name_bytes=self.label_name_length,
            label_value_bytes=self.label_value_length,
        )


class StorageConfig(Section):
    """Section `storage`: how much is kept, how long, and how safely it is written."""

    retention_time: DurationMs = Field(default=15 * DAY_MS, gt=0)
    retention_time_5m: DurationMs = 0
    retention_time_1h: DurationMs = 0
    retention_size: SizeBytes = 0
    retention_percentage: float = Field(default=0.0, ge=0, le=100)
    max_series: int = Field(default=DEFAULT_MAX_SERIES, gt=0)
    wal_fsync: Literal["always", "interval", "never"] = "interval"
    out_of_order_time_window: DurationMs = 60 * MINUTE_MS
    exemplars: ExemplarsConfig = Field(default_factory=ExemplarsConfig)
    remote_write_queue_size: SizeBytes = DEFAULT_QUEUE_BYTES
