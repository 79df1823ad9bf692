"""Memory that only starting took is given back to the system: the compiler's, the allocator's.

glibc on Linux only; elsewhere nothing happens, and nothing is lost by that.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Iterator
from pathlib import Path

ARENAS = 2
"""Heaps of the allocator: each thread more would keep one of its own, full of holes."""
_COMPILER = "libllvmlite"
_M_ARENA_MAX = -8


def use_few_arenas() -> None:
    """Before the first thread begins."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, ARENAS)


def give_back() -> None:
    """Once kernels are loaded: what is freed, and the pages of the compiler that made them.

    Code is as it is in the file, and comes back from there when something compiles after all.
    """
    libc = _glibc()
    if libc is None:
        return
    libc.malloc_trim(0)
    for begin, end in _code(_COMPILER):
        libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None


def _code(library: str) -> Iterator[tuple[int, int]]:
    """Where a library's code is mapped: what nobody may write, so that it was not changed."""
    for line in Path("/proc/self/maps").read_text(errors="replace").splitlines():
        span, rights, _ = line.split(" ", 2)
        if library in line and rights == "r-xp":
            begin, _, end = span.partition("-")
            yield int(begin, 16), int(end, 16)
