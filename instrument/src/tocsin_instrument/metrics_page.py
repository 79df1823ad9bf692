"""The `/metrics` page: OpenMetrics to those who ask for it, else the text format 0.0.4; gzip.

OpenMetrics carries `_created`, the time from which a counter counts, so that a reader can tell a
new series from a reset one. The text format has no place for it: there it would be a gauge of its
own for every counter, so it is left out.
"""

from __future__ import annotations

import asyncio
import gzip
import os
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.exposition import choose_encoder, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from tocsin_instrument.health import answer

OPENMETRICS = "application/openmetrics-text"


@dataclass(frozen=True, slots=True)
class _WithoutCreated:
    """A view of a registry that hides `_created` samples."""

    registry: CollectorRegistry

    def collect(self) -> Iterable[Metric]:
        for family in self.registry.collect():
            created = f"{family.name}_created"
            if any(sample.name == created for sample in family.samples):
                kept = [sample for sample in family.samples if sample.name != created]
                family.samples = kept
            yield family


class MetricsPage:
    """An ASGI app that shows a registry; in multi-process mode, those of all the processes."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    async def __call__(
        self, scope: MutableMapping[str, Any], receive: object, send: Callable[..., Awaitable[None]]
    ) -> None:
        """Render in a thread, since a large registry takes longer than a request should wait."""
        headers = dict(scope["headers"])
        accept = headers.get(b"accept", b"").decode("latin-1")
        body, content_type = await asyncio.to_thread(self.render, accept)
        more: tuple[tuple[bytes, bytes], ...] = ((b"vary", b"accept, accept-encoding"),)
        if b"gzip" in headers.get(b"accept-encoding", b""):
            body = await asyncio.to_thread(gzip.compress, body, 1)
            more += ((b"content-encoding", b"gzip"),)
        await answer(send, 200, content_type, body, more)

    def render(self, accept: str) -> tuple[bytes, str]:
        """The page in the format that the header `accept` prefers, and its content type."""
        registry = self._whole_registry()
        encode, content_type = choose_encoder(accept)
        if content_type.startswith(OPENMETRICS):
            return encode(registry), content_type
        return generate_latest(
            _WithoutCreated(registry)
        ), "text/plain; version=0.0.4; charset=utf-8"

    def _whole_registry(self) -> CollectorRegistry:
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return self._registry
        every_process = CollectorRegistry()
        MultiProcessCollector(every_process)  # type: ignore[no-untyped-call]
        return every_process
