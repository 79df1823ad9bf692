"""Memory that is given back does not take anything away that is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self/smaps")
def test_only_what_is_as_in_the_file_is_given_back() -> None:
    import llvmlite.binding  # noqa: F401  (loads the compiler)

    lines = Path("/proc/self/maps").read_text().splitlines()
    unwritable = [line for line in lines if "libllvmlite" in line and line.split()[1][1] == "-"]
    memory._pages_of_file.cache_clear()
    given_back = memory._pages_of_file("libllvmlite")
    assert 1 < len(given_back) < len(unwritable)  # what the loader filled in is not in the file
    assert memory._pages_of_file("no-such-library") == ()


def test_kernels_do_not_load_linear_algebra_and_others_still_may() -> None:
    program = (
        "import sys\n"
        "from tocsin.memory import load_compiler_without_blas\n"
        "load_compiler_without_blas()\n"
        "import numba\n"
        "assert numba.njit(lambda a, b: a + b)(1, 2) == 3\n"
        "assert 'scipy.linalg' not in sys.modules\n"
        "import scipy.linalg.cython_blas\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
