import xml.etree.ElementTree as ET

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dashboards.render.scene import Rect, Scene, Text
from dashboards.render.strips import LEFT, RIGHT, Span, heat_strip, state_timeline
from dashboards.render.svg import to_svg


def rects(scene: Scene, css: str) -> list[Rect]:
    return [one for one in scene.shapes if isinstance(one, Rect) and one.css == css]


def test_spans_lie_where_their_time_is_and_are_cut_to_the_range() -> None:
    spans = [
        Span(-500, 250, "good", "quiet"),
        Span(250, 500, "bad", "fires"),
        Span(900, 5000, "warn", "x"),
    ]
    scene = state_timeline([("page", spans)], "t", 0, 1000, width=LEFT + RIGHT + 100)
    (good,), (bad,), (warn,) = (rects(scene, f"bar-{tone}") for tone in ("good", "bad", "warn"))
    assert (good.x - LEFT, good.width) == (0, 25)
    assert (bad.x - LEFT, bad.width, bad.title) == (25, 25, "page: fires")
    assert (warn.x - LEFT, warn.width) == (90, 10)


def test_what_is_outside_the_range_is_not_drawn() -> None:
    scene = state_timeline([("page", [Span(2000, 3000, "bad", "later")])], "t", 0, 1000)
    assert not rects(scene, "bar-bad")


def test_a_moment_is_still_seen() -> None:
    scene = state_timeline([("page", [Span(0, 1, "bad", "a moment")])], "t", 0, 10**9)
    assert rects(scene, "bar-bad")[0].width >= 1


def test_cells_are_stronger_the_more_there_is() -> None:
    scene = heat_strip([("a", np.array([0.0, 0.01, 0.5, 1.0, 7.0, np.nan]))], "t", 0, 1000)
    cells = rects(scene, "bar-bad")
    assert len(rects(scene, "bar-ground")) == 1
    opacities = [cell.opacity for cell in cells]
    assert opacities == sorted(opacities)
    assert opacities[-2:] == [1, 1]
    assert opacities[0] > 0.1
    assert 'fill-opacity="0.5"' in to_svg(scene)


def test_long_names_keep_both_ends() -> None:
    scene = state_timeline([("a-very-long-service-name/availability", [])], "t", 0, 1000)
    (name,) = [one.text for one in scene.shapes if isinstance(one, Text) and "…" in one.text]
    assert name.startswith("a-very-long")
    assert name.endswith("ailability")


@given(
    st.lists(
        st.tuples(st.text('a<&"é', max_size=40), st.lists(st.floats(-1e9, 1e9), max_size=9)),
        max_size=4,
    ),
    st.integers(0, 10**12),
    st.integers(0, 10**11),
)
def test_any_data_gives_a_well_formed_picture(
    rows: list[tuple[str, list[float]]], start_ms: int, span_ms: int
) -> None:
    end_ms = start_ms + span_ms
    heat = [(name, np.array(values, dtype=np.float64)) for name, values in rows]
    spans = [
        (name, [Span(int(v), int(v) + 5, "bad", name) for v in values]) for name, values in rows
    ]
    for scene in (
        heat_strip(heat, "t", start_ms, end_ms),
        state_timeline(spans, "t", start_ms, end_ms),
    ):
        svg = to_svg(scene)
        assert ET.fromstring(svg).tag == "svg"
        assert "nan" not in svg
        assert "style=" not in svg
