"""Jinja as the pages use it: autoescape on, undefined names are errors, times and links at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from collector.model.clock import Clock
from tocsin import __version__
from tocsin.web import texts
from tocsin.web.assets import Asset

TEMPLATES = Path(__file__).parent / "templates"
NO_STORE = {"Cache-Control": "no-store"}


class Templates:
    """Renders a page; `firing` is the number beside Alerts, `waiting` the one beside Incidents."""

    def __init__(
        self,
        assets: Mapping[str, Asset],
        clock: Clock,
        firing: Callable[[], int],
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        self._clock = clock
        self._firing = firing
        self._waiting = waiting
        self._environment = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            asset=lambda name: assets[name].path, iso=texts.iso, version=__version__
        )

    def page(self, name: str, here: str, view: Mapping[str, object]) -> HTMLResponse:
        """The template `name` with the view's values; `here` marks the page in the navigation."""
        return self.response(name, here, view, 200)

    def not_found(self, message: str) -> HTMLResponse:
        """A page that says what is not there."""
        return self._sentence("Not found", message, 404)

    def refusal(self, message: str) -> HTMLResponse:
        """A page that says what was wrong with a form."""
        return self._sentence("That did not work", message, 400)

    def _sentence(self, title: str, message: str, status: int) -> HTMLResponse:
        return self.response("sentence.html", "", {"heading": title, "message": message}, status)

    def response(
        self, name: str, here: str, view: Mapping[str, object], status: int
    ) -> HTMLResponse:
        """A page with a status of its own."""
        now_ms = self._clock.now_ms()
        html = self._environment.get_template(name).render(
            **view,
            here=here,
            now=datetime.fromtimestamp(now_ms / 1000, UTC),
            ago_text=lambda ms: texts.ago(ms, now_ms),
            navigation=(
                ("/", "Home", 0),
                ("/slos", "Objectives", 0),
                ("/alerts", "Alerts", self._firing()),
                ("/incidents", "Incidents", self._waiting()),
                ("/oncall", "On call", 0),
                ("/graph", "Query", 0),
                ("/rules", "Rules", 0),
                ("/targets", "Targets", 0),
            ),
        )
        return HTMLResponse(html, status, headers=NO_STORE)
