"""In which order the alerts of one message stand: by job, by instance, then short label sets first.

Source: Alertmanager's types.AlertSlice and model.LabelSet.Before.
"""

from __future__ import annotations

from functools import total_ordering

from collector.model.labels import Labels

FIRST_LABELS = ("job", "instance")


def place_in_message(labels: Labels) -> tuple[object, ...]:
    """A key to sort alerts by."""
    first = [(name not in labels, labels.get(name, "")) for name in FIRST_LABELS]
    return (*first, len(labels.pairs), _Rest(labels))


@total_ordering
class _Rest:
    """Label sets of one size: of two, the one that lacks the first name stands before."""

    def __init__(self, labels: Labels) -> None:
        self._pairs = labels.pairs

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Rest) and self._pairs == other._pairs

    def __lt__(self, other: _Rest) -> bool:
        for ours, theirs in zip(self._pairs, other._pairs, strict=True):
            if ours != theirs:
                return ours[1] < theirs[1] if ours[0] == theirs[0] else ours[0] > theirs[0]
        return False

    __hash__ = None  # type: ignore[assignment]
