"""Numbers and times as people read them on a page: pure, no markup."""

from __future__ import annotations

from tocsin.moments import time_text

NOTHING = "–"
STEPS = ((86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))


def iso(ms: int) -> str:
    """`2026-11-21 10:27:03 UTC`."""
    return f"{time_text(ms)} UTC"


def link(url: str) -> str:
    """The URL where following it only opens a page; "" for `javascript:` and other schemes."""
    return url if url.startswith(("http://", "https://", "/")) else ""


def ago(ms: int, now_ms: int) -> str:
    """`12s ago`, `3h ago`, `in 5m`; `now` within a second."""
    seconds = (now_ms - ms) / 1000
    if abs(seconds) < 1:
        return "now"
    text = span(abs(seconds))
    return f"{text} ago" if seconds > 0 else f"in {text}"


def span(seconds: float) -> str:
    """A length of time with its two largest units: `1h 52m`, `8s`, `120ms`."""
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    whole = round(seconds)
    for position, (size, unit) in enumerate(STEPS):
        if whole >= size:
            rest = whole % size
            if position + 1 == len(STEPS) or rest < STEPS[position + 1][0]:
                return f"{whole // size}{unit}"
            next_size, next_unit = STEPS[position + 1]
            return f"{whole // size}{unit} {rest // next_size}{next_unit}"
    return "0s"


def percent(ratio: float | None, digits: int = 2) -> str:
    """A ratio as percent: `99.95 %`."""
    return NOTHING if ratio is None else f"{ratio * 100:.{digits}f} %"


def objective(ratio: float) -> str:
    """An objective with the digits that were written: `99.9 %`."""
    return f"{round(ratio * 100, 6):g} %"


def burn(rate: float | None) -> str:
    """A burn rate: `14.4x`."""
    return NOTHING if rate is None else f"{rate:.3g}x" if rate < 1000 else f"{rate:,.0f}x"


def odds(chance: float) -> str:
    """How rarely chance alone does it: `1 in 20,000`; nothing for what chance often does."""
    if chance >= 0.05:
        return NOTHING
    return f"1 in {round(1 / chance):,}" if chance >= 1e-9 else "below 1 in a billion"


def count(number: float) -> str:
    """A whole number with thousands apart."""
    return f"{number:,.0f}"
