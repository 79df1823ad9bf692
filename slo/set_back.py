"""Whether the ledger's last ticks are of a clock that ran ahead and is set right.

The store decides it: its newest samples are of now again, while the last tick is not. When the
clock is wrong now, the newest samples stay in the future and the ledger keeps its rows.
"""

from __future__ import annotations

from collector.model.matchers import Matcher
from collector.store.interface import Querier
from collector.store.set_back import MAX_AHEAD_MS

_EVERY = (Matcher("=~", "__name__", ".+"),)


def is_set_back(querier: Querier, counted_ms: int, now_ms: int) -> bool:
    """Whether what was counted up to `counted_ms` belongs before now."""
    if counted_ms <= now_ms + MAX_AHEAD_MS:
        return False
    newest_ms = int(querier.last_sample_ms(querier.match(_EVERY)).max(initial=-1))
    return 0 <= newest_ms <= now_ms + MAX_AHEAD_MS
