"""Deploys as vertical marks of a graph."""

from __future__ import annotations

from collector.model.deploy import Deploy, Deploys
from dashboards.render.charts import Mark
from tocsin.web import texts

MARKS_SHOWN = 60
"""More lines in one graph can't be told apart; the newest are drawn."""


def deploy_marks(deploys: Deploys, start_ms: int, end_ms: int, service: str = "") -> list[Mark]:
    """What was deployed in a stretch, of one service or of all."""
    found = list(deploys.between(start_ms, end_ms, service))
    return [Mark(one.at_ms, _title(one)) for one in found[-MARKS_SHOWN:]]


def _title(one: Deploy) -> str:
    note = f": {one.note}" if one.note else ""
    return f"{one.title} deployed {texts.iso(one.at_ms)}{note}"
