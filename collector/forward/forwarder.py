"""Every endpoint at work, in a thread with an event loop of its own, over one journal."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from collector.forward.batches import Batcher, Choice
from collector.forward.delivery import HttpDelivery, endpoint_name
from collector.forward.endpoint import Endpoint, Tools
from collector.forward.journal import Journal, LabelsOf
from collector.forward.journal_reader import JournalReader, PositionFile
from collector.forward.self_metrics import ForwardMetrics
from collector.ingest.formats.remote_write import Version
from collector.ingest.relabel import compile_rules
from collector.model.clock import Clock
from collector.model.errors import ConfigError
from collector.model.metadata import Metadata
from collector.remote_write_config import RemoteWriteConfig

UPKEEP_SECONDS = 5.0
"""How often the journal is synced and rid of what all endpoints have."""
_VERSIONS: Mapping[str, Version] = {
    "prometheus.WriteRequest": 1,
    "io.prometheus.write.v2.Request": 2,
}
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a configuration asks for."""

    endpoints: tuple[RemoteWriteConfig, ...] = ()
    external_labels: tuple[tuple[str, str], ...] = ()


class Forwarder:
    """Starts and stops endpoints; without any there is no journal and nothing is written twice."""

    def __init__(
        self,
        directory: Path,
        labels_of: LabelsOf,
        metadata: Callable[[], Mapping[str, Metadata]],
        clock: Clock,
        metrics: ForwardMetrics,
        max_bytes: int,
    ) -> None:
        self._directory = directory
        self._labels_of = labels_of
        self._tools = Tools(clock, metrics, metadata)
        self._metrics = metrics
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._wanted = Wanted()
        self._endpoints: list[Endpoint] = []
        self._running: _Running | None = None
        self.journal: Journal | None = None

    def apply(self, wanted: Wanted) -> None:
        """Send to these endpoints and no others, from now on.

        One that is new gets what is stored from now on; one that was there goes on where it was.
        Raises ConfigError when two have one name, StorageError when the journal can't be written.
        """
        with self._lock:
            if wanted == self._wanted:
                return
            _check_names(wanted)
            deliveries = [self._delivery(config) for config in wanted.endpoints]
            self._stop()
            self._wanted = wanted
            if not wanted.endpoints:
                self._close_journal()
                return
            if self.journal is None:
                self.journal = Journal(self._directory, self._labels_of, self._max_bytes)
            journal = self.journal
            self._endpoints = [
                self._endpoint(config, delivery, journal)
                for config, delivery in zip(wanted.endpoints, deliveries, strict=True)
            ]
            self._running = _Running(self._endpoints, self._upkeep)

    def close(self) -> None:
        """Stop; what is not sent stays in the journal."""
        with self._lock:
            self._stop()
            self._close_journal()

    def _stop(self) -> None:
        if self._running is not None:
            self._running.stop()
        self._running, self._endpoints = None, []

    def _close_journal(self) -> None:
        if self.journal is not None:
            self.journal.close()
        self.journal = None

    def _delivery(self, config: RemoteWriteConfig) -> HttpDelivery:
        return HttpDelivery(config, _VERSIONS[config.protobuf_message], self._tools.clock)

    def _endpoint(
        self, config: RemoteWriteConfig, delivery: HttpDelivery, journal: Journal
    ) -> Endpoint:
        key = hashlib.sha256((config.name or config.url).encode()).hexdigest()[:16]
        file = PositionFile(self._directory / f"position-{key}.json")
        position = file.read()
        if position is None:
            position = journal.end()
            file.write(position)
        choice = Choice(
            relabel=compile_rules(step.rule() for step in config.write_relabel_configs),
            external_labels=dict(self._wanted.external_labels),
            histograms=config.send_native_histograms,
            exemplars=config.send_exemplars,
            age_limit_ms=config.queue_config.sample_age_limit,
        )
        return Endpoint(
            endpoint_name(config),
            _VERSIONS[config.protobuf_message],
            config.queue_config,
            JournalReader(journal.directory, position),
            file,
            Batcher(choice),
            delivery,
            self._tools,
            config.metadata_config,
        )

    def _upkeep(self) -> None:
        journal = self.journal
        if journal is not None and self._endpoints:
            journal.sync()
            journal.remove_before(min(one.committed for one in self._endpoints))
            self._metrics.queue_bytes.set(journal.nbytes())


class _Running:
    """A thread with the endpoints' tasks."""

    def __init__(self, endpoints: Sequence[Endpoint], upkeep: Callable[[], None]) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: list[asyncio.Task[None]] = []
        self._thread = threading.Thread(
            target=self._run, args=(endpoints, upkeep), name="forward", daemon=True
        )
        self._thread.start()

    def _run(self, endpoints: Sequence[Endpoint], upkeep: Callable[[], None]) -> None:
        asyncio.set_event_loop(self._loop)
        self._tasks = [self._loop.create_task(_lasting(one.run, one.name)) for one in endpoints]
        self._tasks.append(self._loop.create_task(_lasting(lambda: _repeat(upkeep), "upkeep")))
        try:
            self._loop.run_until_complete(asyncio.gather(*self._tasks, return_exceptions=True))
        finally:
            self._loop.close()

    def stop(self) -> None:
        """End the tasks and wait for the thread."""
        while self._thread.is_alive():
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._cancel)
            self._thread.join(0.1)

    def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()


async def _lasting(run: Callable[[], Coroutine[None, None, None]], name: str) -> None:
    """What fails in an unforeseen way is told and begun again."""
    while True:
        try:
            await run()
        except Exception:
            _log.exception("sending to %s failed in an unforeseen way; it goes on", name)
            await asyncio.sleep(UPKEEP_SECONDS)


async def _repeat(upkeep: Callable[[], None]) -> None:
    while True:
        await asyncio.sleep(UPKEEP_SECONDS)
        await asyncio.to_thread(upkeep)


def _check_names(wanted: Wanted) -> None:
    names = [config.name or config.url for config in wanted.endpoints]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"two remote_write sections are {name!r}", advice="give each a name of its own"
            )
