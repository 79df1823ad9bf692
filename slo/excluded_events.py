"""What one objective counted in a stretch of the past, by the ledger's own rows.

They stand in for the store's samples where it has forgotten them, or not all are in yet; they are
coarser the older they are.
"""

from __future__ import annotations

import numpy as np

from slo.excluded import Events
from slo.ledger import Ledger

_MINUTE_MS = 60_000


def from_ledger(ledger: Ledger, column: int, start_ms: int, end_ms: int) -> Events:
    """Events between the ledger's rows in `(start_ms, end_ms]`: what it counted, as it stands."""
    times, bad, total = ledger.rows_of(column)
    first, last = np.searchsorted(times, [start_ms, end_ms], side="right").tolist()
    rows = slice(max(first - 1, 0), last)  # no window reaches behind the first row of all
    return Events(times[rows][1:], np.diff(bad[rows]), np.diff(total[rows]), is_exact=False)


def has_forgotten(found: Events, ledger: Ledger, column: int, start_ms: int, end_ms: int) -> bool:
    """Whether the store has fewer events than the ledger counted well within the stretch."""
    inner = from_ledger(ledger, column, start_ms + _MINUTE_MS, end_ms)
    return float(inner.total[1:].sum()) > float(found.total.sum())
