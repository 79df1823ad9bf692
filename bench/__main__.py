"""`python -m bench [--only PART]`: run, print a table, merge into bench/results.json."""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import PARTS
from bench.figures import Figure

RESULTS = Path(__file__).with_name("results.json")
PIPE_WIDTH = 200


def main() -> None:
    """Measure the parts that were asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="measure this part alone")
    chosen = parser.parse_args().only
    if not chosen:
        RESULTS.unlink(missing_ok=True)  # figures that nothing measures any more go
    for part in (chosen,) if chosen else PARTS:
        figures: list[Figure] = importlib.import_module(f"bench.{part}").measure()
        show(part, figures)
        merge(figures)


def show(part: str, figures: list[Figure]) -> None:
    """Print one part's figures as a table."""
    table = Table(title=part)
    for name in ("figure", "value", "unit", "peer", "peer's value", "times better", "at most", ""):
        table.add_column(name, no_wrap=True)
    for figure in figures:
        peer_value = "" if figure.peer_value is None else f"{figure.peer_value:,.4g}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.1f}x"
        goal = "" if figure.at_most is None else f"{figure.at_most:,.4g}"
        told = (figure.name, f"{figure.value:,.4g}", figure.unit, figure.peer, peer_value, ratio)
        table.add_row(*told, goal, figure.verdict)
    console = Console()
    (console if console.is_terminal else Console(width=PIPE_WIDTH)).print(table)


def merge(figures: list[Figure]) -> None:
    """Put the figures into results.json beside those of other parts."""
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known.update({figure.name: figure.to_json() for figure in figures})
    RESULTS.write_text(json.dumps(known, indent=2, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
