"""What pictures are drawn with has a look: a shape without one is black on black."""

import re
from pathlib import Path

import pytest

from dashboards.render import charts

ROOT = Path(__file__).parents[3]
STYLES = (ROOT / "tocsin/web/static/tocsin.css").read_text()
DRAWN = re.findall(r'"(bar-[a-z]+)"', Path(charts.__file__).read_text())


@pytest.mark.parametrize("name", sorted({*DRAWN, "bar-good", "bar-warn", "bar-bad"}))
def test_every_kind_of_bar_has_a_colour(name: str) -> None:
    assert re.search(rf"\.{name}\b[^{{}}]*\{{[^}}]*fill:", STYLES)
