"""Rate, errors and duration of an operation inside a service, as decorator and context manager."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from time import perf_counter
from types import TracebackType
from typing import Any, Self, TypeVar, cast

from prometheus_client import CollectorRegistry, Histogram

from tocsin_instrument.metrics import metrics_of

Function = TypeVar("Function", bound=Callable[..., Any])


class measured:  # noqa: N801  (it reads as a verb where it is used)
    """`with measured("charge"): …`, or `@measured("charge")` on a function, sync or async.

    Observes `operation_duration_seconds{operation, outcome}`; an exception is outcome `error` and
    goes on. Give `operation` a fixed name, since each name is a set of series. Use one object for
    one `with` at a time; as a decorator it may run many times at once.
    """

    __slots__ = ("_error", "_ok", "_operation", "_registry", "_started")

    def __init__(self, operation: str, *, registry: CollectorRegistry | None = None) -> None:
        family = metrics_of(registry).operation_duration
        # Both outcomes stand at zero before the first event, so that no reader misses one.
        self._ok: Histogram = family.labels(operation, "ok")
        self._error: Histogram = family.labels(operation, "error")
        self._operation = operation
        self._registry = registry
        self._started = 0.0

    def __enter__(self) -> Self:
        self._started = perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        outcome = self._ok if error is None else self._error
        outcome.observe(perf_counter() - self._started)

    def __call__(self, function: Function) -> Function:
        """The function, measured each time it runs."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*arguments: Any, **keywords: Any) -> Any:
                with measured(self._operation, registry=self._registry):
                    return await function(*arguments, **keywords)

            return cast(Function, run_async)

        @functools.wraps(function)
        def run(*arguments: Any, **keywords: Any) -> Any:
            with measured(self._operation, registry=self._registry):
                return function(*arguments, **keywords)

        return cast(Function, run)
