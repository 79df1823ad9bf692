"""`LabelLists`: the labels of series that are read together again and again, as one list.

A query over 10,000 series would spend more time on looking up their labels than on some kernels.
A ref's labels never change, so a list holds for ever.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from collector.model.labels import LabelList, Labels
from collector.model.samples import Int64s

MAX_REFS = 1 << 21
"""In all lists together: 32 MB of refs and pointers."""


class LabelLists:
    """The least recently used are forgotten first; safe from any thread."""

    def __init__(self, labels: Sequence[Labels], max_refs: int = MAX_REFS) -> None:
        """`labels` by ref."""
        self._labels = labels
        self._max_refs = max_refs
        self._lock = Lock()
        self._lists: OrderedDict[bytes, LabelList] = OrderedDict()
        self._refs = 0

    def of(self, refs: Int64s) -> LabelList:
        """The label set of each ref; not to be changed by who gets it."""
        key = refs.tobytes()
        with self._lock:
            known = self._lists.get(key)
            if known is not None:
                self._lists.move_to_end(key)
                return known
        labels = self._labels
        found = LabelList([labels[ref] for ref in refs.tolist()])
        with self._lock:
            if key not in self._lists:
                self._lists[key] = found
                self._refs += len(found)
            while self._refs > self._max_refs:
                self._refs -= len(self._lists.popitem(last=False)[1])
        return found
