"""Where commands read the past that objectives are tried on: a data directory, or a Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tocsin.commands.client import DEFAULT_URL, PATIENCE_SECONDS

if TYPE_CHECKING:
    from slo.backtest import Source


@contextmanager
def history_source(data_dir: Path | None, prometheus: str) -> Iterator[Source]:
    """The source of a data directory, or else of the HTTP API of Prometheus at a URL.

    Raises ConfigError and StorageError for a directory that is none or can't be read.
    """
    from collector.model.clock import SystemClock

    if data_dir is None:
        with _remote(prometheus) as source:
            yield source
        return
    from collector.query.engine import Engine
    from collector.store.tsdb import Tsdb
    from slo.backtest import Source
    from tocsin.commands.store_copy import unchanging_store

    with unchanging_store(data_dir, DEFAULT_URL, hold=False) as readable:
        store = Tsdb.open(readable, SystemClock())
        try:
            yield Source(store, store.counter_totals, Engine(store))
        finally:
            store.close()


@contextmanager
def _remote(url: str) -> Iterator[Source]:
    import httpx

    from collector.model.clock import SystemClock
    from collector.query.remote import RemoteEngine
    from collector.query.remote_querier import RemoteQuerier
    from slo.backtest import Source

    with httpx.Client(timeout=PATIENCE_SECONDS, follow_redirects=True) as client:
        engine = RemoteEngine(lambda: client, url)
        yield Source(RemoteQuerier(engine, SystemClock()), None, engine)
