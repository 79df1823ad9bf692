"""`Remarks`: what operators say of histograms at one place of the query, in Prometheus's words.

Source: util/annotations of Prometheus 3.
"""

from __future__ import annotations

from dataclasses import dataclass

from collector.model.labels import quote
from collector.query.annotations import Annotations
from collector.query.positions import Span


@dataclass(frozen=True, slots=True)
class Remarks:
    """Adds annotations that stand at `span`."""

    annotations: Annotations
    span: Span

    def mixed_kinds(self, name: str) -> None:
        """A range holds floats and histograms."""
        self._warn(f"encountered a mix of histograms and floats for metric name {quote(name)}")

    def mixed_kinds_in_aggregation(self) -> None:
        """A group holds floats and histograms."""
        self._warn("encountered a mix of histograms and floats for aggregation")

    def mixed_schemas(self, name: str) -> None:
        """Exponential buckets were to meet custom ones."""
        self._warn(
            "vector contains a mix of histograms with exponential and custom buckets schemas for "
            f"metric name {quote(name)}"
        )

    def classic_beside_native(self, name: str) -> None:
        """The same histogram is there in both forms."""
        self._warn(f"vector contains a mix of classic and native histograms{_of(name)}")

    def not_a_counter(self, name: str) -> None:
        """A gauge was given where a counter is needed."""
        self._warn(f"this native histogram metric is not a counter: {quote(name)}")

    def not_a_gauge(self, name: str) -> None:
        """A counter was given where a gauge is needed."""
        self._warn(f"this native histogram metric is not a gauge: {quote(name)}")

    def start_overlaps(self, name: str) -> None:
        """A counter began before the sample before it, which began at another time."""
        self._warn(
            "sample has start time that overlaps with previous sample timestamp for metric "
            f"{quote(name)}"
        )

    def collision(self, operation: str) -> None:
        """One histogram says that its counter was reset, another that it was not."""
        self._warn(f"conflicting counter resets during histogram {operation}")

    def bad_bucket(self, name: str, bound: str) -> None:
        """A classic bucket without a bound."""
        self._warn(
            f'bucket label "le" is missing or has a malformed value of {quote(bound)}{_of(name)}'
        )

    def incompatible_layout(self, operator: str) -> None:
        """A binary operator met exponential and custom buckets."""
        self._warn(f"incompatible bucket layout encountered for binary operator {operator}")

    def reconciled(self, operation: str) -> None:
        """Custom bounds differed."""
        self._inform(f"mismatched custom buckets were reconciled during {operation}")

    def ignored_in_range(self, name: str) -> None:
        """Only the floats of a range were looked at."""
        self._inform(
            "ignored histograms in a range containing both floats and histograms for metric name "
            f"{quote(name)}"
        )

    def ignored_in_aggregation(self, operator: str) -> None:
        """Only the floats of a group were looked at."""
        self._inform(f"ignored histogram in {operator} aggregation")

    def incompatible_types(self, left: str, operator: str, right: str) -> None:
        """A binary operator is not made for these kinds of samples."""
        self._inform(
            "incompatible sample types encountered for binary operator "
            f'"{operator}": {left} {operator} {right}'
        )

    def nan_result(self, name: str) -> None:
        """A quantile falls among observations that were NaN."""
        self._inform(f"input to histogram_quantile has NaN observations, result is NaN{_of(name)}")

    def nan_skew(self, name: str) -> None:
        """NaN observations count as the largest of all."""
        self._inform(
            f"input to histogram_quantile has NaN observations, result is skewed higher{_of(name)}"
        )

    def nan_fraction(self, name: str) -> None:
        """NaN observations are in no fraction."""
        self._inform(
            "input to histogram_fraction has NaN observations, which are excluded from all "
            f"fractions{_of(name)}"
        )

    def forced_monotonicity(self, name: str) -> None:
        """Counts of classic buckets fell where they can't."""
        self._inform(
            "input to histogram_quantile needed to be fixed for monotonicity (see "
            "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)"
            f"{_of(name)}"
        )

    def _warn(self, text: str) -> None:
        self.annotations.warn(text, self.span)

    def _inform(self, text: str) -> None:
        self.annotations.inform(text, self.span)


def _of(name: str) -> str:
    return f" for metric name {quote(name)}" if name else ""
