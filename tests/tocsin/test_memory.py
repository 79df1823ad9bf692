"""Memory that is given back does not take anything away that is needed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numba import njit

from tocsin import memory


def test_the_compiler_works_after_its_code_was_given_back() -> None:
    memory.give_back()

    @njit
    def total(values):  # type: ignore[no-untyped-def]
        return values.sum()

    assert total(np.arange(10.0)) == 45.0


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/maps")
def test_only_code_is_given_back() -> None:
    import llvmlite.binding  # noqa: F401  (loads the compiler)

    assert list(memory._code("libllvmlite"))
    assert list(memory._code("no-such-library")) == []
