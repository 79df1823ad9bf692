"""Short ways to say the two panels that boards have most: one figure, and lines over time."""

from __future__ import annotations

from collections.abc import Sequence

from dashboards.board import Panel, Query, Threshold

STAT_HEIGHT = 4
OK_UNTIL_ONE = (Threshold(None, "good"), Threshold(1, "bad"))
"""For counts of what should not be."""


def stat(
    title: str,
    description: str,
    expr: str,
    *,
    unit: str = "short",
    thresholds: Sequence[Threshold] = (),
    decimals: int | None = None,
    width: int = 4,
    no_value: str = "",
) -> Panel:
    """The newest value of one series, in large."""
    return Panel(
        title,
        "stat",
        description,
        (Query(expr, title, instant=True),),
        unit=unit,
        width=width,
        height=STAT_HEIGHT,
        thresholds=thresholds,
        decimals=decimals,
        no_value=no_value,
    )


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    width: int = 8,
    stacked: bool = False,
    minimum: float | None = 0,
    maximum: float | None = None,
    no_value: str = "",
) -> Panel:
    """Series over time; the axis begins at 0 unless `minimum` says otherwise."""
    return Panel(
        title,
        "timeseries",
        description,
        queries,
        unit=unit,
        width=width,
        stacked=stacked,
        minimum=minimum,
        maximum=maximum,
        no_value=no_value,
    )
