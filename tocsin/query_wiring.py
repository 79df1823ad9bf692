"""Builds what answers queries: the engine over the embedded store, or a remote one beside it."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx
from prometheus_client import CollectorRegistry

from collector.ingest.http.credentials import Credentials
from collector.ingest.http.proxy import proxy_for
from collector.ingest.http.tls import TlsContexts
from collector.model.clock import Clock
from collector.query.active import ActiveQueries
from collector.query.engine import Engine, EngineOptions
from collector.query.interface import QueryEngine
from collector.query.remote import RemoteEngine
from collector.query.remote_querier import RemoteQuerier
from collector.query.routed import OWN_NAMES, RoutedEngine
from collector.query_config import QueryConfig, StoreConfig
from collector.rules.rule import RecordingRule
from collector.store.interface import Querier
from collector.store.tsdb import Tsdb
from tocsin.config import Config


@dataclass(frozen=True, slots=True)
class Queries:
    """`engine` answers everybody; `counted` is where objectives count events; `active` runs now."""

    engine: QueryEngine
    counted: Querier
    active: ActiveQueries


def build_queries(
    config: Config, store: Tsdb, clock: Clock, registry: CollectorRegistry
) -> Queries:
    """Raises ConfigError for certificates and credentials that can't be used."""
    own = Engine(store, engine_options(config.query), clock, registry)
    if not config.store.remote:
        return Queries(own, store, own.active)
    remote = RemoteEngine(_Client(config.store, clock), config.store.remote)
    recorded = frozenset(
        rule.name
        for group in config.rule_groups
        for rule in group.rules
        if isinstance(rule, RecordingRule)
    )
    routed = RoutedEngine(
        own, remote, lambda name: name in recorded or OWN_NAMES.fullmatch(name) is not None
    )
    return Queries(routed, RemoteQuerier(remote, clock), own.active)


def engine_options(config: QueryConfig) -> EngineOptions:
    """The section `query` as the engine takes it."""
    return EngineOptions(
        lookback_ms=config.lookback_delta,
        max_samples=config.max_samples,
        timeout_seconds=config.timeout / 1000,
        max_concurrency=config.max_concurrency,
        range_cache_bytes=config.range_cache_size,
        slow_query_seconds=config.slow_query_threshold / 1000,
    )


class _Client:
    """Gives the HTTP client of a remote store, with credentials as they are now."""

    def __init__(self, config: StoreConfig, clock: Clock) -> None:
        self._credentials = Credentials(config, clock)
        proxy = proxy_for(config, urlsplit(config.remote), os.environ)
        self._client = httpx.Client(
            timeout=config.timeout / 1000,
            verify=TlsContexts(config.tls_config, "store").current(),
            follow_redirects=config.follow_redirects,
            proxy=proxy.url if proxy else None,
            trust_env=False,
        )

    def __call__(self) -> httpx.Client:
        self._client.headers.update(asyncio.run(self._credentials.headers()))
        return self._client
