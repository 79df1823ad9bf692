"""Memory that nothing needs is not taken, or given back: the compiler's, the allocator's.

What needs glibc on Linux does nothing elsewhere, and nothing is lost by that.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

ARENAS = 2
"""Heaps of the allocator: each thread more would keep one of its own, full of holes."""
_COMPILER = "libllvmlite"
_BLAS = "scipy.linalg.cython_blas"
_M_ARENA_MAX = -8


def use_few_arenas() -> None:
    """Before the first thread begins."""
    libc = _glibc()
    if libc is not None:
        libc.mallopt(_M_ARENA_MAX, ARENAS)


def load_compiler_without_blas() -> None:
    """Before the first kernel: numba would load scipy's linear algebra, which no kernel calls."""
    if _BLAS in sys.modules:
        return
    sys.modules[_BLAS] = None  # type: ignore[assignment]  # how an import is told that it can't be
    try:
        import numba.np.arraymath  # noqa: F401
    finally:
        del sys.modules[_BLAS]


def give_back() -> None:
    """What is freed, and the pages of the compiler, which has nothing to do once kernels are there.

    They are as they are in the file, and come back from there when something compiles after all.
    """
    libc = _glibc()
    if libc is None:
        return
    libc.malloc_trim(0)
    for begin, end in _pages_of_file(_COMPILER):
        libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), mmap.MADV_DONTNEED)


def _glibc() -> ctypes.CDLL | None:
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "malloc_trim") and hasattr(libc, "mallopt") else None


@cache
def _pages_of_file(library: str) -> Sequence[tuple[int, int]]:
    """Where code and constants of a loaded library are, of which no page was changed.

    They stay where they are; to look for them costs some 20 ms.
    """
    found, span, rights = [], (0, 0), ""
    for line in Path("/proc/self/smaps").read_text(errors="replace").splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            begin, _, end = name.partition("-")
            span, rights = (int(begin, 16), int(end, 16)), rest[0] if library in line else ""
        elif name == "Anonymous:" and rest[0] == "0" and rights in ("r--p", "r-xp"):
            found.append(span)
    return tuple(found)
