"""Groups rows by labels, then calls a kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

import numpy as np

from collector.model.errors import EvaluationError
from collector.model.labels import METRIC_NAME, LabelList, Labels
from collector.model.samples import MISSING_BITS, Bools, Float64s, Int64s, filled, is_missing
from collector.query.block import Block, masked, merged, where_histograms
from collector.query.float_text import histogram_text, shortest
from collector.query.kernels import aggregate as kernels
from collector.query.kernels.windows import read_only
from collector.query.operators.histogram_groups import aggregate_histograms
from collector.query.operators.interface import Context, Operator, scalar, text, vector
from collector.query.operators.relabel import check_label_name
from collector.query.operators.remarks import Remarks
from collector.query.operators.sort import by_value
from collector.query.operators.window_function import warn_of_quantiles
from collector.query.positions import Span
from collector.query.series_hash import series_hash

MAX_REMEMBERED = 1 << 20
"""Series whose group one grouping remembers (about 100 bytes each) before it starts anew."""
MAX_LISTS = 8
"""Lists of labels, as the store hands them out, of which one grouping remembers all groups."""


class Grouping:
    """`by`/`without` some names: remembers the group of every label set that it has seen."""

    def __init__(self, names: frozenset[str], without: bool) -> None:
        self._names = names
        self._without = without
        self._known: dict[Labels, int] = {}
        self._groups: dict[Labels, int] = {}
        self._labels: list[Labels] = []
        self._lists: dict[int, tuple[LabelList, Int64s]] = {}
        self._lock = Lock()

    def labels_for(self, labels: Labels) -> Labels:
        """The labels of the group that a series belongs to."""
        if self._without:
            return labels.without(*self._names, METRIC_NAME)
        return labels.only(*self._names)

    def numbers(self, labels: Sequence[Labels]) -> tuple[Int64s, list[Labels]]:
        """The number of each series' group (int64[n]), and the labels behind all numbers."""
        with self._lock:
            if isinstance(labels, LabelList):
                known = self._lists.get(id(labels))
                if known is not None:
                    return known[1], self._labels
            if len(self._known) > MAX_REMEMBERED:
                self._known, self._groups, self._labels = {}, {}, []
                self._lists.clear()
            numbers = list(map(self._known.get, labels))
            if None in numbers:
                numbers = [self._number(one) for one in labels]
            found = np.array(numbers, np.int64)
            if isinstance(labels, LabelList):
                self._remember(labels, found)
            return found, self._labels

    def _remember(self, labels: LabelList, numbers: Int64s) -> None:
        if len(self._lists) >= MAX_LISTS:
            self._lists.pop(next(iter(self._lists)))
        self._lists[id(labels)] = (labels, numbers)  # while it is held, no other has its id

    def _number(self, labels: Labels) -> int:
        number = self._known.get(labels)
        if number is None:
            group = self.labels_for(labels)
            number = self._groups.setdefault(group, len(self._groups))
            if number == len(self._labels):
                self._labels.append(group)
            self._known[labels] = number
        return number


@lru_cache(maxsize=64)
def grouping(names: frozenset[str], without: bool) -> Grouping:
    """The shared memory of one clause."""
    return Grouping(names, without)


@dataclass(frozen=True, slots=True)
class Groups:
    """`ids` int64[n]: the group of each row; `labels` of each group; `dropped` bool[g]."""

    ids: Int64s
    labels: Sequence[Labels]
    dropped: Bools


