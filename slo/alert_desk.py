"""`AlertDesk`: which alerts of objectives fire and since when; it tells of them, and remembers.

What fires is written down before it is told and what ended is forgotten after, so that a crash at
any point loses no alert and no end of one. What hysteresis needs (tiers that burn, when each
objective last paged) is kept beside it: a run that is restarted at any tick tells what one that was
not would have told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import numpy as np

from collector.model.alert import Alert, AlertSink
from collector.model.errors import StorageError, TocsinError
from collector.model.samples import Bools
from slo.alerting_file import AlertingFile, AlertKey, Remembered
from slo.attribution import Blamed, Look
from slo.burn_rate import Tier
from slo.burning import NEVER_MS, Burning
from slo.conditions import NO_DATA, condition_alert
from slo.judgement import Criteria, Judgement
from slo.objective import SEVERITIES, Severity
from slo.verdict import Verdict


class AlertDesk:
    """Not thread-safe: the engine holds a lock."""

    def __init__(self, sink: AlertSink, directory: Path, look: Look) -> None:
        """`look` says who had the bad events of an objective in a stretch of time."""
        self._sink = sink
        self._file = AlertingFile(directory)
        self._remembered = self._file.read()
        self._firing = dict(self._remembered.firing)
        self.blamed = Blamed(look)

    def firing_for(self, reason: str, columns: Mapping[str, int]) -> Bools:
        """Which objectives (bool[n], in the places that `columns` gives) an alert was told of."""
        found = np.zeros(len(columns), np.bool_)
        places = [columns.get(id_, -1) for id_, told in self._firing if told == reason]
        found[[one for one in places if one >= 0]] = True
        return found

    def firing_since_ms(self, id_: str) -> dict[Severity, int]:
        """When each severity of an objective that fires began."""
        return {s: self._firing[id_, s] for s in SEVERITIES if (id_, s) in self._firing}

    def resumed(self, criteria: Criteria, last_tick_ms: int) -> Burning:
        """What burnt of these objectives when a former run ended.

        Pages that burnt when it was written down are taken to have burnt until `last_tick_ms`.
        """
        columns = criteria.column_of
        paged_ms = np.full(len(columns), NEVER_MS, np.int64)
        for id_, at_ms in self._remembered.paged_ms.items():
            if id_ in columns:
                paged_ms[columns[id_]] = at_ms
        by_tier: dict[Tier, Bools] = {}
        for tier, mine in criteria.tiers:
            found = [columns.get(id_, -1) for id_ in self._remembered.burning.get(_key(tier), ())]
            mask = np.zeros(len(columns), np.bool_)
            mask[[one for one in found if one >= 0]] = True
            by_tier[tier] = mask & mine
            if tier.severity == "page":
                paged_ms[by_tier[tier] & ~criteria.disabled["page"]] = last_tick_ms
        return Burning(by_tier, paged_ms)

    def tell(
        self,
        judgement: Judgement,
        conditions: Mapping[str, Bools],
        verdict: Callable[[int], Verdict],
    ) -> None:
        """Emit what fires, and once what has ceased to; a sink that fails is asked again.

        `conditions` are those that last, as masks over the judgement's objectives; `verdict` makes
        one of a column. Raises TocsinError when alerts could not be told or written down.
        """
        columns = judgement.criteria.column_of
        former = self._firing
        self._firing = self._firing_now(judgement, columns, conditions)
        ended = {k: s for k, s in former.items() if k not in self._firing and k[0] in columns}
        with suppress(StorageError):  # a full disk stops no page; writing it down fails below
            self._write(judgement, {**ended, **self._firing})
        alerts = self._alerts(judgement, columns, ended, verdict)
        if alerts:
            try:
                self._sink.emit(alerts)
            except TocsinError:
                self._firing = {**self._firing, **ended}
                raise
        self._write(judgement, self._firing)

    def resolve(self, gone: set[str], verdict: Callable[[str], Verdict], at_ms: int) -> None:
        """Tell the end of the alerts of objectives that are no more. Raises TocsinError."""
        alerts = [
            _alert(verdict(id_), reason, since_ms, at_ms)
            for (id_, reason), since_ms in self._firing.items()
            if id_ in gone
        ]
        self._firing = {k: since for k, since in self._firing.items() if k[0] not in gone}
        if alerts:
            self._sink.emit(alerts)

    def _firing_now(
        self, judgement: Judgement, columns: Mapping[str, int], conditions: Mapping[str, Bools]
    ) -> dict[AlertKey, int]:
        """Silence ends no alert but that of the data's absence."""
        ids = judgement.criteria.ids
        masks: dict[str, Bools] = {**dict(judgement.firing.items()), **conditions}
        found = [
            (ids[column], reason)
            for reason, mask in masks.items()
            for column in np.flatnonzero(mask).tolist()
        ]
        silent = {
            key: since_ms
            for key, since_ms in self._firing.items()
            if key[1] != NO_DATA and key[0] in columns and not judgement.has_data[columns[key[0]]]
        }
        return {**silent, **{key: self._firing.get(key, judgement.at_ms) for key in found}}

    def _alerts(
        self,
        judgement: Judgement,
        columns: Mapping[str, int],
        ended: Mapping[AlertKey, int],
        verdict: Callable[[int], Verdict],
    ) -> list[Alert]:
        burning = {id_: self.firing_since_ms(id_) for id_, _ in self._firing}
        since = {id_: min(found.values()) for id_, found in burning.items() if found}
        self.blamed.look(since, judgement.at_ms)
        told = dict.fromkeys(id_ for id_, _ in (*self._firing, *ended))
        verdicts = {id_: verdict(columns[id_]) for id_ in told if id_ in columns}
        alerts = [alert for one in verdicts.values() for alert in one.to_alerts()]
        alerts += [
            condition_alert(verdicts[id_], reason, since_ms)
            for (id_, reason), since_ms in self._firing.items()
            if reason not in SEVERITIES
        ]
        return alerts + [
            _alert(verdicts[id_], reason, since_ms, judgement.at_ms)
            for (id_, reason), since_ms in ended.items()
        ]

    def _write(self, judgement: Judgement, firing: Mapping[AlertKey, int]) -> None:
        self._file.write(
            Remembered(
                firing=dict(firing),
                burning=_burning(judgement),
                paged_ms=_paged_ms(judgement),
            )
        )


