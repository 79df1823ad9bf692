"""`Revisions`: what each objective promised when, so that an edit does not rewrite the past.

A revision begins when an objective's target, window, or what it counts is edited, by a reload or
over a restart. The budget of now is judged by the newest revision over its whole window; what is
told of a time before is what was judged then: with that revision's target and window, and where it
counted something else, with the counts that were kept of it.

A JSON object a line in one file; a revision that ends because something else is counted leaves its
rows there.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from collector.model.samples import Float64s, Int64s
from slo.calendar_window import CalendarWindow
from slo.column_key import column_key
from slo.corrections import append_line, read_lines
from slo.ledger_file import Rows
from slo.objective import Objective
from slo.window import Window

NAME = "revisions.jsonl"


@dataclass(frozen=True, slots=True)
class Revision:
    """The `number`-th text of an objective, after `from_ms`; the first holds for all before too.

    `counts` is a digest of what it counts; `rows` what it had counted when that was edited.
    """

    number: int
    from_ms: int
    target: Fraction
    window: Window | CalendarWindow
    counts: str
    rows: Rows | None = None

    def cumulative(self, times_ms: Int64s) -> tuple[Float64s, Float64s]:
        """Bad and total events (float64[t]) that its rows had by each time."""
        times, bad, total = self.rows or (np.zeros(0, np.int64), np.zeros(0), np.zeros(0))
        if not len(times):
            return np.zeros(len(times_ms)), np.zeros(len(times_ms))
        index = np.maximum(np.searchsorted(times, times_ms, side="right") - 1, 0)
        return bad[index], total[index]


class Revisions:
    """Of all objectives that there ever were, by id."""

    def __init__(self, directory: Path) -> None:
        """Raises StorageError when the file of a former run can't be read."""
        self._path = directory / NAME
        self._by_id: dict[str, list[Revision]] = {}
        for record in read_lines(self._path):
            if "rows" in record:
                self._keep_rows(record["id"], _unpacked(record["rows"]))
            else:
                self._by_id.setdefault(record["id"], []).append(_read(record))

    def note(
        self, objectives: Sequence[Objective], replaced: Mapping[str, Rows], now_ms: int
    ) -> None:
        """Begin a revision of each objective that was edited.

        `replaced` has by id what was counted of those that count something else now. Raises
        StorageError; what could not be written is known until the end of this run.
        """
        lines: list[str] = []
        for one in objectives:
            former = self._by_id.setdefault(one.id, [])
            found = Revision(len(former) + 1, now_ms, one.target, one.window, _digest(one))
            if former and _same(former[-1], found):
                continue
            rows = replaced.get(one.id)
            if former and rows is not None and former[-1].counts != found.counts:
                self._keep_rows(one.id, rows)
                lines.append(json.dumps({"id": one.id, "rows": _packed(rows)}))
            former.append(found)
            lines.append(json.dumps({"id": one.id, **_written(found)}))
        if lines:
            append_line(self._path, "\n".join(lines))

    def of(self, objective_id: str) -> tuple[Revision, ...]:
        """All of one objective, the oldest first; each with the rows of who counted the same."""
        found: list[Revision] = []
        rows: Rows | None = None
        for one in reversed(self._by_id.get(objective_id, [])):
            rows = one.rows if one.rows is not None else rows
            found.append(replace(one, rows=rows))
        return tuple(reversed(found))

    def _keep_rows(self, objective_id: str, rows: Rows) -> None:
        mine = self._by_id.get(objective_id, [])
        if mine:
            mine[-1] = replace(mine[-1], rows=rows)


def cumulative_of(
    revision: Revision, live: Callable[[Int64s], tuple[Float64s, Float64s]]
) -> Callable[[Int64s], tuple[Float64s, Float64s]]:
    """What a revision counted: as it was kept, else as the ledger has it."""
    return live if revision.rows is None else revision.cumulative


def _same(one: Revision, other: Revision) -> bool:
    edited = (one.target, one.window, one.counts), (other.target, other.window, other.counts)
    return edited[0] == edited[1]


def _digest(objective: Objective) -> str:
    return hashlib.sha256(column_key(objective).encode()).hexdigest()[:32]


def _written(one: Revision) -> dict[str, object]:
    window: dict[str, object] = (
        {"ms": one.window.duration_ms}
        if isinstance(one.window, Window)
        else {
            "unit": one.window.unit,
            "count": one.window.count,
            "zone": one.window.zone,
            "anchor": one.window.anchor.isoformat(),
        }
    )
    return {
        "number": one.number,
        "from_ms": one.from_ms,
        "target": str(one.target),
        "window": window,
        "counts": one.counts,
    }


def _read(record: Mapping[str, Any]) -> Revision:
    return Revision(
        record["number"],
        record["from_ms"],
        Fraction(record["target"]),
        _window(record["window"]),
        record["counts"],
    )


def _window(found: Mapping[str, Any]) -> Window | CalendarWindow:
    if "ms" in found:
        return Window(found["ms"])
    anchor = datetime.fromisoformat(found["anchor"])
    return CalendarWindow(found["unit"], found["count"], found["zone"], anchor)


def _packed(rows: Rows) -> str:
    buffer = io.BytesIO()
    np.savez(buffer, times_ms=rows[0], bad=rows[1], total=rows[2])
    return base64.b64encode(zlib.compress(buffer.getvalue())).decode()


def _unpacked(text: str) -> Rows:
    data = io.BytesIO(zlib.decompress(base64.b64decode(text)))
    with np.load(data, allow_pickle=False) as arrays:
        return arrays["times_ms"], arrays["bad"], arrays["total"]
