"""`RoutedEngine`: tocsin's own series are asked of its own store, all others of a remote one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from collector.model.errors import EvaluationError, QueryError
from collector.model.labels import METRIC_NAME, Labels
from collector.model.matchers import Matcher
from collector.query.interface import AS_SET, QueryEngine, QueryOptions
from collector.query.parser import parse
from collector.query.values import Answer
from collector.query.walk import selectors_in

OWN_NAMES = re.compile(r"tocsin_.*|ALERTS|ALERTS_FOR_STATE")
"""What tocsin writes into its own store whatever store it is that it watches."""


class RoutedEngine:
    """Implements `QueryEngine` over two of them."""

    def __init__(
        self,
        own: QueryEngine,
        remote: QueryEngine,
        is_own: Callable[[str], bool] = lambda name: OWN_NAMES.fullmatch(name) is not None,
    ) -> None:
        """`is_own` says of a metric's name whether tocsin writes it."""
        self._own = own
        self._remote = remote
        self._is_own = is_own

    def instant(self, query: str, at_ms: int, options: QueryOptions = AS_SET) -> Answer:
        """The value of `query` at one time. Raises EvaluationError where it asks both stores."""
        return self._engine(query).instant(query, at_ms, options)

    def range(
        self,
        query: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        options: QueryOptions = AS_SET,
    ) -> Answer:
        """The value of `query` at each step. Raises EvaluationError where it asks both stores."""
        return self._engine(query).range(query, start_ms, end_ms, step_ms, options)

    def series(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[Labels]:
        """Label sets of both."""
        own, others = self._parted(selectors)
        found = self._own.series(own, start_ms, end_ms) if own else []
        found += self._remote.series(others, start_ms, end_ms) if others else []
        return sorted(set(found), key=lambda labels: labels.pairs)

    def label_names(
        self, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Label names of both."""
        own, others = self._parted(selectors)
        found: set[str] = set()
        if own or not selectors:
            found.update(self._own.label_names(own, start_ms, end_ms))
        if others or not selectors:
            found.update(self._remote.label_names(others, start_ms, end_ms))
        return sorted(found)

    def label_values(
        self, name: str, selectors: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[str]:
        """Values of one label in both."""
        own, others = self._parted(selectors)
        found: set[str] = set()
        if own or not selectors:
            found.update(self._own.label_values(name, own, start_ms, end_ms))
        if others or not selectors:
            found.update(self._remote.label_values(name, others, start_ms, end_ms))
        return sorted(found)

    def _engine(self, query: str) -> QueryEngine:
        try:
            expr = parse(query)
        except QueryError:
            return self._remote  # which may know more than PromQL
        whose = {self._names_own(one.matchers) for one in selectors_in(expr)}
        if whose == {True, False}:
            raise EvaluationError(
                "the query combines series of tocsin with series of the remote store",
                advice="ask for those of tocsin (tocsin_*, ALERTS, recorded) in another query",
            )
        return self._own if whose == {True} else self._remote

    def _parted(
        self, selectors: Sequence[Sequence[Matcher]]
    ) -> tuple[list[Sequence[Matcher]], list[Sequence[Matcher]]]:
        own = [one for one in selectors if self._names_own(one)]
        return own, [one for one in selectors if not self._names_own(one)]

    def _names_own(self, matchers: Sequence[Matcher]) -> bool:
        return any(
            one.name == METRIC_NAME and one.kind == "=" and self._is_own(one.value)
            for one in matchers
        )
