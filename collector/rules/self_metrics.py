"""What the rules say of themselves; meanings are those of Prometheus's `prometheus_rule_*`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_GROUP = ("rule_group",)


class RuleMetrics:
    """Declared once, given to the ruler; `rule_group` is `file;group`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"tocsin_rule_group_{name}", text, _GROUP, registry=registry)

        def counter(name: str, text: str) -> Counter:
            return Counter(f"tocsin_rule_{name}", text, _GROUP, registry=registry)

        self.evaluation_seconds = Histogram(
            "tocsin_rule_evaluation_duration_seconds",
            "Time that the evaluation of one rule took.",
            registry=registry,
        )
        self.group_seconds = Histogram(
            "tocsin_rule_group_duration_seconds",
            "Time that one evaluation of a whole group took.",
            registry=registry,
        )
        self.evaluations = counter("evaluations", "Rules that were evaluated.")
        self.failures = counter("evaluation_failures", "Rules whose evaluation failed.")
        self.refused = counter("samples_refused", "Samples of rules that the store did not take.")
        self.iterations = counter("group_iterations", "Evaluations of the group.")
        self.missed = counter(
            "group_iterations_missed", "Evaluations left out because one before took too long."
        )
        self.interval_seconds = gauge("interval_seconds", "Interval of the group.")
        self.rules = gauge("rules", "Rules of the group.")
        self.last_seconds = gauge("last_duration_seconds", "Time that the last evaluation took.")
        self.last_timestamp = gauge(
            "last_evaluation_timestamp_seconds", "When the group was evaluated last, Unix time."
        )
        self.last_samples = gauge(
            "last_evaluation_samples", "Samples that the last evaluation made."
        )
        self.restore_seconds = gauge(
            "last_restore_duration_seconds",
            "Time that reading back the state of the group's alerts took.",
        )

    def forget(self, group: str) -> None:
        """A group is gone: so are its series."""
        for metric in (
            self.evaluations,
            self.failures,
            self.refused,
            self.iterations,
            self.missed,
            self.interval_seconds,
            self.rules,
            self.last_seconds,
            self.last_timestamp,
            self.last_samples,
            self.restore_seconds,
        ):
            if (group,) in metric._metrics:
                metric.remove(group)