def grouped(block: Block, names: frozenset[str], without: bool) -> Groups:
    """The groups of a block's rows."""
    numbers, all_labels = grouping(names, without).numbers(block.labels)
    used, ids = np.unique(numbers, return_inverse=True)
    dropped = np.zeros(len(used), np.bool_)
    dropped[ids[block.dropped]] = True
    return Groups(ids.astype(np.int64), [all_labels[number] for number in used], dropped)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`operator by/without (names) (param, inner)`."""

    operator: str
    inner: Operator
    param: Operator | None
    names: frozenset[str]
    without: bool
    param_span: Span
    span: Span

    def run(self, context: Context) -> Block:
        """One row a group; topk and its kin keep rows of the input, count_values makes labels."""
        if self.operator == "count_values":
            return self._count_values(context)
        param = None if self.param is None else scalar(self.param, context)
        if self.operator in _SELECTING and param is not None:
            return self._select_rows(param, context)
        if param is not None:
            warn_of_quantiles(param, self.param_span, context)
        block = vector(self.inner, context)
        groups = grouped(block, self.names, self.without)
        context.budget.load(len(groups.labels) * len(context.grid))
        out = filled((len(groups.labels), len(context.grid)))
        _reduce(self.operator, block, groups.ids, param, out)
        if block.cells is None or self.operator in ("count", "group"):
            return Block(groups.labels, out, groups.dropped)
        remarks = Remarks(context.annotations, self.span)
        cells = aggregate_histograms(self.operator, block, groups.ids, out, remarks)
        return Block(groups.labels, out, groups.dropped, cells).without_empty_rows()

    def explain(self) -> str:
        """The aggregation."""
        clause = "without" if self.without else "by"
        return f"{self.operator} {clause} ({', '.join(sorted(self.names))})"

    def _select_rows(self, param: Float64s, context: Context) -> Block:
        check = _checked_ratio if self.operator == "limit_ratio" else _checked_count
        wanted = check(param, self.param_span, context)
        block = vector(self.inner, context)
        out = filled(block.values.shape)
        if self.operator == "limit_ratio":
            keep = _ratio_mask(block, wanted) & block.present()
            return masked(block, keep)
        groups = grouped(block, self.names, self.without)
        if block.cells is not None and self.operator != "limitk":
            if where_histograms(block.cells).any():
                Remarks(context.annotations, self.span).ignored_in_aggregation(self.operator)
        elif block.cells is not None:
            return _first_of_each_group(block, groups, wanted)
        values = read_only(block.values)
        kernels.keep_first(
            values,
            values.view(np.int64),
            groups.ids,
            len(groups.labels),
            wanted.astype(np.int64),
            _SELECTING[self.operator],
            out.view(np.int64),
        )
        chosen = Block(block.labels, out, block.dropped).without_empty_rows()
        if len(context.grid) != 1 or self.operator == "limitk":
            return chosen
        return _by_group_and_value(chosen, self.names, self.without, self.operator == "topk")

    def _count_values(self, context: Context) -> Block:
        if self.param is None:
            raise TypeError("count_values has a parameter")
        name = text(self.param, context)
        check_label_name(name, "label name")
        block = vector(self.inner, context)
        names = self.names if self.without else self.names - {name}
        clause = grouping(names, self.without)
        found: dict[Labels, int] = {}
        rows: list[tuple[int, int]] = []
        dropped: dict[int, bool] = {}
        for i, s in np.argwhere(block.present()):
            labels = clause.labels_for(block.labels[i]).merged({name: _value_text(block, i, s)})
            row = found.setdefault(labels, len(found))
            dropped[row] = dropped.get(row, False) or bool(block.dropped[i])
            rows.append((row, s))
        counted = np.zeros((len(found), len(context.grid)))
        np.add.at(counted, tuple(np.array(rows, np.int64).reshape(-1, 2).T), 1.0)
        out = filled(counted.shape)
        out[counted > 0] = counted[counted > 0]
        flags = np.array([dropped[row] for row in range(len(found))], np.bool_)
        return merged(Block(list(found), out, flags))


def _value_text(block: Block, row: int, step: int) -> str:
    if block.histograms is not None and block.histograms[row, step] is not None:
        return histogram_text(block.histograms[row, step])
    return shortest(float(block.values[row, step]))


_SELECTING = {"topk": 1, "bottomk": -1, "limitk": 0, "limit_ratio": 2}


def _reduce(
    operator: str, block: Block, ids: Int64s, param: Float64s | None, out: Float64s
) -> None:
    values = read_only(block.values)
    common = (values, values.view(np.int64), ids)
    into = (out, out.view(np.int64))
    match operator:
        case "sum":
            kernels.sums(*common, *into)
        case "avg":
            kernels.averages(*common, *into)
        case "min" | "max":
            kernels.extremes(*common, operator == "max", *into)
        case "count" | "group":
            bits = common[1]
            if block.cells is not None:
                bits = read_only(np.where(block.present(), 0, MISSING_BITS))
            kernels.counts(bits, ids, operator == "group", *into)
        case "stddev" | "stdvar":
            kernels.variances(*common, operator == "stddev", *into)
        case "quantile" if param is not None:
            kernels.quantiles(*common, param, *into)
        case _:
            raise TypeError(f"no kernel for {operator}")


def _first_of_each_group(block: Block, groups: Groups, k: Float64s) -> Block:
    """limitk where histograms are among the rows: the first k[s] of each group that are there."""
    bits = np.where(block.present(), 0, MISSING_BITS)
    out = filled(block.values.shape)
    cells = read_only(bits.view(np.float64))
    kernels.keep_first(
        cells,
        cells.view(np.int64),
        groups.ids,
        len(groups.labels),
        k.astype(np.int64),
        _SELECTING["limitk"],
        out.view(np.int64),
    )
    return masked(block, ~is_missing(out))


def _checked_count(param: Float64s, span: Span, context: Context) -> Float64s:
    if np.isnan(param).any():
        raise EvaluationError("Parameter value is NaN")
    too_large = np.abs(param) >= 2.0**63
    if too_large.any():
        value = shortest(float(param[too_large][0]))
        word = "overflows" if param[too_large][0] > 0 else "underflows"
        raise EvaluationError(f"Scalar value {value} {word} int64")
    return np.trunc(param)


def _checked_ratio(param: Float64s, span: Span, context: Context) -> Float64s:
    if np.isnan(param).any():
        raise EvaluationError("Ratio value is NaN")
    for value in dict.fromkeys(param[np.abs(param) > 1]):
        cap = 1 if value > 0 else -1
        context.annotations.warn(
            f"ratio value should be between -1 and 1, got {shortest(float(value))}, "
            f"capping to {cap}",
            span,
        )
    return np.clip(param, -1.0, 1.0)


def _ratio_mask(block: Block, ratio: Float64s) -> Bools:
    """Rows whose hash falls below the ratio; a negative ratio takes the complement."""
    places = np.array([series_hash(labels) / 2.0**64 for labels in block.labels])
    place = places.reshape(-1, 1)
    keep: Bools = np.where(ratio >= 0, place < ratio, place >= 1.0 + ratio)
    return keep


def _by_group_and_value(
    block: Block, names: frozenset[str], without: bool, descending: bool
) -> Block:
    ordered = block.rows(by_value(block, descending))
    ids = grouped(ordered, names, without).ids
    return ordered.rows(np.argsort(ids, kind="stable"))
