"""A page's own label `__histogram__`: the store tells the parts of native histograms by that name.

It steps aside as a label does that Prometheus has a use for: `exported_` is put before it.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.model.histogram_columns import COMPONENT

PREFIX = "exported_"


def moved_aside(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels with a reserved one under a name that no other of them has."""
    moved = dict(labels)
    if COMPONENT in moved:
        name = PREFIX + COMPONENT
        while name in moved:
            name = PREFIX + name
        moved[name] = moved.pop(COMPONENT)
    return moved
