"""numba: sums and means that do not lose small terms beside large ones.

Source: Neumaier's variant of Kahan summation, and the switch to an incremental mean where a sum
would overflow, as in promql/engine.go (`kahansum`, AVG) of Prometheus 3.
"""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, nogil=True, inline="always")
def add(term: float, total: float, rest: float) -> tuple[float, float]:
    """`total + term`, and what rounding has lost so far."""
    result = total + term
    if math.isinf(result):
        rest = 0.0
    elif abs(total) >= abs(term):
        rest += (total - result) + term
    else:
        rest += (term - result) + total
    return result, rest
