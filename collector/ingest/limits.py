"""Every limit on size, length and count of what comes in, with its default and its reason."""

from __future__ import annotations

from dataclasses import dataclass

from collector.model.errors import LimitError
from collector.model.labels import Labels

MEGABYTE = 1024 * 1024

DEFAULT_BODY_BYTES = 64 * MEGABYTE
"""Decompressed body of a scrape: about 500,000 samples; a target that says more is broken."""
MAX_OTLP_BODY_BYTES = 64 * MEGABYTE
"""Decompressed OTLP body: exporters batch to a few MB; more would hold memory for nothing."""
MAX_OTLP_COMPRESSED_BYTES = 16 * MEGABYTE
"""OTLP body as it comes over the wire."""
MAX_OTLP_POINTS = 1_000_000
"""Data points of one OTLP request."""
DEFAULT_MAX_SERIES = 1_000_000
"""Series that the store holds: what a machine of 4 GB can index."""
DEFAULT_QUEUE_BYTES = 2 * 1024 * MEGABYTE
"""Queue of samples to be sent on: some seven hours of 10,000 samples a second."""
MAX_DELTA_SERIES = 200_000
"""OTLP delta series whose running totals are kept."""
MAX_BUCKETS = 10_000
"""Buckets of a native histogram on either side of zero: clients keep to 160; more than this is an
attack or a mistake, and each would be a column."""
MAX_ATTRIBUTE_DEPTH = 16
"""Nesting of an OTLP attribute that is written as JSON."""
MAX_FUTURE_MS = 10 * 60_000
"""A sample further ahead is refused, as in Prometheus: a wrong clock must not shut out others."""
MAX_REMOTE_WRITE_BODY_BYTES = 32 * MEGABYTE
"""Remote-write body, packed or unpacked: Prometheus's own bound against bombs."""
MAX_REMOTE_WRITE_SAMPLES = 1_000_000
"""Samples, and series, of one remote-write request: senders batch 2,000 to 10,000."""
MAX_LABELS = 128
"""Labels of a series that is written remotely; more is a mistake, and every query pays for it."""
MAX_LABEL_NAME_BYTES = 1024
"""Name of a label that is written remotely."""
MAX_LABEL_VALUE_BYTES = 16 * 1024
"""Value of a label that is written remotely: a value is no document."""
MAX_VALUES_PER_LABEL = 100_000
"""Values of one label of one metric: more are ids of users or requests, not of things watched."""
MAX_TARGET_FILE_BYTES = 16 * MEGABYTE
"""One file of file_sd_configs."""


@dataclass(frozen=True, slots=True)
class SeriesLimits:
    """What a scraped series may be, as in `scrape_configs`; 0 is no limit."""

    sample_limit: int = 0
    label_limit: int = 0
    label_name_length_limit: int = 0
    label_value_length_limit: int = 0

    def check_labels(self, labels: Labels) -> None:
        """Raises LimitError when a series has too many labels or one that is too long."""
        if self.label_limit and len(labels) > self.label_limit:
            raise _over("label_limit", self.label_limit, len(labels), f"labels in {labels}")
        for name, value in labels.pairs:
            self._check_length("label_name_length_limit", name, labels)
            self._check_length("label_value_length_limit", value, labels)

    def _check_length(self, limit_name: str, text: str, labels: Labels) -> None:
        limit: int = getattr(self, limit_name)
        length = len(text.encode())
        if limit and length > limit:
            raise _over(limit_name, limit, length, f"bytes in {text[:40]!r} of {labels}")

    def check_samples(self, count: int) -> None:
        """Raises LimitError when a scrape kept more samples than it may."""
        if self.sample_limit and count > self.sample_limit:
            raise _over("sample_limit", self.sample_limit, count, "samples after relabelling")


def _over(name: str, limit: int, count: int, what: str) -> LimitError:
    return LimitError(
        f"{name} of {limit} exceeded: {count} {what[:300]}",
        advice=f"raise {name} in the scrape section, or drop with metric_relabel_configs",
    )


@dataclass(frozen=True, slots=True)
class Guards:
    """Limits on what is new; 0 is no limit."""

    series_per_target: int = 0
    series_per_metric: int = 0
    values_per_label: int = MAX_VALUES_PER_LABEL
    new_series_per_second: int = 0
    labels: int = MAX_LABELS
    label_name_bytes: int = MAX_LABEL_NAME_BYTES
    label_value_bytes: int = MAX_LABEL_VALUE_BYTES
