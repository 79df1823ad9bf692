"""The flattened forest is pyod's own, walked faster."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyod.models.iforest import IForest

from anomaly.detectors.isolation_forest import (
    SAMPLES_PER_TREE,
    TREES,
    IsolationForest,
    floor_to_float32,
)


@pytest.mark.parametrize("rows", [5, 64, 2000])
@pytest.mark.parametrize("columns", [1, 9])
def test_scores_equal_pyods_decision_function(rows: int, columns: int) -> None:
    rng = np.random.default_rng(rows + columns)
    matrix, fresh = rng.normal(size=(rows, columns)), rng.normal(size=(500, columns)) * 3
    order = np.lexsort(matrix[::-1])
    samples = min(SAMPLES_PER_TREE, rows)
    theirs = IForest(n_estimators=TREES, max_samples=samples, random_state=5)
    theirs.fit(matrix[:, order])
    ours = IsolationForest.fit(matrix, seed=5)
    assert np.abs(ours.score(fresh) - theirs.decision_function(fresh[:, order])).max() < 1e-6
    assert np.abs(ours.score(matrix) - theirs.decision_function(matrix[:, order])).max() < 1e-6


@given(st.lists(st.floats(-1e30, 1e30), min_size=1), st.floats(-(2.0**100), 2.0**100, width=32))
@settings(max_examples=200)
def test_a_narrow_cut_parts_narrow_values_as_the_wide_one_does(
    cuts: list[float], value: float
) -> None:
    wide = np.array(cuts)
    assert np.array_equal(np.float64(value) <= wide, np.float32(value) <= floor_to_float32(wide))


def test_scoring_does_not_import_pyod() -> None:
    code = "import sys, anomaly; sys.exit(any(m in sys.modules for m in ('pyod', 'sklearn')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
