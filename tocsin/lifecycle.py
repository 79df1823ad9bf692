"""Start order, reload, drain, stop order of the one process.

Start: parts (replay), alerts, HTTP, scrapes, ticks. Stop: ticks and scrapes, HTTP, anomalies, SLOs,
alerts, store. What comes in last to start goes first to stop, so nothing writes to a closed part.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from collector.api import xor_chunks
from collector.ingest.receivers.otlp_grpc import (
    LOGS_METHOD,
    METRICS_METHOD,
    TRACES_METHOD,
    OtlpGrpc,
)
from collector.model.errors import ConfigError, StorageError, TocsinError
from collector.query import kernels
from collector.store.warm_up import warm_up as store_warm_up
from tocsin.address import listener
from tocsin.background import in_background
from tocsin.config import Config
from tocsin.config_warnings import config_warnings
from tocsin.connections import MAX_CONNECTIONS, ConnectionMetrics, bounded, raise_file_limit
from tocsin.forward_wiring import wanted_endpoints
from tocsin.memory import give_back
from tocsin.process_status import ConfigReadings
from tocsin.rules_wiring import rule_options
from tocsin.ticker import Ticker
from tocsin.wiring import Parts, build_anomalies

log = logging.getLogger(__name__)

MAINTENANCE_MS = 30_000
CALENDARS_MS = 30_000
POLICIES_MS = 5_000
FIT_MS = 5_000
INCIDENTS_MS = 15_000
FIGURES_MS = 60_000
HEARTBEATS_MS = 5_000
SILENCES_MS = 15_000
DRAIN_SECONDS = 5
LOG_RETENTION_MS = 600_000
MEMORY_MS = 60_000
AT_START = ("web", "storage", "otlp", "limits", "query", "store", "logs", "alerting")
"""Sections that hold for the life of the process."""


class Lifecycle:
    """The running process: implements `tocsin.http.Process`."""

    def __init__(self, parts: Parts, load: Callable[[], Config]) -> None:
        self._parts = parts
        self._load = load
        self._is_ready = False
        now_ms = parts.clock.now_ms()
        self.readings = ConfigReadings(now_ms, now_ms)
        self._reloading = threading.Lock()
        self._tickers: dict[str, Ticker] = {}

    def is_ready(self) -> bool:
        """Whether it has started and is not stopping."""
        return self._is_ready

    def reload(self) -> None:
        """Read the configuration again; raises ConfigError and keeps everything as it was."""
        with self._reloading:
            try:
                self._reload()
            except ConfigError:
                self.readings.succeeded = False
                raise
            self.readings.succeeded = True
            self.readings.read_ms = self._parts.clock.now_ms()

    def _reload(self) -> None:
        config = self._load()
        parts, old = self._parts, self._parts.config
        changed = [name for name in AT_START if getattr(config, name) != getattr(old, name)]
        if config.alerts_section.database_url != old.alerts_section.database_url:
            changed.append("alerts.database_url")
        if changed:
            raise ConfigError(
                f"{', '.join(changed)}: can't change while tocsin runs",
                advice="restart tocsin, or put the section back",
            )
        parts.alerts.reload(
            config.alerts,
            config.alerts_global,
            config.alert_templates,
            config.alerts_section.on_call,
        )
        parts.interactions.apply(config.alerts_global)
        parts.silences.apply(config.alerts_section.silences)
        parts.forwarding.forwarder.apply(wanted_endpoints(config))
        parts.pool.apply(config.scrape_configs, config.global_)
        parts.records.apply(config)
        parts.slos.replace(config.objectives, config.slos)
        parts.rules.apply(config.rule_groups, rule_options(config, parts.external_url))
        parts.anomalies = build_anomalies(
            config,
            parts.engine,
            parts.forwarding.appender,
            parts.sink,
            parts.clock,
            parts.directory,
            parts.anomaly_metrics,
        )
        parts.on_call.surroundings.anomalies = parts.anomalies.states
        parts.config = config
        for name, interval_ms in (("slo", config.slos.tick), ("anomaly", config.anomaly.interval)):
            if name in self._tickers:
                self._tickers[name].interval_ms = interval_ms
        log.info("reloaded %s", config.file)

    async def run(self, app: FastAPI, held: socket.socket, on_ready: Callable[[], None]) -> None:
        """Serve on a bound socket until SIGINT or SIGTERM; SIGHUP reloads."""
        most = min(MAX_CONNECTIONS, raise_file_limit() // 2)
        server = _Server(
            uvicorn.Config(
                app,
                http=bounded(ConnectionMetrics(self._parts.registry), most),
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_SECONDS,
            )
        )
        grpc = self._listen_for_otlp()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGHUP, self._reload_on_signal)
        for field, warning in config_warnings(self._parts.config, self._parts.clock.now_ms()):
            log.warning("%s: %s: %s", self._parts.config.file, field, warning)
        for ending in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(ending, server.end)
        logging.getLogger().addHandler(self._parts.logs.own)
        self._parts.logs.own.start()
        self._parts.alerts.start()
        self._parts.outside.start()
        self._parts.interactions.start()
        in_background("compile", _load_kernels)
        serving = asyncio.create_task(self._serve(server, held, on_ready))
        scraping = in_background("scrape", self._scrape)
        try:
            await serving
        finally:
            self._is_ready = False
            self._parts.pool.close()
            await asyncio.to_thread(grpc.stop)
            await asyncio.to_thread(scraping.join)
            await asyncio.to_thread(self._stop)

    def _scrape(self) -> None:
        """Scrapes have an event loop of their own: none waits for a page that is being made."""
        try:
            asyncio.run(self._parts.pool.run())
        except Exception:
            log.exception("nothing is scraped any more")

    def _listen_for_otlp(self) -> OtlpGrpc:
        """OTLP over gRPC; a taken default port is no reason not to start, a wished-for one is."""
        parts, config = self._parts, self._parts.config.otlp
        receivers = {
            METRICS_METHOD: parts.otlp.receive,
            LOGS_METHOD: parts.logs.receiver.receive,
            TRACES_METHOD: parts.records.traces.receive,
        }
        grpc = OtlpGrpc(receivers, config.max_body_size)
        address = config.grpc.listen_address
        try:
            if address:
                grpc.start(listener(address))
                log.info("OTLP/gRPC on %s", address)
        except TocsinError as error:
            if "grpc" in config.model_fields_set:
                raise ConfigError(
                    f"no OTLP over gRPC: {error.message}",
                    advice='set otlp.grpc.listen_address, to "" for none',
                ) from error
            log.warning("no OTLP over gRPC: %s (see otlp.grpc.listen_address)", error.message)
        return grpc

    async def _serve(
        self, server: uvicorn.Server, held: socket.socket, on_ready: Callable[[], None]
    ) -> None:
        serving = asyncio.create_task(server.serve(sockets=[held]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if server.started:
            self._start_tickers()
            self._is_ready = True
            on_ready()
        await serving
        self._is_ready = False

    def _start_tickers(self) -> None:
        parts = self._parts
        tasks = (
            ("slo", parts.config.slos.tick, parts.slos.tick),
            ("calendars", CALENDARS_MS, parts.slos.corrections.read_calendars),
            ("slo-policies", POLICIES_MS, parts.slos.policies.deliver),
            ("anomaly", parts.anomalies.interval_ms, lambda now_ms: parts.anomalies.tick(now_ms)),
            ("anomaly-fit", FIT_MS, lambda now_ms: _discard(parts.anomalies.fit_due(now_ms))),
            ("incidents", INCIDENTS_MS, parts.on_call.tick),
            ("on-call-figures", FIGURES_MS, parts.on_call.show_figures),
            ("heartbeats", HEARTBEATS_MS, parts.on_call.heartbeats.tick),
            ("watchdog", HEARTBEATS_MS, parts.on_call.guard),
            ("silences", SILENCES_MS, parts.silences.tick),
            ("store", MAINTENANCE_MS, lambda _: parts.store.maintain()),
            ("compaction", MAINTENANCE_MS, lambda _: parts.store.compact()),
            ("logs", LOG_RETENTION_MS, lambda _: _discard(parts.logs.store.remove_old())),
            ("memory", MEMORY_MS, lambda _: give_back()),
        )
        for name, interval_ms, task in tasks:
            ticker = Ticker(name, interval_ms, task, parts.clock, parts.ticks)
            self._tickers[name] = ticker
            ticker.start()
        parts.rules.start()

    def _stop(self) -> None:
        for ticker in self._tickers.values():
            ticker.stop()
        self._parts.rules.stop()
        self._parts.slos.close()
        self._parts.interactions.close()
        self._parts.outside.close()
        self._parts.alerts.close()
        logging.getLogger().removeHandler(self._parts.logs.own)
        self._parts.logs.own.stop()
        self._parts.logs.store.close()
        self._parts.forwarding.forwarder.close()
        self._parts.store.close()

    def _reload_on_signal(self) -> None:
        in_background("reload", self._reload_and_log)

    def _reload_and_log(self) -> None:
        try:
            self.reload()
        except ConfigError as error:
            log.error("kept the old configuration; the new one is wrong:\n%s", error)


def _load_kernels() -> None:
    """So that the first query and the first block do not wait for the compiler's cache."""
    store_warm_up()
    kernels.warm()
    xor_chunks.warm_up()
    # a million objects of imports and compilers stay for ever: looking through them again and
    # again for garbage would stop every thread for half a second each time
    gc.freeze()
    give_back()


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: they raise the signal again before we have stopped."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._awake = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the life cycle."""
        yield

    async def main_loop(self) -> None:
        """One tick a second keeps the header Date right; ten would wake an idle process."""
        while not await self.on_tick(0):
            timer = asyncio.get_running_loop().call_later(1, self._awake.set)
            await self._awake.wait()
            self._awake.clear()
            timer.cancel()

    def end(self) -> None:
        """Answer what is under way and stop; asked again, stop now."""
        self.force_exit = self.should_exit
        self.should_exit = True
        self._awake.set()


def _discard(_: object) -> None:
    """A ticker's task answers nothing."""


def data_directory(path: Path) -> Path:
    """The data directory, made when it is missing; readable by its owner only.

    Raises StorageError when it can't be made or isn't writable.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        os.chmod(path, 0o700)
    except OSError as error:
        reason = "it is a file" if isinstance(error, FileExistsError) else error.strerror
        raise StorageError(
            f"the data directory {path} can't be used: {reason}",
            advice="give one that you may write to with --data-dir",
        ) from error
    return path
