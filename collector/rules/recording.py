"""A recording rule's step: the series that it writes at one time. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from collector.model.errors import EvaluationError
from collector.model.labels import METRIC_NAME
from collector.rules.rule import RecordingRule
from collector.rules.vector import Series, doubled, limit_error


def recorded(rule: RecordingRule, found: Sequence[Series], limit: int) -> list[Series]:
    """The expression's series under the rule's name and labels; `limit` 0 is none.

    Raises EvaluationError when two series become the same, or when there are more than `limit`.
    """
    over = {METRIC_NAME: rule.name, **rule.labels}
    made = [Series(one.labels.merged(over), one.value) for one in found]
    if doubled([one.labels for one in made]):
        raise EvaluationError(
            "vector contains metrics with the same labelset after applying rule labels",
            advice="keep the labels that tell the series apart",
        )
    if limit and len(made) > limit:
        raise limit_error(limit, len(made), "series")
    return made
