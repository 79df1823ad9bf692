"""Values as people read them, under Grafana's unit ids: `percentunit`, `s`, `bytes`, `short`, …"""

from __future__ import annotations

import math

SI = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
BINARY = ((2.0**50, "PiB"), (2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
SECONDS = (
    (86_400.0, 1 / 86_400, "d"),
    (3600.0, 1 / 3600, "h"),
    (60.0, 1 / 60, "min"),
    (1.0, 1.0, "s"),
    (1e-3, 1e3, "ms"),
    (1e-6, 1e6, "µs"),
    (1e-9, 1e9, "ns"),
)


def format_value(value: float, unit: str = "short") -> str:
    """A number with its unit, three digits that matter: `12.3 MiB`, `450 ms`, `99.95 %`."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if unit == "percentunit":
        return _percent(value * 100)
    if unit == "percent":
        return _percent(value)
    if unit == "s":
        return _seconds(value)
    if unit in ("bytes", "Bps"):
        text = _scaled(value, BINARY, "B")
        return f"{text}/s" if unit == "Bps" else text
    suffix = {"reqps": " req/s", "cps": "/s", "ops": " ops/s", "x": "x"}.get(unit, "")
    return _scaled(value, SI, "").replace(" ", "") + suffix


def _percent(value: float) -> str:
    """Nines are worth their digits; elsewhere three are enough."""
    return f"{_digits(value, 5 if 99 < value < 100 else 3)} %"


def _digits(value: float, digits: int = 3) -> str:
    return f"{value:.{digits}g}" if abs(value) < 10**digits else f"{value:.0f}"


def _scaled(value: float, steps: tuple[tuple[float, str], ...], plain: str) -> str:
    for size, name in steps:
        if abs(value) >= size:
            return f"{_digits(value / size)} {name}"
    return f"{_digits(value)} {plain}".rstrip()


def _seconds(value: float) -> str:
    for size, factor, name in SECONDS:
        if abs(value) >= size:
            return f"{_digits(value * factor)} {name}"
    return "0 s" if value == 0 else f"{_digits(value * 1e9)} ns"
