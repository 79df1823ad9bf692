"""`Publisher`: writes the series of every objective to the store, one row a tick.

Series are made in the store as they are first written, some thousands a tick, so that ten thousand
objectives that begin together hold nobody up; what an objective had stays known to it when others
come and go. The series of objectives that are gone end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from collector.model.errors import TocsinError
from collector.model.samples import STALE, Float64s, Int64s
from collector.store.interface import Appender
from slo.judgement import Criteria, Judgement, Policy
from slo.objective import Objective
from slo.published import FAMILIES, SOURCE, rows, series_count, series_of

REGISTERED_A_TICK = 1_000
"""Objectives whose series are made in one tick: some 30,000 series, a quarter of a second."""
NOWHERE = -1


@dataclass(frozen=True, slots=True)
class _Registered:
    """The refs (int64[series]) of one objective, and what they were made of."""

    objective: Objective
    policy: Policy
    refs: Int64s

    def serves(self, objective: Objective, policy: Policy) -> bool:
        return (
            self.objective == objective
            and self.policy.tiers == policy.tiers
            and self.policy.windows_ms == policy.windows_ms
        )


class Publisher:
    """Not thread-safe: the engine holds a lock. `refused` takes a reason and a count of samples."""

    def __init__(self, appender: Appender, refused: Callable[[str, int], None]) -> None:
        self._appender = appender
        self._refused = refused
        self._registered: dict[str, _Registered] = {}
        self._waiting: list[int] = []
        self._row: Int64s = np.zeros(0, np.int64)
        self._former: Int64s = np.zeros(0, np.int64)
        self._is_stale = True
        for family, metadata in FAMILIES.items():
            appender.set_metadata(family, metadata)

    def aim(self, criteria: Criteria) -> None:
        """Publish these objectives from the next row on."""
        self._criteria = criteria
        self._former = np.concatenate([self._former, self._row])
        self._row, self._is_stale = self._row[:0], True
        self._waiting = []
        for column, objective in enumerate(criteria.objectives):
            found = self._registered.get(objective.id)
            if not (found and found.serves(objective, criteria.policy_of[column])):
                self._waiting.append(column)

    def publish(self, judgement: Judgement, bad: Float64s, total: Float64s) -> None:
        """Write a row; `bad` and `total` are the ledger's running counts (float64[objectives]).

        Raises StorageError or LimitError; what could be written then was.
        """
        failure = self._register()
        if self._is_stale:
            self._assemble(judgement.at_ms)
        values = self._values(judgement, bad, total)
        self._append(judgement.at_ms, self._row, values[self._there] if self._waiting else values)
        if failure is not None:
            raise failure

    def _register(self) -> TocsinError | None:
        """Make the series of some objectives that have none; what failed."""
        if not self._waiting:
            return None
        self._is_stale = True
        now, later = self._waiting[:REGISTERED_A_TICK], self._waiting[REGISTERED_A_TICK:]
        chosen = [(self._criteria.objectives[one], self._criteria.policy_of[one]) for one in now]
        labels = [series_of(objective, policy) for objective, policy in chosen]
        try:
            refs = self._appender.refs(SOURCE, [one for series in labels for one in series])
        except TocsinError as error:
            return error
        ends = np.cumsum([len(series) for series in labels])[:-1]
        for (objective, policy), mine in zip(chosen, np.split(refs, ends), strict=True):
            self._registered[objective.id] = _Registered(objective, policy, mine)
        self._waiting = later
        return None

    def _assemble(self, now_ms: int) -> None:
        """The refs of a whole row; when all have theirs, the series that nobody has now end."""
        refs = [self._refs_of(policy).ravel() for policy in self._criteria.policies]
        whole = np.concatenate([np.zeros(0, np.int64), *refs])
        self._there = whole != NOWHERE
        self._row, self._is_stale = whole[self._there], False
        if self._waiting:
            return
        ended = _without(self._former, self._row)
        self._append(now_ms, ended, np.full(len(ended), STALE))
        self._former = ended[:0]
        ids = {one.id for one in self._criteria.objectives}
        self._registered = {k: found for k, found in self._registered.items() if k in ids}

    def _refs_of(self, policy: Policy) -> Int64s:
        """int64[series, columns of the policy], NOWHERE where there are none yet."""
        waiting = set(self._waiting)
        ids = [
            None if column in waiting else self._criteria.objectives[column].id
            for column in policy.columns.tolist()
        ]
        nowhere = np.full(series_count(policy), NOWHERE, np.int64)
        found = [nowhere if one is None else self._registered[one].refs for one in ids]
        return np.array(found, np.int64).T

    def _values(self, judgement: Judgement, bad: Float64s, total: Float64s) -> Float64s:
        parts = (rows(judgement, one, bad, total) for one in self._criteria.policies)
        return np.concatenate([np.zeros(0), *(np.concatenate(part) for part in parts)])

    def _append(self, now_ms: int, refs: Int64s, values: Float64s) -> None:
        if not len(refs):
            return
        refused = self._appender.append_row(SOURCE, now_ms, refs, values)
        for reason, count in refused.by_reason.items():
            self._refused(reason, count)


def _without(refs: Int64s, others: Int64s) -> Int64s:
    """The refs that are not among the others, each once."""
    is_other = np.zeros(max(refs.max(initial=0), others.max(initial=0)) + 1, np.bool_)
    is_other[others] = True
    return np.unique(refs[~is_other[refs]])
