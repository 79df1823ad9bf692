"""`Exemplar`: one observation that a sample stands for, mostly with the id of its trace."""

from __future__ import annotations

from dataclasses import dataclass

from collector.model.labels import Labels

MAX_LABEL_CHARACTERS = 128
"""All names and values of an exemplar's labels together, as OpenMetrics has it."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """`series`: the labels of the series that it belongs to (of a native histogram: its own labels,
    without the component); `labels`: its own, such as `trace_id`. `has_timestamp` is False when its
    sender gave none and the time is that of the sample: then it is new only by value and labels.
    """

    series: Labels
    labels: Labels
    value: float
    timestamp_ms: int
    has_timestamp: bool = True

    def repeats(self, before: Exemplar) -> bool:
        """Whether it says what the exemplar `before` of the same series said."""
        dated = self.has_timestamp or before.has_timestamp
        if dated and self.timestamp_ms != before.timestamp_ms:
            return False
        both_nan = self.value != self.value and before.value != before.value
        return self.labels == before.labels and (self.value == before.value or both_nan)

    @property
    def is_too_long(self) -> bool:
        """Whether its own labels are longer than OpenMetrics allows."""
        length = sum(len(name) + len(value) for name, value in self.labels.pairs)
        return length > MAX_LABEL_CHARACTERS
