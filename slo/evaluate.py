"""`SloEngine`: all objectives in one tick: count, judge, tell, publish, save.

Alerts go first and each later step is on its own: a full disk stops neither counting nor paging.
`tick` is called by whoever keeps time; everything may be called from any thread.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from collector.model.alert import AlertSink
from collector.model.clock import Clock
from collector.model.errors import TocsinError
from collector.model.samples import Bools
from collector.query.interface import QueryEngine
from collector.store.interface import Appender, Querier
from slo.alert_desk import AlertDesk
from slo.attribution import Attribution, attribution
from slo.bucket_doubts import BucketDoubts
from slo.burn_rate import Tier
from slo.burning import nothing_burns
from slo.conditions import NO_DATA, RUNS_OUT, conditions_now, level_name
from slo.config import SloConfig
from slo.correction_desk import CorrectionDesk
from slo.forecaster import Forecaster
from slo.grouping import Groups
from slo.history import History, history_of
from slo.judgement import Criteria, Judgement
from slo.ledger import Counts, Ledger
from slo.lint.interface import Facts
from slo.lint.store_facts import StoreFacts
from slo.objective import Objective
from slo.policy_desk import PolicyDesk
from slo.publisher import Publisher
from slo.revisions import Revisions
from slo.self_metrics import SloMetrics
from slo.sloth_series import SlothSeries
from slo.verdict import Verdict

REGROUP_EVERY_MS = 60_000
"""Groups are looked for this often; nothing is lost meanwhile, their past is counted."""
NEVER_MS = -REGROUP_EVERY_MS
log = logging.getLogger(__name__)


class SloEngine:
    """Judges objectives; keeps its ledger and what fires in a directory of its own."""

    _criteria: Criteria
    _columns: dict[str, int]
    _judgement: Judgement | None
    _verdicts: list[Verdict] | None
    _has_bad_series: Bools

    def __init__(
        self,
        objectives: Sequence[Objective],
        querier: Querier,
        appender: Appender,
        sink: AlertSink,
        clock: Clock,
        directory: Path,
        config: SloConfig,
        metrics: SloMetrics,
        queries: QueryEngine | None = None,
    ) -> None:
        """`queries` answers those of sampled indicators, which see nothing without it.

        Raises StorageError when the ledger of a former run can't be read.
        """
        self._clock = clock
        self._metrics = metrics
        self._lock = threading.RLock()
        self.corrections = CorrectionDesk(
            directory, querier, queries, clock, self._lock, recount=self.tick
        )
        self._exclusions = self.corrections.exclusions
        self._forecaster = Forecaster()
        self.policies = PolicyDesk(directory, metrics)
        self._configure(config)
        self._groups = Groups(objectives)
        self._groups.update(querier)
        self._ledger = Ledger(self._groups.objectives(), querier, directory, config.tick, queries)
        self._desk = AlertDesk(sink, directory, self.attribution)
        self._publisher = Publisher(appender, metrics.refuse)
        self._sloth = SlothSeries(appender, metrics.refuse)
        self._querier, self._queries = querier, queries
        self._doubts = BucketDoubts(querier)
        self._regrouped_ms = NEVER_MS
        self._burning = nothing_burns(0)
        self._has_judged = False
        self._columns = {}
        self._revisions = Revisions(directory)
        self._aim(self._groups.objectives())

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """What is judged now."""
        return self._criteria.objectives

    def exported(self) -> list[Objective]:
        """What is judged, for an export: thresholds as the buckets that there are."""
        return [self._doubts.concrete(one) for one in self.objectives]

    @property
    def override(self) -> tuple[Tier, ...]:
        """The configured tiers that replace the workbook's, if any."""
        return self._override

    def facts(self, now_ms: int, known: Facts) -> Facts:
        """What lint rules may know: of the configuration, the tiers and the store."""
        return replace(known, tiers=self._override, seen=StoreFacts(self._querier, now_ms))

    def tick(self, now_ms: int) -> None:
        """Count up to now, judge every objective, emit its alerts, publish its series."""
        with self._lock:
            if not self._has_judged:
                self._burning = self._desk.resumed(self._criteria, now_ms - self._tick_ms)
                self._has_judged = True
            self._regroup(now_ms)
            since_ms = self._ledger.counted_ms
            self._ledger.tick(now_ms)
            with self._step("corrections"):
                self.corrections.record_due(since_ms, now_ms)
            with self._step("corrections"):
                self._exclusions.update(self._criteria.objectives, self._ledger, now_ms)
            self._metrics.lost_marks.set(self._ledger.lost_marks)
            self._judgement = self._criteria.judge(
                now_ms,
                partial(self._counts, now_ms=now_ms),
                self._ledger.has_data(now_ms),
                self._burning,
                self._ledger.counts_silence(),
            )
            self._burning = self._judgement.burning
            self._verdicts = None
            self._has_bad_series = self._ledger.has_bad_series()
            with self._step("alert"):
                self._desk.tell(
                    self._judgement,
                    self._conditions(self._judgement),
                    partial(self._verdict, self._judgement),
                )
            with self._step("policies"):
                self.policies.save()
            with self._step("publish"):
                self._publisher.publish(self._judgement, *self._ledger.totals)
            with self._step("publish"):
                self._sloth.publish(self._judgement)
            with self._step("save"):
                self._ledger.save_if_due(now_ms)

    def verdicts(self) -> list[Verdict]:
        """The latest verdict on each objective, in the order of the specs; [] before a tick."""
        with self._lock:
            if self._judgement is None:
                return []
            if self._verdicts is None:
                columns = range(len(self._criteria.objectives))
                self._verdicts = [self._verdict(self._judgement, one) for one in columns]
            return list(self._verdicts)

    def verdict(self, objective_id: str) -> Verdict | None:
        """The latest verdict on `service/name`; None when it is not known or not judged yet."""
        with self._lock:
            column = self._columns.get(objective_id)
            if column is None or self._judgement is None:
                return None
            return self._verdict(self._judgement, column)

    def history(
        self,
        objective_id: str,
        start_ms: int,
        end_ms: int,
        step_ms: int,
        raw: bool = False,
        rewrite: bool = False,
    ) -> History | None:
        """Events, budget and burn rates of `service/name` per step; None when it is not known.

        Each step as the objective was at its time, or with `rewrite` as it is now; `raw`: as if
        there were no corrections. Raises LimitError for too many points.
        """
        with self._lock:
            column = self._columns.get(objective_id)
            if column is None:
                return None
            cumulative = partial(self._exclusions.cumulative, self._ledger)
            revisions = self._revisions.of(objective_id)
            return history_of(
                revisions[-1:] if rewrite else revisions,
                self._criteria.policy_of[column].windows_ms,
                partial(self._ledger.cumulative if raw else cumulative, column),
                start_ms,
                min(end_ms, self._clock.now_ms()),
                step_ms,
            )

    def attribution(self, objective_id: str, start_ms: int, end_ms: int) -> Attribution | None:
        """Who had the bad events of a stretch; None for what is not known or counts no series."""
        with self._lock:
            column = self._columns.get(objective_id)
            if column is None:
                return None
            objective = self._criteria.objectives[column]
            found = self._exclusions.of_column(self._ledger, column)
            left_out = () if found is None else found.stretches
        return attribution(objective, self._querier, self._queries, start_ms, end_ms, left_out)

    def replace(self, objectives: Sequence[Objective], config: SloConfig) -> None:
        """Judge these from now on; history and alerts of unchanged ones stay.

        Alerts of objectives that are gone are resolved.
        """
        with self._lock:
            self._groups = Groups(objectives)
            self._groups.update(self._querier)
            objectives = self._groups.objectives()
            gone = {one.id for one in self.objectives} - {one.id for one in objectives}
            if self._judgement is not None:
                former = self._judgement
                with self._step("alert"):
                    self._desk.resolve(
                        gone, lambda id_: self._verdict(former, self._columns[id_]), former.at_ms
                    )
            self.policies.forget(gone)
            with self._step("save"):
                self._ledger.save()
            self._configure(config)
            self._ledger.replace(objectives)
            self._aim(objectives)
            self.tick(self._clock.now_ms())

    def close(self) -> None:
        """Save what was counted."""
        with self._lock, self._step("save"):
            self._ledger.save()

    def _configure(self, config: SloConfig) -> None:
        self._tick_ms = config.tick
        self._override = config.tiers()
        self._levels = tuple(config.budget_alerts)
        self._sloth_names = config.sloth_names
        self._tells_no_data = config.no_data_alert
        self._forecaster.configure(config.budget_forecast)
        self.policies.configure(config.webhooks)
        self.corrections.configure(config)

    def _aim(self, objectives: Sequence[Objective]) -> None:
        sources = np.array([self._columns.get(one.id, -1) for one in objectives], np.int64)
        self._burning = self._burning.moved(sources)
        with self._step("revisions"):
            replaced, self._ledger.replaced = self._ledger.replaced, {}
            self._revisions.note(objectives, replaced, self._clock.now_ms())
        self._criteria = Criteria(objectives, self._override)
        self._columns = self._criteria.column_of
        self._judgement = None
        self._verdicts = None
        self._publisher.aim(self._criteria)
        self._sloth.aim(self._criteria, self._sloth_names)
        self._metrics.objectives.set(len(objectives))

    def _regroup(self, now_ms: int) -> None:
        """Take in the groups that appeared; what was counted and what burns stays."""
        if now_ms - self._regrouped_ms < REGROUP_EVERY_MS:
            return
        self._regrouped_ms = now_ms
        if self._groups.update(self._querier):
            objectives = self._groups.objectives()
            self._ledger.replace(objectives)
            self._aim(objectives)

    def _counts(self, window_ms: int, now_ms: int) -> Counts:
        return self._exclusions.adjusted(
            self._ledger, self._ledger.window_counts(window_ms, now_ms)
        )

    def _verdict(self, judgement: Judgement, column: int) -> Verdict:
        id_ = judgement.criteria.ids[column]
        since = self._desk.firing_since_ms(id_)
        found = judgement.verdict(
            column,
            known_since_ms=int(self._ledger.since_ms[column]),
            has_bad_series=bool(self._has_bad_series[column]),
            firing_since_ms=since,
            shares=self._desk.blamed.shares_of(id_) if since else (),
            forecast=self._forecaster.of(id_),
        )
        start_ms = found.objective.window.start_ms(found.at_ms)
        found = replace(found, late=self._ledger.late(column, start_ms, found.at_ms))
        return self._doubts.told(self.corrections.told(found, self._ledger, column))

    def _conditions(self, judgement: Judgement) -> dict[str, Bools]:
        before = {
            name: self._desk.firing_for(name, self._columns)
            for name in (NO_DATA, *map(level_name, self._levels))
        }
        found = conditions_now(
            judgement.has_data,
            self._ledger.since_ms,
            1.0 - judgement.spent,
            self._levels,
            before,
        )
        if self._tells_no_data:  # who is under maintenance is not missed
            ongoing = self._exclusions.ongoing(judgement.at_ms)
            found[NO_DATA] &= ~ongoing | before[NO_DATA]
        else:
            del found[NO_DATA]
        found[RUNS_OUT] = self._forecaster.running_out(
            judgement,
            lambda column: partial(self._exclusions.cumulative, self._ledger, column),
            self._ledger.since_ms,
            self._desk.firing_for(RUNS_OUT, self._columns),
        )
        found |= self._policy_conditions(judgement)
        return {name: mask & ~self._criteria.disabled["ticket"] for name, mask in found.items()}

    def _policy_conditions(self, judgement: Judgement) -> dict[str, Bools]:
        """Only who is near a step, or was past one, is looked at: so far left is the least left."""
        columns = self._criteria.with_policy
        ids = [self._criteria.ids[column] for column in columns]
        past = np.array([bool(self.policies.since_ms(one)) for one in ids], np.bool_)
        near = 1.0 - judgement.spent[columns] <= self._criteria.policy_begins
        asked = columns[(near | past) & (self._ledger.since_ms[columns] >= 0)]
        verdicts = [self._verdict(judgement, column) for column in asked.tolist()]
        found: dict[str, Bools] = {}
        for name, mine in self.policies.update(verdicts).items():
            found[name] = np.zeros(len(self._criteria.ids), np.bool_)
            found[name][[self._columns[id_] for id_ in mine]] = True
        return found

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        """A step that may fail without stopping the others."""
        try:
            yield
        except TocsinError as error:
            self._metrics.failures.labels(name).inc()
            log.error("SLO %s failed; the next tick tries again: %s", name, error)
