"""A scene as SVG text. No inline style: a page's strict content policy would not allow it."""

from __future__ import annotations

from html import escape

from dashboards.render.scene import Path, Rect, Scene, Shape, Text


def to_svg(scene: Scene) -> str:
    """One `<svg>` element with an accessible title."""
    ratio = ' preserveAspectRatio="none"' if scene.stretch else ""
    head = f'<svg viewBox="0 0 {_n(scene.width)} {_n(scene.height)}" role="img"{ratio}>'
    body = "".join(_shape(shape) for shape in scene.shapes)
    return f"{head}<title>{escape(scene.title)}</title>{body}</svg>"


def _shape(shape: Shape) -> str:
    match shape:
        case Rect():
            radius = f' rx="{_n(shape.radius)}"' if shape.radius else ""
            faint = f' fill-opacity="{shape.opacity:.2g}"' if shape.opacity < 1 else ""
            inner = f"<title>{escape(shape.title)}</title></rect>" if shape.title else "</rect>"
            return (
                f'<rect x="{_n(shape.x)}" y="{_n(shape.y)}" width="{_n(shape.width)}" '
                f'height="{_n(shape.height)}"{radius}{faint} class="{shape.css}">{inner}'
            )
        case Path():
            steps = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
            end = "Z" if shape.closed else ""
            return f'<path d="M{steps}{end}" class="{shape.css}"/>'
        case Text():
            return (
                f'<text x="{_n(shape.x)}" y="{_n(shape.y)}" text-anchor="{shape.anchor}" '
                f'class="{shape.css}">{escape(shape.text)}</text>'
            )


def _n(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")
