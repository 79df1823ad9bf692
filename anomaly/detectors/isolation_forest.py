"""Isolation Forest: odd rows are cut off from the others by few random splits.

Source: Liu, Ting, Zhou, "Isolation Forest", ICDM 2008. Trees are grown by pyod's `IForest` and then
flattened into arrays that a numba kernel walks, as one pyod call costs milliseconds whatever it
scores. Scores equal pyod's `decision_function` up to float32 rounding of the leaves. pyod takes
seconds to import, so it is imported in `fit` only, which runs in the background.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from anomaly.detector import Arrays
from collector.model.errors import InputError
from collector.model.samples import Float64s, Int64s

TREES = 16
SAMPLES_PER_TREE = 64
"""16 trees of 64 samples: 18 kB a series, 10,000 of them scored in some 13 ms."""
NODES = 2 * SAMPLES_PER_TREE - 1
"""A binary tree with 64 leaves has no more nodes."""
FIRST_SLOTS = 16
LEAF = -1
EULER_GAMMA = 0.5772156649015329

Int8s = NDArray[np.int8]
Int16s = NDArray[np.int16]
Float32s = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class IsolationForest:
    """A fitted forest as arrays over (tree, node), after Liu et al. 2008.

    `feature` int8 (LEAF at a leaf), `cut` float32 (go left when the value is at or under it; at a
    leaf: the path length there), `left` and `right` int16; `path_scale` is the mean path length
    that 1/2 stands for, `offset` is pyod's, `features` how many columns a row has.
    """

    feature: Int8s
    cut: Float32s
    left: Int16s
    right: Int16s
    path_scale: float
    offset: float
    features: int

    @classmethod
    def fit(cls, matrix: Float64s, seed: int) -> Self:
        """Grow 16 trees on up to 64 rows each; columns are put in an order of their own first."""
        if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
            raise InputError("a forest is fitted on a matrix of finite numbers with a row or more")
        from pyod.models.iforest import IForest

        order = np.lexsort(matrix[::-1])
        samples = min(SAMPLES_PER_TREE, len(matrix))
        grown = IForest(n_estimators=TREES, max_samples=samples, random_state=seed)
        grown.fit(matrix[:, order])
        return cls._flatten(grown, order, samples)

    @classmethod
    def _flatten(cls, grown: Any, order: Int64s, samples: int) -> Self:
        feature = np.full((TREES, NODES), LEAF, dtype=np.int8)
        cut = np.zeros((TREES, NODES), dtype=np.float32)
        left = np.zeros((TREES, NODES), dtype=np.int16)
        right = np.zeros((TREES, NODES), dtype=np.int16)
        for number, estimator in enumerate(grown.estimators_):
            tree = estimator.tree_
            inner = np.flatnonzero(tree.children_left != LEAF)
            feature[number, inner] = order[tree.feature[inner]]
            left[number, : tree.node_count] = tree.children_left
            right[number, : tree.node_count] = tree.children_right
            cut[number, : tree.node_count] = path_lengths(tree)
            cut[number, inner] = floor_to_float32(tree.threshold[inner])
        scale = float(mean_path_length(np.array([samples]))[0]) * TREES
        return cls(feature, cut, left, right, scale, float(grown.detector_.offset_), len(order))

    def score(self, matrix: Float64s) -> Float64s:
        """pyod's decision scores of the rows: above 0 for the oddest tenth of the training rows."""
        depth = walk_one(
            self.feature, self.cut, self.left, self.right, matrix.astype(np.float32, order="C")
        )
        return score_of(depth, np.float64(self.path_scale), np.float64(self.offset))

    def to_arrays(self) -> Arrays:
        """The node arrays and the three numbers."""
        numbers = np.array([self.path_scale, self.offset, self.features], dtype=np.float64)
        return {
            "feature": self.feature,
            "cut": self.cut,
            "left": self.left,
            "right": self.right,
            "numbers": numbers,
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The forest that was written; its indices are checked, as the kernel trusts them."""
        try:
            feature = np.asarray(arrays["feature"], dtype=np.int8)
            cut = np.asarray(arrays["cut"], dtype=np.float32)
            left, right = (np.asarray(arrays[side], dtype=np.int16) for side in ("left", "right"))
            scale, offset, features = (float(number) for number in arrays["numbers"])
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not the arrays of a forest: {error}") from error
        if {feature.shape, cut.shape, left.shape, right.shape} != {(TREES, NODES)}:
            raise InputError(f"not the arrays of a forest of {TREES} trees with {NODES} nodes each")
        inner = feature != LEAF
        parent = np.broadcast_to(np.arange(NODES), (TREES, NODES))[inner]
        downwards = (left[inner] > parent) & (right[inner] > parent)
        below = (left[inner] < NODES) & (right[inner] < NODES)
        known = (feature[inner] >= 0) & (feature[inner] < features)
        if not (downwards & below & known).all():
            raise InputError("not the arrays of a forest: a node points outside of it")
        return cls(feature, cut, left, right, scale, offset, int(features))

    @classmethod
    def new_bank(cls) -> ForestBank:
        """An empty bank of forests."""
        return ForestBank()


class ForestBank:
    """Forests stacked along a first axis, so that one kernel call scores a row for each series."""

    def __init__(self) -> None:
        self._feature = np.full((FIRST_SLOTS, TREES, NODES), LEAF, dtype=np.int8)
        self._cut = np.zeros((FIRST_SLOTS, TREES, NODES), dtype=np.float32)
        self._left = np.zeros((FIRST_SLOTS, TREES, NODES), dtype=np.int16)
        self._right = np.zeros((FIRST_SLOTS, TREES, NODES), dtype=np.int16)
        self._numbers = np.zeros((FIRST_SLOTS, 2))

    def put(self, slot: int, detector: IsolationForest) -> None:
        """Keep a forest at `slot`."""
        if slot >= len(self._numbers):
            self._grow(slot)
        self._feature[slot] = detector.feature
        self._cut[slot] = detector.cut
        self._left[slot] = detector.left
        self._right[slot] = detector.right
        self._numbers[slot] = detector.path_scale, detector.offset

    def score(self, slots: Int64s, rows: Float64s) -> Float64s:
        """The score of each row by the forest of its slot."""
        narrow = rows.astype(np.float32, order="C")
        depth = walk_each(self._feature, self._cut, self._left, self._right, slots, narrow)
        scale, offset = self._numbers[slots].T
        return score_of(depth, scale, offset)

    def _grow(self, slot: int) -> None:
        more = max(slot + 1, 2 * len(self._numbers))
        for name in ("_feature", "_cut", "_left", "_right", "_numbers"):
            old = getattr(self, name)
            wider = np.zeros((more, *old.shape[1:]), dtype=old.dtype)
            wider[: len(old)] = old
            setattr(self, name, wider)


def mean_path_length(rows: NDArray[Any]) -> Float64s:
    """c(n) of the paper: the mean path length of an unsuccessful search among n rows."""
    count = np.asarray(rows, dtype=np.float64)
    many = np.maximum(count, 3.0) - 1.0
    length = 2.0 * (np.log(many) + EULER_GAMMA) - 2.0 * many / (many + 1.0)
    return np.where(count <= 1, 0.0, np.where(count == 2, 1.0, length))


def path_lengths(tree: Any) -> Float64s:
    """The path length that each node of a scikit-learn tree stands for, were it a leaf.

    Its depth in edges, plus the mean path length that the rows left together there would need.
    """
    depth = np.zeros(tree.node_count)
    for node in range(tree.node_count):
        for child in (tree.children_left[node], tree.children_right[node]):
            if child != LEAF:
                depth[child] = depth[node] + 1
    return depth + mean_path_length(tree.n_node_samples)


def floor_to_float32(cuts: Float64s) -> Float32s:
    """The largest float32 at or under each cut: float32 values compare with it as with the cut."""
    rounded = cuts.astype(np.float32)
    lower = np.nextafter(rounded, np.float32(-np.inf))
    return np.where(rounded.astype(np.float64) > cuts, lower, rounded)


def score_of(
    depth: Float64s, scale: Float64s | np.float64, offset: Float64s | np.float64
) -> Float64s:
    """2^(-mean path / c(n)) + offset; a forest of one row finds everything alike."""
    ratio = np.where(scale == 0, 1.0, depth / np.where(scale == 0, 1.0, scale))
    return np.asarray(np.exp2(-ratio) + offset)


@njit(cache=True, nogil=True)
def walk_one(
    feature: Int8s, cut: Float32s, left: Int16s, right: Int16s, rows: Float32s
) -> Float64s:
    """Sum over all trees of the path length of each row (float32[n, features])."""
    depth = np.zeros(len(rows), dtype=np.float64)
    for i in range(len(rows)):
        for tree in range(feature.shape[0]):
            node = 0
            while feature[tree, node] >= 0:
                goes_left = rows[i, feature[tree, node]] <= cut[tree, node]
                node = left[tree, node] if goes_left else right[tree, node]
            depth[i] += cut[tree, node]
    return depth


@njit(cache=True, nogil=True)
def walk_each(
    feature: Int8s, cut: Float32s, left: Int16s, right: Int16s, slots: Int64s, rows: Float32s
) -> Float64s:
    """Sum over the trees of forest `slots[i]` of the path length of row i."""
    depth = np.zeros(len(rows), dtype=np.float64)
    for i in range(len(rows)):
        slot = slots[i]
        for tree in range(feature.shape[1]):
            node = 0
            while feature[slot, tree, node] >= 0:
                goes_left = rows[i, feature[slot, tree, node]] <= cut[slot, tree, node]
                node = left[slot, tree, node] if goes_left else right[slot, tree, node]
            depth[i] += cut[slot, tree, node]
    return depth
