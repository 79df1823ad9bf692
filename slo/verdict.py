"""`Verdict`: what one objective's budget and burn rates say at one time, and the alerts it raises.

One alert for each severity of an objective, whichever of its tiers burn: its identity never changes
while an incident grows from the fast to the slow windows. What a page shows is in `evidence`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from collector.model.alert import Alert, EvidenceValue
from collector.model.labels import Labels, quote
from slo.attribution import Share
from slo.budget import Budget, PeriodEstimate
from slo.burn_rate import Tier
from slo.forecast import Forecast
from slo.late_events import Late
from slo.objective import SEVERITIES, Objective, Severity
from slo.significance import SURE_OF_BURN
from slo.window import window_text

STANDS_OUT_RATIO = 0.5
"""A value that had half of the bad events is named in the alert's text."""
State = Literal["ok", "burning", "exhausted", "no-data", "no-traffic"]


@dataclass(frozen=True, slots=True)
class TierVerdict:
    """One tier with the burn rates of its windows and whether it burns.

    `chance`: the odds that a service which just keeps its objective looks so; 1 unless it burns.
    """

    tier: Tier
    long_rate: float
    short_rate: float
    is_burning: bool
    chance: float = 1.0


@dataclass(frozen=True, slots=True)
class Verdict:
    """One objective at `at_ms`.

    `burn_rates` by window text, the budget's window last; `state` is the worst that is true of:
    no-data (no sample lately), burning (a tier fires), exhausted (no budget left), no-traffic (no
    event in the window). `coverage_ratio` is how much of the window has been watched, `period` what
    a calendar window is expected to end with, `firing_since_ms` when each severity that fires
    began, and `shares` who had the bad events while it burns. Where corrections take stretches of
    the window out, `excluded_ratio` is their part of its time, and `raw_budget` the budget that
    there would be otherwise (None without any). `forecast` says when the budget runs out, where it
    may soon. `late` are the gaps whose events arrived late, the oldest first. Nothing is ever NaN.
    """

    objective: Objective
    at_ms: int
    budget: Budget
    burn_rates: Mapping[str, float]
    tiers: tuple[TierVerdict, ...]
    state: State
    coverage_ratio: float
    period: PeriodEstimate | None = None
    firing_since_ms: Mapping[Severity, int] = field(default_factory=dict)
    shares: tuple[Share, ...] = ()
    warnings: tuple[str, ...] = ()
    raw_budget: Budget | None = None
    excluded_ratio: float = 0.0
    forecast: Forecast | None = None
    late: tuple[Late, ...] = ()

    @property
    def exhausted_in_seconds(self) -> float | None:
        """Until the budget is spent at the burn rate of now; None while nothing is being spent."""
        rate = self._worst(None).long_rate if self.tiers else 0.0
        left_ratio = (self.period or self.budget).left_ratio
        if left_ratio <= 0:
            return 0.0
        if rate <= 0:
            return None
        return left_ratio * self.objective.window.duration_ms / 1000 / rate

    def to_alerts(self) -> list[Alert]:
        """An alert for each severity that fires."""
        return [
            self.alert(severity, self.firing_since_ms[severity])
            for severity in SEVERITIES
            if severity in self.firing_since_ms
        ]

    def alert(self, severity: Severity, starts_at_ms: int, ends_at_ms: int | None = None) -> Alert:
        """The alert of one severity, firing or (with `ends_at_ms`) resolved."""
        objective = self.objective
        own = objective.alerting.of(severity)
        return Alert(
            labels=alert_labels(objective, severity),
            annotations={
                **self._texts(severity),
                **{k: v for k, v in objective.annotations.items() if k != "description"},
                **objective.alerting.annotations,
                **own.annotations,
            },
            starts_at_ms=starts_at_ms,
            ends_at_ms=ends_at_ms,
            evidence=self._evidence(severity),
        )

    def _worst(self, severity: Severity | None) -> TierVerdict:
        """The burning tier with the highest factor; the first of the severity when none burns."""
        tiers = [one for one in self.tiers if severity in (None, one.tier.severity)]
        tiers = tiers or list(self.tiers)  # a reload may have taken the severity's tiers away
        burning = [one for one in tiers if one.is_burning]
        return max(burning, key=lambda one: one.tier.factor) if burning else tiers[0]

    def _texts(self, severity: Severity) -> dict[str, str]:
        worst, budget = self._worst(severity), self.budget
        name = f"{self.objective.service} {self.objective.title}"
        rate = f"{worst.long_rate:.3g}x"
        texts = {
            "summary": f"{name} burns its error budget {rate} faster than allowed",
            "description": (
                f"{rate} over {window_text(worst.tier.long_ms)} and {worst.short_rate:.3g}x over "
                f"{window_text(worst.tier.short_ms)} (limit {worst.tier.factor:g}x). "
                f"{budget.bad:,.0f} of {budget.total:,.0f} events of "
                f"{self.objective.window.phrase} were bad; {self._left()} of the budget is "
                f"left. {_odds(worst.chance)}{_blame(self.shares)}{self.objective.description}"
            ).strip(),
        }
        url = self.objective.runbook_url
        return {**texts, "runbook_url": url} if url else texts

    def _left(self) -> str:
        if self.period is None:
            return f"{self.budget.left_ratio:.1%}"
        return f"{self.budget.left_ratio:.1%} so far, {self.period.left_ratio:.1%} at its end,"

    def _evidence(self, severity: Severity) -> dict[str, EvidenceValue]:
        worst, budget, objective = self._worst(severity), self.budget, self.objective
        return {
            "slo": objective.title,
            "service": objective.service,
            "severity": severity,
            "objective": objective.ratio,
            "sli": budget.sli_ratio,
            "burn_rate": worst.long_rate,
            "burn_rates": dict(self.burn_rates),
            "long_window": window_text(worst.tier.long_ms),
            "short_window": window_text(worst.tier.short_ms),
            "burn_rate_threshold": worst.tier.factor,
            "chance": worst.chance,
            "attribution": [
                {"label": one.label, "value": one.value, "bad": one.bad, "share": one.of_bad_ratio}
                for one in self.shares
            ],
            "budget_left_ratio": budget.left_ratio,
            "budget_left_of_period_ratio": self.period.left_ratio if self.period else None,
            "exhausted_in_seconds": self.exhausted_in_seconds,
            "good": whole(budget.good),
            "bad": whole(budget.bad),
            "total": whole(budget.total),
            "window": objective.window.text,
            "coverage_ratio": self.coverage_ratio,
            "dashboard_url": objective.dashboard_url,
            "runbook_url": objective.runbook_url,
            "query": "; ".join(f"{name}: {text}" for name, text in objective.indicator.queries),
        }


def alert_labels(objective: Objective, severity: Severity) -> Labels:
    """The identity of an objective's alert of one severity; a spec's own labels win."""
    return Labels(
        {
            **objective.labels,
            "severity": severity,
            **objective.alerting.labels,
            **objective.alerting.of(severity).labels,
            **dict(objective.group),
            "alertname": objective.alerting.name,
            "slo": objective.name,
            "service": objective.service,
        }
    )


def _odds(chance: float) -> str:
    """How sure the burn is, in words; nothing to say where no burn was claimed."""
    if chance >= SURE_OF_BURN:
        return ""
    odds = 1 / chance if chance > 1e-9 else 1e9
    return f"A service that keeps its objective looks so less than once in {odds:,.0f} times. "


def _blame(shares: Sequence[Share]) -> str:
    """Who had most of the bad events; nothing to say where nobody stands out."""
    if not shares or shares[0].of_bad_ratio < STANDS_OUT_RATIO:
        return ""
    worst = shares[0]
    return f"{worst.of_bad_ratio:.0%} of the bad events have {worst.label}={quote(worst.value)}. "


def whole(count: float) -> float | int:
    """A count as an int when it is one."""
    return int(count) if count.is_integer() else count
