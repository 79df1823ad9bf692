"""`Annotations`: the warnings and infos that go out beside an answer, with Prometheus's texts."""

from __future__ import annotations

from collector.query.positions import Span, line_column


class Annotations:
    """Collects each text once, in the order in which they arose."""

    def __init__(self, query: str) -> None:
        self._query = query
        self._warnings: dict[str, None] = {}
        self._infos: dict[str, None] = {}

    def warn(self, text: str, span: Span) -> None:
        """`PromQL warning: text (line:column)`."""
        self._warnings[f"PromQL warning: {text} ({line_column(self._query, span.start)})"] = None

    def inform(self, text: str, span: Span) -> None:
        """`PromQL info: text (line:column)`."""
        self._infos[f"PromQL info: {text} ({line_column(self._query, span.start)})"] = None

    @property
    def count(self) -> int:
        """How many texts there are."""
        return len(self._warnings) + len(self._infos)

    @property
    def warnings(self) -> tuple[str, ...]:
        """All warnings."""
        return tuple(self._warnings)

    @property
    def infos(self) -> tuple[str, ...]:
        """All infos."""
        return tuple(self._infos)
