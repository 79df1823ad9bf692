"""The store's view of a file system that fails now and then, as such calls may fail."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from collector.store import block_store, block_writer, checkpoint, disk, snapshot, wal

FAILING = (
    "open", "write", "writev", "fdatasync", "fsync", "ftruncate", "rename", "mkdir", "link"
)  # fmt: skip
ALSO_BY_PATHLIB = ("unlink", "mkdir")
DOORS = (wal, checkpoint, disk, block_writer, block_store, snapshot)
"""The modules whose calls go through `os`."""


class FailingOs:
    """`os` whose calls fail at a `ratio` of them: with one of `codes`, or writing too little."""

    def __init__(self, dice: random.Random, ratio: float) -> None:
        self._dice = dice
        self.ratio = ratio
        self.codes: Sequence[int] = (errno.ENOSPC, errno.EIO)
        self.failures = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        is_mine = name in FAILING and name not in ALSO_BY_PATHLIB
        return self.failing(name, real) if is_mine else real

    def failing(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        """`real`, failing now and then as a call of this name may."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if self._dice.random() >= self.ratio:
                return real(*args, **kwargs)
            self.failures += 1
            is_full = errno.ENOSPC in self.codes
            if name in ("write", "writev") and is_full and self._dice.random() < 0.5:
                return self._short(args[0], args[1])
            code = self._dice.choice(self.codes)
            raise OSError(code, os.strerror(code))

        return call

    def _short(self, descriptor: int, data: Any) -> int:
        whole = b"".join(bytes(part) for part in data) if isinstance(data, list) else bytes(data)
        return os.write(descriptor, whole[: self._dice.randrange(len(whole)) or 1])


def fail_in(monkeypatch: pytest.MonkeyPatch, seed: int, ratio: float) -> FailingOs:
    """Every door of the store to the disk fails from now on; `ratio` may be changed."""
    layer = FailingOs(random.Random(seed), ratio)
    for module in DOORS:
        monkeypatch.setattr(module, "os", layer)
    for name in ALSO_BY_PATHLIB:
        monkeypatch.setattr(os, name, layer.failing(name, getattr(os, name)))
    return layer
