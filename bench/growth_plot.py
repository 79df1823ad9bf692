"""A small SVG of how costs grow with the load: a panel a measure, a line a program."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

PANEL_WIDTH, PANEL_HEIGHT, MARGIN = 340, 200, 60
COLOURS = ("#2563eb", "#d97706", "#6b7280")


@dataclass(frozen=True, slots=True)
class Panel:
    """One measure: for each program its figures, beside `loads`."""

    title: str
    loads: Sequence[str]
    lines: Mapping[str, Sequence[float]]


def svg(panels: Sequence[Panel]) -> str:
    """The panels beside each other; loads stand at equal distances, costs begin at zero."""
    width, height = len(panels) * (PANEL_WIDTH + MARGIN) + MARGIN, PANEL_HEIGHT + 2 * MARGIN
    body = "".join(
        f'<g transform="translate({MARGIN + n * (PANEL_WIDTH + MARGIN)},{MARGIN})">'
        f"{_panel(panel)}</g>\n"
        for n, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        'font-family="sans-serif" font-size="12" fill="#444">\n'
        f'<rect width="{width}" height="{height}" fill="#fff"/>\n{body}</svg>\n'
    )


def _round_above(value: float) -> float:
    """The next of 1, 2, 4, 5, 6, 8 times a power of ten: half of it is a short number too."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step for step in (k * power for k in (1, 2, 4, 5, 6, 8, 10)) if step >= value)


def _panel(panel: Panel) -> str:
    top = _round_above(max(value for line in panel.lines.values() for value in line))
    step = PANEL_WIDTH / max(len(panel.loads) - 1, 1)
    parts = [f'<text x="0" y="-22" font-weight="bold">{panel.title}</text>']
    for share in (0.0, 0.5, 1.0):
        y = PANEL_HEIGHT * (1 - share)
        parts.append(f'<path d="M0 {y:.1f}H{PANEL_WIDTH}" stroke="#ddd"/>')
        parts.append(f'<text x="-6" y="{y + 4:.1f}" text-anchor="end">{top * share:.3g}</text>')
    for n, load in enumerate(panel.loads):
        parts.append(f'<text x="{n * step:.1f}" y="218" text-anchor="middle">{load}</text>')
    for colour, (name, line) in zip(COLOURS, panel.lines.items(), strict=False):
        points = [(n * step, PANEL_HEIGHT * (1 - value / top)) for n, value in enumerate(line)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        x, y = points[-1]
        parts.append(
            f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="end" fill="{colour}">{name}</text>'
        )
    return "".join(parts)
