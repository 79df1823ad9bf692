"""`ForwardingAppender`: the store's way in that writes to a journal what the store took."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from collector.forward.journal import Journal
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.metadata import Metadata
from collector.model.samples import Float64s, Int64s, SampleBatch
from collector.store.interface import Appender, Refused


class ForwardingAppender:
    """An `Appender`; what could not be written to the journal is told to `count_lost`.

    `journal` is asked for each time, as a reload may begin or end it.

    A row of which the store refused all is not sent on. Of one that it refused in part everything
    is: the store says how many, not which.
    """

    def __init__(
        self,
        store: Appender,
        journal: Callable[[], Journal | None],
        count_lost: Callable[[int], None],
    ) -> None:
        self._store = store
        self._journal = journal
        self._count_lost = count_lost

    def refs(self, source: str, labels: Sequence[Labels]) -> Int64s:
        """See `Appender.refs`."""
        return self._store.refs(source, labels)

    def known_refs(self, labels: Sequence[Labels]) -> Int64s:
        """See `Appender.known_refs`."""
        return self._store.known_refs(labels)

    def append_row(
        self,
        source: str,
        timestamp_ms: int,
        refs: Int64s,
        values: Float64s,
        start_ms: Int64s | None = None,
    ) -> Refused:
        """See `Appender.append_row`."""
        refused = self._store.append_row(source, timestamp_ms, refs, values, start_ms)
        journal = self._journal()
        if journal is None or sum(refused.by_reason.values()) >= len(refs):
            return refused
        if not journal.row(source, timestamp_ms, refs, values, start_ms):
            self._count_lost(len(refs))
        return refused

    def append(self, source: str, batch: SampleBatch) -> Refused:
        """See `Appender.append`."""
        refused = self._store.append(source, batch)
        journal = self._journal()
        if journal is None or sum(refused.by_reason.values()) >= len(batch):
            return refused
        for at_ms in np.unique(batch.timestamps_ms).tolist():
            row = batch.timestamps_ms == at_ms
            starts = None if batch.start_ms is None else batch.start_ms[row]
            if not journal.row(source, at_ms, batch.refs[row], batch.values[row], starts):
                self._count_lost(int(row.sum()))
        return refused

    def append_exemplars(self, source: str, exemplars: Sequence[Exemplar]) -> Refused:
        """See `Appender.append_exemplars`."""
        refused = self._store.append_exemplars(source, exemplars)
        journal = self._journal()
        if journal is not None and sum(refused.by_reason.values()) < len(exemplars):
            journal.exemplars(exemplars)
        return refused

    def set_metadata(self, family: str, metadata: Metadata) -> None:
        """See `Appender.set_metadata`."""
        self._store.set_metadata(family, metadata)
