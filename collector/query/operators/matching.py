"""Vector matching: which rows of two vectors meet, under which labels, and who meets too many.

Everything is decided per pair of rows whose match labels are equal; almost always a group holds
one row of each side. Where it holds more, what is an error depends on the step: series that never
have a value at once do not collide. Source: promql/engine.go, `VectorBinop`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from collector.model.errors import EvaluationError
from collector.model.labels import METRIC_NAME, Labels, quote
from collector.model.samples import MISSING_BITS, Bools, Float64s, Int64s, filled, is_missing
from collector.query.ast import COMPARISONS, Matching
from collector.query.block import (
    Block,
    Histograms,
    are_histograms,
    empty,
    merged,
    no_histograms,
    without_metadata,
)
from collector.query.kernels import instant
from collector.query.operators.histogram_binary import (
    TRIMS,
    apply_with_histograms,
    note_trimmed_floats,
)
from collector.query.operators.interface import Context
from collector.query.operators.remarks import Remarks

_ONE_TO_ONE = (
    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
)
_MANY_TO_ONE = "multiple matches for labels: grouping labels must ensure unique matches"


def signatures(labels: Sequence[Labels], matching: Matching, ids: dict[object, int]) -> Int64s:
    """The match group of each row (int64[n]); `ids` gives equal labels equal groups."""
    found = np.empty(len(labels), np.int64)
    if matching.on:
        names = sorted(set(matching.labels))
        for row, one in enumerate(labels):
            known = dict(one.pairs)
            key = tuple(known.get(name, "") for name in names)
            found[row] = ids.setdefault(key, len(ids))
        return found
    ignored = matching.labels
    for row, one in enumerate(labels):
        found[row] = ids.setdefault(one.without(METRIC_NAME, *ignored), len(ids))
    return found


def join(
    operator: str,
    left: Block,
    right: Block,
    return_bool: bool,
    matching: Matching,
    context: Context,
    remarks: Remarks,
) -> Block:
    """The operator on every matched pair. Raises EvaluationError with Prometheus's texts."""
    one_left = matching.cardinality == "one-to-many"
    many, one = (right, left) if one_left else (left, right)
    ids: dict[object, int] = {}
    many_ids = signatures(many.labels, matching, ids)
    one_ids = signatures(one.labels, matching, ids)
    many_present, one_present = many.present(), one.present()
    _check_one_side(one, one_ids, one_present, many_present, matching, one_left)
    pairs = _pairs(many_ids, one_ids, len(many.labels))
    if _fills(matching):
        many, one, pairs = _filled(many, one, many_ids, one_ids, pairs, matching)
        many_ids = _grown_ids(many_ids, one_ids, pairs, len(many.labels))
        many_present, one_present = many.present(), one.present()
    if not len(pairs):
        return empty(len(context.grid))
    context.budget.load(len(pairs) * len(context.grid))
    left_side, right_side = (one, many) if one_left else (many, one)
    rows = (pairs[:, 1], pairs[:, 0]) if one_left else (pairs[:, 0], pairs[:, 1])
    met = many_present[pairs[:, 0]] & one_present[pairs[:, 1]]
    lefts, rights = left_side.values[rows[0]], right_side.values[rows[1]]
    values, kept = _computed(operator, lefts, rights, met, return_bool)
    histograms = None
    if left_side.histograms is not None or right_side.histograms is not None:
        cells = (_taken(left_side, rows[0]), _taken(right_side, rows[1]))
        sides = ((lefts, cells[0]), (rights, cells[1]))
        histograms = apply_with_histograms(operator, *sides, met, return_bool, values, remarks)
        kept = met & (are_histograms(histograms) | ~is_missing(values))
    elif operator in TRIMS:
        note_trimmed_floats(operator, met, remarks)
    renames = return_bool or operator not in (*COMPARISONS, *TRIMS)
    labels, dropped = _result_labels(many, one, pairs, matching, renames, context)
    complaint = _ONE_TO_ONE if matching.cardinality == "one-to-one" else _MANY_TO_ONE
    one_to_one = matching.cardinality == "one-to-one"
    keys = many_ids[pairs[:, 0]].tolist() if one_to_one else labels
    _check_pairs(keys, met, complaint)
    result = merged(Block(labels, values, dropped, histograms), complaint)
    return result.without_empty_rows() if not kept.all() else result


