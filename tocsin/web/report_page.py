"""How the team fared: times, pages a shift, noise."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.on_call.figures import Report, Spread
from alerts.on_call.station import Station
from tocsin.web import texts
from tocsin.web.tiles import Tile

DAY_MS = 24 * 3_600_000
RANGES = ("7", "30", "90", "365")
DEFAULT_RANGE = "30"


def report_view(station: Station, days: str, now_ms: int) -> Mapping[str, object]:
    """The values of `oncall_report.html`."""
    shown = days if days in RANGES else DEFAULT_RANGE
    report = station.report(now_ms - int(shown) * DAY_MS, now_ms)
    return {"tiles": _tiles(report), "report": report, "ranges": RANGES, "days": shown}


def _tiles(report: Report) -> list[Tile]:
    severities = ", ".join(f"{count} {name}" for name, count in report.by_severity.items())
    per_shift = report.pages_per_shift
    return [
        Tile("Incidents", texts.count(report.incidents), note=severities),
        _time("MTTA", report.to_acknowledge, "to acknowledge"),
        _time("MTTR", report.to_resolve, "to resolve"),
        _time("MTBF", report.between, "between two"),
        Tile(
            "Pages per shift",
            texts.NOTHING if per_shift is None else f"{per_shift:.2g}",
            note=f"{report.escalations} steps of escalations",
        ),
        Tile(
            "Never acknowledged", texts.count(report.never_acknowledged), note="ended on their own"
        ),
    ]


def _time(name: str, spread: Spread, what: str) -> Tile:
    if spread.mean_seconds is None or spread.median_seconds is None:
        return Tile(name, texts.NOTHING, note=what)
    note = f"{what}; median {texts.span(spread.median_seconds)}"
    return Tile(name, texts.span(spread.mean_seconds), note=note)
