"""What the SLO engine counts about itself, declared once."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class SloMetrics:
    """Objectives, and what could not be saved, published, told or continued."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.objectives = Gauge(
            "tocsin_slo_objectives", "Objectives that are judged.", registry=registry
        )
        self.lost_marks = Gauge(
            "tocsin_slo_ledger_lost_marks",
            "Counters that the last restart could not continue at their last counted sample.",
            registry=registry,
        )
        self.failures = Counter(
            "tocsin_slo_failures",
            "Ticks on which a step failed; the next tick does it again.",
            ("step",),
            registry=registry,
        )
        self.samples_refused = Counter(
            "tocsin_slo_samples_refused",
            "Published samples that the store did not take.",
            ("reason",),
            registry=registry,
        )
        self.policy_posts = Counter(
            "tocsin_slo_policy_posts",
            "Posts of error-budget policies, and tries of them that failed.",
            ("outcome",),
            registry=registry,
        )
        for step in ("save", "publish", "alert", "corrections", "policies"):
            self.failures.labels(step)
        for outcome in ("delivered", "failed", "given_up"):
            self.policy_posts.labels(outcome)

    def refuse(self, reason: str, count: int) -> None:
        """Count samples of objectives that the store refused."""
        self.samples_refused.labels(reason).inc(count)
