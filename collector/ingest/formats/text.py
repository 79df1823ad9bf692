"""Prometheus text 0.0.4 and 1.0.0: bytes in, pages out; no socket, no clock.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/
"""

from __future__ import annotations

from collector.ingest.formats.lines import LineReader
from collector.ingest.formats.page import Layout, Page


class TextParser:
    """Parses the bodies of one target."""

    def __init__(self) -> None:
        self._reader = LineReader(openmetrics=False)
        self._layout: Layout | None = None

    def parse(self, body: bytes) -> Page:
        """The page of a body; raises InputError for the first line that is wrong."""
        lines = self._reader.read(body)
        if self._layout is None or self._layout.indices is not lines.indices:
            self._layout = Layout(lines.table, lines.indices)
        return Page(
            self._layout,
            lines.values,
            lines.timestamps_ms,
            metadata=lines.metadata,
            exemplars=lines.exemplars,
        )
