"""The table of PromQL functions: name, argument types, result type, and the group of kernels.

Source: promql/parser/functions.go and docs/querying/functions.md of Prometheus 3.14. Nothing is
imported here, so that those who only check texts do not load the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

ValueType = Literal["scalar", "string", "instant vector", "range vector"]
SCALAR: ValueType = "scalar"
STRING: ValueType = "string"
VECTOR: ValueType = "instant vector"
RANGE: ValueType = "range vector"

Family = Literal["window", "elementwise", "date", "constant", "special"]
"""Which operator runs it: over windows of samples, cell by cell, …; `special` has its own."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function: the last `optional` arguments may be left out (-1: the last may repeat)."""

    name: str
    arguments: tuple[ValueType, ...]
    returns: ValueType
    family: Family
    optional: int = 0
    keeps_name: bool = False


def _window(
    *names: str,
    before: tuple[ValueType, ...] = (),
    after: tuple[ValueType, ...] = (),
    keeps_name: bool = False,
) -> list[Function]:
    arguments = (*before, RANGE, *after)
    return [Function(name, arguments, VECTOR, "window", 0, keeps_name) for name in names]


def _elementwise(
    *names: str, after: tuple[ValueType, ...] = (), optional: int = 0
) -> list[Function]:
    return [Function(name, (VECTOR, *after), VECTOR, "elementwise", optional) for name in names]


_ALL: tuple[Function, ...] = (
    *_window(
        *(
            "rate",
            "increase",
            "delta",
            "irate",
            "idelta",
            "resets",
            "changes",
            "deriv",
        )
    ),
    *_window(
        *(
            "sum_over_time",
            "avg_over_time",
            "min_over_time",
            "max_over_time",
            "count_over_time",
            "stddev_over_time",
            "stdvar_over_time",
            "present_over_time",
            "mad_over_time",
            "ts_of_first_over_time",
            "ts_of_last_over_time",
            "ts_of_min_over_time",
            "ts_of_max_over_time",
        )
    ),
    *_window("last_over_time", "first_over_time", keeps_name=True),
    *_window("quantile_over_time", before=(SCALAR,)),
    *_window("predict_linear", after=(SCALAR,)),
    *_window("double_exponential_smoothing", after=(SCALAR, SCALAR)),
    *_elementwise(
        *(
            "abs",
            "ceil",
            "floor",
            "exp",
            "ln",
            "log2",
            "log10",
            "sqrt",
            "sgn",
            "deg",
            "rad",
            "sin",
            "cos",
            "tan",
            "asin",
            "acos",
            "atan",
            "sinh",
            "cosh",
            "tanh",
            "asinh",
            "acosh",
            "atanh",
        )
    ),
    *_elementwise("round", after=(SCALAR,), optional=1),
    *_elementwise("clamp_min", "clamp_max", after=(SCALAR,)),
    *_elementwise("clamp", after=(SCALAR, SCALAR)),
    *(
        Function(name, (VECTOR,), VECTOR, "date", 1)
        for name in (
            "day_of_month",
            "day_of_week",
            "day_of_year",
            "days_in_month",
            "hour",
            "minute",
            "month",
            "year",
        )
    ),
    *(
        Function(name, (), SCALAR, "constant")
        for name in ("pi", "time", "step", "range", "start", "end")
    ),
    Function("min_of", (SCALAR, SCALAR), SCALAR, "special"),
    Function("max_of", (SCALAR, SCALAR), SCALAR, "special"),
    Function("scalar", (VECTOR,), SCALAR, "special"),
    Function("vector", (SCALAR,), VECTOR, "special"),
    Function("timestamp", (VECTOR,), VECTOR, "special"),
    Function("start_timestamp", (VECTOR,), VECTOR, "special"),
    Function("absent", (VECTOR,), VECTOR, "special"),
    Function("absent_over_time", (RANGE,), VECTOR, "special"),
    Function("sort", (VECTOR,), VECTOR, "special", 0, True),
    Function("sort_desc", (VECTOR,), VECTOR, "special", 0, True),
    Function("sort_by_label", (VECTOR, STRING), VECTOR, "special", -1, True),
    Function("sort_by_label_desc", (VECTOR, STRING), VECTOR, "special", -1, True),
    Function("label_join", (VECTOR, STRING, STRING, STRING), VECTOR, "special", -1, True),
    Function("label_replace", (VECTOR, STRING, STRING, STRING, STRING), VECTOR, "special", 0, True),
    Function("histogram_quantile", (SCALAR, VECTOR), VECTOR, "special"),
    Function("histogram_quantiles", (VECTOR, STRING, SCALAR), VECTOR, "special", -1),
    Function("histogram_fraction", (SCALAR, SCALAR, VECTOR), VECTOR, "special"),
    Function("histogram_count", (VECTOR,), VECTOR, "special"),
    Function("histogram_sum", (VECTOR,), VECTOR, "special"),
    Function("histogram_avg", (VECTOR,), VECTOR, "special"),
    Function("histogram_stddev", (VECTOR,), VECTOR, "special"),
    Function("histogram_stdvar", (VECTOR,), VECTOR, "special"),
    Function("info", (VECTOR, VECTOR), VECTOR, "special", 1, True),
)

FUNCTIONS: dict[str, Function] = {function.name: function for function in _ALL}
