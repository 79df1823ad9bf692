"""Who used the budget: values of labels by the bad events of their series, with their bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from collector.model.errors import TocsinError
from collector.model.labels import quote
from dashboards.render.scene import Rect, Scene
from dashboards.render.svg import to_svg
from slo.attribution import Share
from slo.evaluate import SloEngine
from slo.window import window_text
from tocsin.web import texts

SHARES_SHOWN = 10
"""Values of labels, those with the most bad events."""
LONGEST_MS = 6 * 3_600_000
"""Series are counted one by one for this, each time the page is drawn."""
WIDTH, HEIGHT = 110.0, 10.0


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One value of a label; `bar` is SVG."""

    label: str
    bad: str
    total: str
    share: str
    bar: str


@dataclass(frozen=True, slots=True)
class Users:
    """The largest shares of the bad events of `span`; `sentence` says why there are none."""

    span: str
    rows: Sequence[ShareRow]
    more: int
    sentence: str


def users_of(slos: SloEngine, objective_id: str, span_ms: int, now_ms: int) -> Users:
    """Who had the bad events of the last `span_ms`, of 6 hours at most."""
    span_ms = min(span_ms, LONGEST_MS)
    span = window_text(span_ms)
    try:
        found = slos.attribution(objective_id, now_ms - span_ms, now_ms)
    except TocsinError as error:
        return Users(span, [], 0, str(error))
    if found is None:
        return Users(span, [], 0, "The indicator counts no series, so nobody stands out.")
    bad = [one for one in found.shares if one.bad > 0]
    if not bad:
        none = found.bad <= 0
        return Users(span, [], 0, "No bad event." if none else "No label tells its series apart.")
    rows = [_row(one) for one in bad[:SHARES_SHOWN]]
    return Users(span, rows, len(bad) - len(rows), "")


def _row(share: Share) -> ShareRow:
    return ShareRow(
        label=f"{share.label}={quote(share.value)}",
        bad=texts.count(share.bad),
        total=texts.count(share.total),
        share=texts.percent(share.of_bad_ratio, 1),
        bar=to_svg(_bar(share.of_bad_ratio)),
    )


def _bar(ratio: float) -> Scene:
    width = max(HEIGHT, WIDTH * min(1.0, ratio))
    shapes = [
        Rect(0, 0, WIDTH, HEIGHT, "bar-ground", HEIGHT / 2),
        Rect(0, 0, width, HEIGHT, "bar-bad", HEIGHT / 2),
    ]
    return Scene(WIDTH, HEIGHT, f"{ratio:.1%} of the bad events", shapes)
