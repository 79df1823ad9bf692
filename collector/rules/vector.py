"""The value of a rule's expression as series: what recording and alerting rules start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.model.errors import EvaluationError
from collector.model.histograms import NativeHistogram
from collector.model.labels import NO_LABELS, Labels
from collector.query.interface import QueryEngine
from collector.query.values import Scalar, Vector


@dataclass(frozen=True, slots=True)
class Series:
    """One series with its value at the time of the evaluation."""

    labels: Labels
    value: float | NativeHistogram

    @property
    def number(self) -> float:
        """The value; 0 of a histogram, as Prometheus shows it."""
        return self.value if isinstance(self.value, float) else 0.0


def evaluate(engine: QueryEngine, expr: str, at_ms: int) -> list[Series]:
    """The series of an expression; a scalar is one series without labels.

    Raises QueryError, EvaluationError, LimitError as the engine does.
    """
    value = engine.instant(expr, at_ms).value
    match value:
        case Vector():
            samples: list[float | NativeHistogram] = value.values.tolist()
            if value.histograms is not None:
                found = value.histograms.reshape(-1).tolist()
                samples = [
                    number if histogram is None else histogram
                    for number, histogram in zip(samples, found, strict=True)
                ]
            return [Series(*one) for one in zip(value.labels, samples, strict=True)]
        case Scalar():
            return [Series(NO_LABELS, value.value)]
    raise EvaluationError(
        "rule result is not a vector or scalar", advice="aggregate or select at one time"
    )


def limit_error(limit: int, count: int, what: str) -> EvaluationError:
    """The group's `limit` was passed: nothing of the rule is taken."""
    return EvaluationError(
        f"exceeded limit of {limit} with {count} {what}",
        advice="raise the group's limit, or aggregate more",
    )


def doubled(labels: Sequence[Labels]) -> bool:
    """Whether a label set stands there twice."""
    return len(set(labels)) < len(labels)
