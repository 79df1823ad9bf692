"""`CorrectionDesk`: corrections as people and schedules make them, revoke them and read about them.

Stands between the engine, whose lock it shares, and `Exclusions`: a correction counts at every
surface when the call that made it returns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

from collector.model.clock import Clock
from collector.model.errors import InputError
from collector.query.interface import QueryEngine
from collector.store.interface import Querier
from slo.budget import Budget
from slo.config import SloConfig
from slo.corrections import Act, Correction, Corrections, Selector
from slo.exclusion import Exclusions
from slo.ledger import Ledger
from slo.maintenance import Maintenance
from slo.verdict import Verdict


@dataclass(frozen=True, slots=True)
class Taken:
    """Bad and total events that a correction takes out of one objective."""

    bad: float
    total: float
    is_exact: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A correction, the objectives that it selects now, and what it takes out of each.

    `taken` has those whose events were read already: a stretch that lasts has none yet.
    """

    correction: Correction
    objectives: tuple[str, ...]
    taken: Mapping[str, Taken]


class CorrectionDesk:
    """Makes corrections; every public method but `record_due` and `told` takes the lock."""

    exclusions: Exclusions
    _maintenance: Maintenance
    _max_excluded_ratio: float

    def __init__(
        self,
        directory: Path,
        querier: Querier,
        queries: QueryEngine | None,
        clock: Clock,
        lock: AbstractContextManager[object],
        recount: Callable[[int], None],
    ) -> None:
        """`recount` judges anew at a time. Raises StorageError for files that can't be read."""
        self._corrections = Corrections(directory)
        self.exclusions = Exclusions(self._corrections, directory, querier, queries)
        self._clock = clock
        self._lock = lock
        self._recount = recount

    def configure(self, config: SloConfig) -> None:
        """Follow these maintenance windows from now on."""
        self._maintenance = Maintenance(config.maintenance)
        self._max_excluded_ratio = config.max_excluded_ratio

    def in_force(self) -> Sequence[Correction]:
        """Those that were not revoked."""
        with self._lock:
            return self._corrections.in_force

    def reports(self) -> list[Report]:
        """Every correction that was ever made, the newest first."""
        with self._lock:
            return [self._report(one) for one in reversed(self._corrections.all)]

    def exclude(
        self, selector: Selector, start_ms: int, end_ms: int, author: str, reason: str
    ) -> Report:
        """Leave a stretch of time out of some objectives.

        Raises InputError for what can't be, StorageError when it can't be written down.
        """
        with self._lock:
            if not self.exclusions.matched(selector):
                raise InputError("no objective fits", advice="GET /api/tocsin/v1/slos lists them")
            made = Act(author, reason, self._clock.now_ms())
            return self._recounted(self._corrections.add(selector, start_ms, end_ms, made))

    def revoke(self, correction_id: str, author: str, reason: str) -> Report:
        """Take one back: what it left out counts again. Raises InputError, StorageError."""
        with self._lock:
            act = Act(author, reason, self._clock.now_ms())
            return self._recounted(self._corrections.revoke(correction_id, act))

    def read_calendars(self, now_ms: int) -> None:
        """Read those of maintenance windows when it is time; takes no lock, may take seconds.

        Raises TocsinError when one can't be read.
        """
        self._maintenance.read(now_ms)

    def record_due(self, since_ms: int, now_ms: int) -> None:
        """Make corrections of maintenance windows that began. Raises StorageError, InputError."""
        self._maintenance.record(self._corrections, since_ms, now_ms)

    def told(self, verdict: Verdict, ledger: Ledger, column: int) -> Verdict:
        """A verdict with its raw figures, and a warning where more is left out than may be."""
        excluded = self.exclusions.of_column(ledger, column)
        if excluded is None:
            return verdict
        start_ms = verdict.objective.window.start_ms(verdict.at_ms)
        ratio = excluded.ratio(start_ms, verdict.at_ms)
        if not ratio:
            return verdict
        raw = ledger.window_counts(verdict.at_ms - start_ms, verdict.at_ms)
        return replace(
            verdict,
            raw_budget=Budget(
                verdict.objective.target, float(raw.bad[column]), float(raw.total[column])
            ),
            excluded_ratio=ratio,
            warnings=(*verdict.warnings, *self._warnings(ratio, excluded.is_exact)),
        )

    def _warnings(self, ratio: float, is_exact: bool) -> list[str]:
        found = []
        if ratio > self._max_excluded_ratio:
            found.append(
                f"corrections leave out {ratio:.2%} of the window, "
                f"more than the {self._max_excluded_ratio:.2%} that may be"
            )
        if not is_exact:
            found.append("what corrections leave out is counted by the ledger's rows so far")
        return found

    def _recounted(self, correction: Correction) -> Report:
        self._recount(self._clock.now_ms())
        return self._report(correction)

    def _report(self, correction: Correction) -> Report:
        taken = self.exclusions.of(correction.id)
        return Report(
            correction,
            tuple(self.exclusions.matched(correction.selector)),
            {
                id_: Taken(float(one.bad.sum()), float(one.total.sum()), one.is_exact)
                for id_, one in taken.items()
            },
        )