def _taken(block: Block, rows: Int64s) -> Histograms | None:
    return None if block.histograms is None else block.histograms[rows]


def _fills(matching: Matching) -> bool:
    return matching.fill_left is not None or matching.fill_right is not None


def _pairs(many_ids: Int64s, one_ids: Int64s, many_rows: int) -> Int64s:
    """Rows (int64[p, 2]: many, one) that meet, in the order of the many side."""
    by_group: dict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(one_ids.tolist()):
        by_group[group].append(row)
    pairs = [
        (row, other)
        for row, group in enumerate(many_ids[:many_rows].tolist())
        for other in by_group.get(group, ())
    ]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _computed(
    operator: str,
    lefts: Float64s,
    rights: Float64s,
    met: Bools,
    return_bool: bool,
) -> tuple[Float64s, Bools]:
    """Values float64[p, t] of all pairs, MISSING where they don't meet; and where they stay."""
    if operator in COMPARISONS:
        holds = instant.compare(operator, lefts, rights)
        if return_bool:
            result, keep = holds.astype(np.float64), met
        else:
            result, keep = lefts, met & holds
    elif operator in instant.OPERATORS:
        result, keep = instant.arithmetic(operator, lefts, rights), met
    else:
        result, keep = lefts, np.zeros_like(met)
    cells = np.where(keep, result.view(np.int64), MISSING_BITS).view(np.float64)
    return cells, keep


def _result_labels(
    many: Block,
    one: Block,
    pairs: Int64s,
    matching: Matching,
    renames: bool,
    context: Context,
) -> tuple[list[Labels], Bools]:
    delayed = context.delayed_name_removal
    dropped = many.dropped[pairs[:, 0]].copy()
    labels: list[Labels] = []
    for many_row, one_row in pairs.tolist():
        labels.append(
            _result(many.labels[many_row], one.labels[one_row], matching, renames, delayed)
        )
    if renames and delayed:
        dropped[:] = True
    return labels, dropped


def _result(
    base: Labels, other: Labels, matching: Matching, renames: bool, delayed: bool
) -> Labels:
    if renames and not delayed:
        base = without_metadata(base)
    if matching.cardinality == "one-to-one":
        base = base.only(*matching.labels) if matching.on else base.without(*matching.labels)
    if not matching.include:
        return base
    return base.merged({name: other.get(name, "") for name in matching.include})


def _check_one_side(
    one: Block,
    ids: Int64s,
    present: Bools,
    many_present: Bools,
    matching: Matching,
    one_is_left: bool,
) -> None:
    """Raises EvaluationError where two rows of one group have a value at one step on this side."""
    if len(np.unique(ids)) == len(ids):
        return
    count = np.zeros((int(ids.max()) + 1, present.shape[1]), np.int64)
    np.add.at(count, ids, present)
    relevant = many_present.any(axis=0) if not _fills(matching) else np.bool_(True)
    bad = np.argwhere((count > 1) & relevant)
    if not len(bad):
        return
    group, step = bad[np.argsort(bad[:, 1], kind="stable")][0]
    rows = np.flatnonzero((ids == group) & present[:, step])[:2]
    first, second = sorted(one.labels[row] for row in rows)
    match_labels = _match_labels(first, matching)
    side = "left" if one_is_left else "right"
    raise EvaluationError(
        f"found duplicate series for the match group {braces(match_labels)} on the {side} "
        f"hand-side of the operation: [{braces(first)}, {braces(second)}];many-to-many matching "
        "not allowed: matching labels must be unique on one side"
    )