def _burning(judgement: Judgement) -> dict[str, tuple[str, ...]]:
    ids = judgement.criteria.ids
    found = {
        _key(tier): tuple(ids[column] for column in np.flatnonzero(mask).tolist())
        for tier, mask in judgement.burning.by_tier.items()
    }
    return {tier: ids for tier, ids in found.items() if ids}


def _paged_ms(judgement: Judgement) -> dict[str, int]:
    """When each paged last, as long as that keeps a ticket back; not of those that page now."""
    tickets = [tier.short_ms for tier, _ in judgement.criteria.tiers if tier.severity == "ticket"]
    oldest_ms = judgement.at_ms - max(tickets, default=0)
    paged_ms = judgement.burning.paged_ms
    kept = (paged_ms != NEVER_MS) & (paged_ms >= oldest_ms) & (paged_ms < judgement.at_ms)
    ids = judgement.criteria.ids
    return {ids[one]: int(paged_ms[one]) for one in np.flatnonzero(kept).tolist()}


def _key(tier: Tier) -> str:
    return f"{tier.severity} {tier.text}"


def _alert(verdict: Verdict, reason: str, starts_at_ms: int, ends_at_ms: int) -> Alert:
    """The end of an alert of a severity or a condition."""
    for severity in SEVERITIES:
        if severity == reason:
            return verdict.alert(severity, starts_at_ms, ends_at_ms)
    return condition_alert(verdict, reason, starts_at_ms, ends_at_ms)
