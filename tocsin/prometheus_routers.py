"""Prometheus's API over one set of parts."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter

import collector.api.admin
import collector.api.federation
import collector.api.queries
import collector.api.remote_read
import collector.api.rules
import collector.api.series
import collector.api.status
import collector.api.targets
from collector.api.process_status import ProcessStatus
from collector.api.target_families import families_of
from collector.store.cardinality import Cardinality, cardinality
from tocsin import __version__
from tocsin.wiring import Parts


def prometheus_routers(parts: Parts, process: ProcessStatus) -> list[APIRouter]:
    """The routes below `/api/v1`, but for the receivers, and `/federate`."""
    store, engine, clock = parts.store, parts.engine, parts.clock
    own = f"{parts.external_url.rstrip('/')}/api/v2/alerts"
    families = families_of(engine, store.metadata, clock)

    def external_labels() -> Mapping[str, str]:
        return parts.config.global_.external_labels  # a reload may have changed them

    return [
        collector.api.queries.router(engine, store.exemplars, clock),
        collector.api.series.router(engine, store.metadata),
        collector.api.targets.router(parts.pool, families, parts.external_url),
        collector.api.rules.router(parts.rules, parts.outside.urls or (own,)),
        collector.api.status.router(
            process,
            lambda limit: _cardinality(parts, limit),
            __version__,
            clock,
            parts.gate.offenders,
        ),
        collector.api.admin.router(store if parts.config.web.enable_admin_api else None),
        collector.api.remote_read.router(store, external_labels),
        collector.api.federation.router(store, external_labels, clock),
    ]


def _cardinality(parts: Parts, limit: int) -> Cardinality:
    store, status = parts.store, parts.store.status()
    return cardinality(
        status.series,
        store.series_by_label(),
        limit,
        chunks=status.blocks,
        first_ms=status.oldest_ms,
        last_ms=status.newest_ms,
    )
