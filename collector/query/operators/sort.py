"""`sort`, `sort_by_label` and their kin: row order, which counts in instant queries only."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from collector.model.labels import Labels
from collector.query.block import Block
from collector.query.operators.interface import Context, Operator, text, vector

_NUMBERS = re.compile(r"(\d+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sort:
    """By value (NaN last), or by the labels named, in natural order."""

    name: str
    inner: Operator
    args: tuple[Operator, ...] = ()

    def run(self, context: Context) -> Block:
        """The same rows in another order."""
        names = [text(arg, context) for arg in self.args]
        block = vector(self.inner, context)
        if not names and block.histograms is not None:  # histograms have no order
            block = Block(block.labels, block.values, block.dropped).without_empty_rows()
        if len(context.grid) != 1:
            return block
        if names:
            return block.rows(_by_label(block, names, self.name == "sort_by_label_desc"))
        return block.rows(by_value(block, self.name == "sort_desc"))

    def explain(self) -> str:
        """The function."""
        return self.name


def by_value(block: Block, descending: bool) -> np.ndarray:
    """Row indices by the value of the only step, NaN last."""
    values = block.values[:, 0]
    keys = -values if descending else values
    return np.lexsort((keys, np.isnan(values)))


def _by_label(block: Block, names: list[str], descending: bool) -> np.ndarray:
    def key(row: int) -> tuple[list[list[tuple[int, int, str]]], tuple[tuple[str, str], ...]]:
        labels: Labels = block.labels[row]
        return [natural(labels.get(name, "")) for name in names], labels.pairs

    order = sorted(range(len(block.labels)), key=key, reverse=descending)
    return np.array(order, dtype=np.int64)


def natural(value: str) -> list[tuple[int, int, str]]:
    """A key under which `foo2` is before `foo10`."""
    return [
        (0, int(part), "") if part.isdecimal() else (1, 0, part)
        for part in _NUMBERS.split(value)
        if part
    ]
