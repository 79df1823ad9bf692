"""Where the samples of a range lie: in memory, then in blocks, the newest places first.

The store's lock guards both calls; what they give may be read without it.
"""

from __future__ import annotations

from collector.model.samples import Int64s
from collector.store import merge
from collector.store.block_store import BlockStore
from collector.store.head import Head


def windows_of(
    head: Head, blocks: BlockStore, refs: Int64s, after_ms: int, until_ms: int
) -> list[merge.Window]:
    """Windows with all samples of these series in `(after_ms, until_ms]`, without what is deleted.

    Some hold other series too.
    """
    from_ms = max(after_ms, head.from_ms - 1)
    found: list[merge.Window] = []
    for stripe in head.stripes_of(refs):
        found += blocks.masked(merge.windows(stripe.parts(), from_ms, until_ms), stripe.cleaned)
    found += blocks.masked(merge.windows(head.overlay.parts(refs), after_ms, until_ms))
    return found + blocks.windows(after_ms, until_ms)


def is_empty(head: Head, blocks: BlockStore, after_ms: int, until_ms: int) -> bool:
    """Whether no series has a sample in `(after_ms, until_ms]`."""
    refs = head.labels.refs()
    return not len(merge.present(refs, windows_of(head, blocks, refs, after_ms, until_ms)))
