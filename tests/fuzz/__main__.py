"""`python -m tests.fuzz DIRECTORY [libFuzzer options]`: atheris on all targets, until stopped.

The first byte of an input chooses the target. DIRECTORY gets the corpus.
"""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import atheris

from tests.fuzz.targets import SEEDS, TARGETS

NAMES = list(TARGETS)
READERS = (
    "comments",
    "go_float",
    "histogram_wire",
    "lines",
    "openmetrics",
    "otlp_metrics",
    "protobuf",
    "remote_write",
    "series_text",
    "text",
)
"""Modules whose branches guide the fuzzer. Not the kernels: they are no Python when they run."""


def functions(module: ModuleType) -> Iterator[FunctionType]:
    """Functions and methods that a module defines."""
    for value in list(vars(module).values()):
        found = vars(value).values() if isinstance(value, type) else [value]
        for one in found:
            if isinstance(one, FunctionType) and one.__module__ == module.__name__:
                yield one


def one_input(data: bytes) -> None:
    if data:
        TARGETS[NAMES[data[0] % len(NAMES)]](data[1:])


def main() -> None:
    corpus = Path(sys.argv[1])
    corpus.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(NAMES):
        for k, seed in enumerate(SEEDS[name]):
            (corpus / f"seed-{name}-{k}").write_bytes(bytes([number]) + seed)
            one_input(bytes([number]) + seed)  # compiles the kernels before time is taken
    for name in READERS:
        for function in functions(importlib.import_module(f"collector.ingest.formats.{name}")):
            atheris.instrument_func(function)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