def _match_labels(labels: Labels, matching: Matching) -> Labels:
    if matching.on:
        return labels.only(*matching.labels)
    return labels.without(METRIC_NAME, *matching.labels)


def braces(labels: Labels) -> str:
    """A label set as Prometheus's errors show it: `{__name__="x", a="b"}`."""
    return f"{{{', '.join(f'{name}={quote(value)}' for name, value in labels.pairs)}}}"


def _check_pairs(keys: Sequence[object], met: Bools, complaint: str) -> None:
    """Raises EvaluationError where two pairs of one key meet at one step, kept or not."""
    first: dict[object, int] = {}
    groups = np.array([first.setdefault(key, len(first)) for key in keys], np.int64)
    if len(first) == len(groups):
        return
    count = np.zeros((len(first), met.shape[1]), np.int64)
    np.add.at(count, groups, met)
    if (count > 1).any():
        raise EvaluationError(complaint)


def _grown_ids(many_ids: Int64s, one_ids: Int64s, pairs: Int64s, rows: int) -> Int64s:
    """The groups of the many side with its fill rows, which have that of their partner."""
    grown = np.concatenate([many_ids, np.empty(rows - len(many_ids), np.int64)])
    for many_row, one_row in pairs[pairs[:, 0] >= len(many_ids)].tolist():
        grown[many_row] = one_ids[one_row]
    return grown


def _filled(
    many: Block,
    one: Block,
    many_ids: Int64s,
    one_ids: Int64s,
    pairs: Int64s,
    matching: Matching,
) -> tuple[Block, Block, Int64s]:
    """Both sides with rows of fill values added, and the pairs that these make."""
    # Prometheus turns the sides of group_right before it fills, and so fill_left is the many side
    many_fills = _fill_rows(one, one_ids, many, many_ids, matching.fill_left, matching)
    one_fills = _fill_rows(many, many_ids, one, one_ids, matching.fill_right, matching)
    added = []
    many_rows, one_rows = len(many.labels), len(one.labels)
    for index, other in enumerate(many_fills[1]):
        added.append((many_rows + index, other))
    for index, other in enumerate(one_fills[1]):
        added.append((other, one_rows + index))
    all_pairs = np.concatenate([pairs, np.array(added, np.int64).reshape(-1, 2)])
    return _with_rows(many, many_fills[0]), _with_rows(one, one_fills[0]), all_pairs


def _fill_rows(
    source: Block,
    source_ids: Int64s,
    target: Block,
    target_ids: Int64s,
    fill: float | None,
    matching: Matching,
) -> tuple[list[tuple[Labels, Float64s]], list[int]]:
    """For each row of `source`, a row that stands in for `target` at the steps it has none."""
    rows: list[tuple[Labels, Float64s]] = []
    partners: list[int] = []
    if fill is None:
        return rows, partners
    present, target_present = source.present(), target.present()
    for row, labels in enumerate(source.labels):
        there = target_present[target_ids == source_ids[row]].any(axis=0)
        lacking = present[row] & ~there
        if lacking.any():
            values = filled(present.shape[1])
            values[lacking] = fill
            rows.append((_match_labels(labels, matching), values))
            partners.append(row)
    return rows, partners


def _with_rows(block: Block, rows: list[tuple[Labels, Float64s]]) -> Block:
    if not rows:
        return block
    labels = [*block.labels, *(one for one, _ in rows)]
    values = np.concatenate([block.values, np.stack([cells for _, cells in rows])])
    dropped = np.concatenate([block.dropped, np.zeros(len(rows), np.bool_)])
    histograms = block.histograms
    if histograms is not None:
        histograms = np.concatenate([histograms, no_histograms((len(rows), values.shape[1]))])
    return Block(labels, values, dropped, histograms)
