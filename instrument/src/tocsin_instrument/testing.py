"""For the tests of applications: what the code under test counted, and nothing from before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import REGISTRY, CollectorRegistry

Key = tuple[str, frozenset[tuple[str, str]]]


class CapturedMetrics:
    """The samples of a registry against those at the time when capturing began."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry
        self._before = self._samples()

    def increase(self, name: str, **labels: str) -> float:
        """By how much all samples called `name` that have these labels grew together."""
        wanted = set(labels.items())
        return sum(
            value - self._before.get((sample, pairs), 0.0)
            for (sample, pairs), value in self._samples().items()
            if sample == name and wanted <= pairs
        )

    def value(self, name: str, **labels: str) -> float:
        """The sum of all samples called `name` that have these labels, as they are now.

        Raises LookupError when there is none.
        """
        wanted = set(labels.items())
        found = [
            value
            for (sample, pairs), value in self._samples().items()
            if sample == name and wanted <= pairs
        ]
        if not found:
            raise LookupError(f"no sample {name} with labels {labels}")
        return sum(found)

    def _samples(self) -> dict[Key, float]:
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self._registry.collect()
            for sample in family.samples
        }


@contextmanager
def captured_metrics(registry: CollectorRegistry | None = None) -> Iterator[CapturedMetrics]:
    """`with captured_metrics() as metrics:` and then `metrics.increase("x_total", route="/")`."""
    yield CapturedMetrics(REGISTRY if registry is None else registry)
