"""`Alert` and the one-method `AlertSink`: what every judge (SLO, anomaly, rule) emits.

They live at the bottom so that judges and `alerts` never import each other: a judge writes to the
sink that it was given, `alerts.inbox` is a sink by shape, and `tocsin.wiring` puts one into the
other. What a page must show travels inside `evidence`, filled by the judge that knew it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from collector.model.labels import Labels

EvidenceValue: TypeAlias = (
    str | int | float | bool | Sequence["EvidenceValue"] | Mapping[str, "EvidenceValue"] | None
)


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert as its judge sees it now; `labels` (with `alertname`) are its identity.

    A firing alert has `ends_at_ms` None and is emitted again at each tick (the inbox resolves it by
    time-out when its judge falls silent); a resolved one has the time of its end and is emitted
    once. Keys of `evidence` that every channel and page knows: `slo`, `service`, `objective`
    (ratio), `sli` (ratio), `burn_rate`, `burn_rates` (window -> rate), `budget_left_ratio`,
    `exhausted_in_seconds`, `good`, `bad`, `total` (events), `window`, `dashboard_url`,
    `runbook_url`, `query`, `features` (name -> how far).
    """

    labels: Labels
    annotations: Mapping[str, str] = field(default_factory=dict)
    starts_at_ms: int = 0
    ends_at_ms: int | None = None
    generator_url: str = ""
    evidence: Mapping[str, EvidenceValue] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The label `alertname`, or ""."""
        return self.labels.get("alertname", "")

    @property
    def fingerprint(self) -> str:
        """16 hex digits that identify the label set, equal in every process."""
        return f"{self.labels.stable_hash():016x}"

    def is_firing(self, now_ms: int) -> bool:
        """Whether the alert has not ended by `now_ms`."""
        return self.ends_at_ms is None or self.ends_at_ms > now_ms


class AlertSink(Protocol):
    """Where judges put what they found."""

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Take alerts over; returns when they are durable. Safe to call from any thread."""
        ...
