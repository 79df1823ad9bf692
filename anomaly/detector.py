"""`Detector`: what every anomaly detector is, with shapes, types and "high means odd" stated once.

A matrix is float64[rows, features], C order, finite in every cell (`anomaly.features` sees to it).
Scores are float64[rows]; a higher one is odder; their scale is the detector's own, as
`anomaly.calibration` turns them into probabilities. A detector is fitted once and then a value: it
never changes, may be scored from any thread, and is kept as plain arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, Self

from numpy.typing import NDArray

from collector.model.samples import Float64s, Int64s

Arrays = Mapping[str, NDArray[Any]]
"""Plain arrays by name: what goes to disk."""


class Bank(Protocol):
    """Many fitted detectors of one kind side by side, so that one call scores a row for each."""

    def put(self, slot: int, detector: Any) -> None:
        """Keep a detector at `slot` (0, 1, 2, …), in the place of the one that was there."""
        ...

    def score(self, slots: Int64s, rows: Float64s) -> Float64s:
        """The score of `rows[i]` (float64[n, features]) by the detector at `slots[i]`."""
        ...


class Detector(Protocol):
    """A fitted detector."""

    @classmethod
    def fit(cls, matrix: Float64s, seed: int) -> Self:
        """Learn what is ordinary. The same matrix and seed give the same detector, whichever
        order the columns have (when scored in that order too). Raises InputError for a matrix that
        is empty or not finite.
        """
        ...

    def score(self, matrix: Float64s) -> Float64s:
        """How odd each row is."""
        ...

    def to_arrays(self) -> Arrays:
        """Everything that `from_arrays` needs."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """The detector that was written; raises InputError when the arrays are not one."""
        ...

    @classmethod
    def new_bank(cls) -> Bank:
        """An empty bank for detectors of this kind."""
        ...
