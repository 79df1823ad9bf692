"""One endpoint: reads the journal window by window, sends each window whole, then moves on.

A window is cut into shards by series and sent at once; a shard sends its requests one after the
other, so that each series' samples arrive in their order. The position is kept only when the whole
window is dealt with: a process that is killed sends its last window again, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from collector.forward.batches import Batcher, shard_count, sharded
from collector.forward.delivery import Answer, Delivery
from collector.forward.journal_reader import JournalReader, PositionFile
from collector.forward.self_metrics import ForwardMetrics
from collector.ingest.formats.remote_write import Version
from collector.ingest.formats.remote_write_encoder import Item, encode, encode_metadata
from collector.model.clock import Clock
from collector.model.metadata import Metadata
from collector.remote_write_config import MetadataConfig, QueueConfig

POLL_SECONDS = 0.2
"""How often the journal is looked at while there is nothing in it."""
BYTES_PER_SAMPLE = 8
"""What a sample takes in the journal, about: to guess how many are pending."""

Sleep = Callable[[float], Awaitable[None]]
_log = logging.getLogger(__name__)
_HISTOGRAM_SUFFIXES = ("_bucket", "_count", "_sum", "_total")


@dataclass(frozen=True, slots=True)
class Tools:
    """What an endpoint works with."""

    clock: Clock
    metrics: ForwardMetrics
    metadata: Callable[[], Mapping[str, Metadata]]
    sleep: Sleep = asyncio.sleep


class Endpoint:
    """Sends to one place until cancelled."""

    def __init__(
        self,
        name: str,
        version: Version,
        queue: QueueConfig,
        reader: JournalReader,
        position: PositionFile,
        batcher: Batcher,
        delivery: Delivery,
        tools: Tools,
        metadata_config: MetadataConfig | None = None,
    ) -> None:
        self.name = name
        self._version = version
        self._queue = queue
        self._reader = reader
        self._position = position
        self._batcher = batcher
        self._delivery = delivery
        self._tools = tools
        self._metadata_config = metadata_config or MetadataConfig()
        self._metadata_due_ms = 0
        self._failing = False
        self._families: Mapping[str, Metadata] = {}
        self.committed = reader.position

    async def run(self) -> None:
        """Send what there is and what comes."""
        try:
            while True:
                await self.send_window()
        except Exception:
            self._reader = self._reader.again(self.committed)
            raise
        finally:
            await self._delivery.close()

    async def send_window(self) -> int:
        """Wait for a window, send it, keep the position; answers how many samples it had."""
        items, shards = await self._collect()
        self._families = self._tools.metadata()
        metrics = self._tools.metrics
        metrics.shards.labels(self.name).set(shards)
        parts = sharded(items, shards, self._queue.max_samples_per_send)
        await asyncio.gather(*(self._send_shard(part) for part in parts))
        self._commit()
        await self._send_metadata()
        return len(items)

    async def _collect(self) -> tuple[list[Item], int]:
        """A window: as much as the shards take, or what came until the deadline."""
        clock, queue = self._tools.clock, self._queue
        items: list[Item] = []
        begun: float | None = None
        while True:
            pending = self._reader.pending_bytes() // BYTES_PER_SAMPLE + len(items)
            shards = shard_count(pending, queue.capacity, queue.min_shards, queue.max_shards)
            for entry in self._reader.entries():
                items += self._batcher.items(entry, clock.now_ms())
                if len(items) >= shards * queue.capacity:
                    return items, shards
            self._show(items)
            if items and begun is None:
                begun = clock.monotonic_seconds()
            if len(items) >= queue.max_samples_per_send:
                return items, shards
            waited = 0.0 if begun is None else clock.monotonic_seconds() - begun
            left = queue.batch_send_deadline / 1000 - waited
            if begun is not None and left <= 0:
                return items, shards
            if not items and self._reader.position > self.committed:
                self._commit()
            await self._tools.sleep(min(POLL_SECONDS, left) if begun is not None else POLL_SECONDS)

    def _show(self, items: Sequence[Item]) -> None:
        metrics, name = self._tools.metrics, self.name
        for reason, count in self._batcher.left_out.items():
            metrics.dropped.labels(name, reason).inc(count)
        self._batcher.left_out.clear()
        metrics.segments_dropped.labels(name).inc(self._reader.skipped_segments)
        self._reader.skipped_segments = 0
        metrics.pending_bytes.labels(name).set(self._reader.pending_bytes())
        age_ms = self._tools.clock.now_ms() - items[0].timestamp_ms if items else 0
        metrics.lag_seconds.labels(name).set(max(0, age_ms) / 1000)

    async def _send_shard(self, requests: Sequence[Sequence[Item]]) -> None:
        for items in requests:
            body = encode(items, self._version, self._metadata_of)
            answer = await self._deliver(body, items)
            self._count(answer, len(items))

    async def _deliver(self, body: bytes, items: Sequence[Item]) -> Answer:
        """Send until it is taken, or refused for good."""
        metrics, name = self._tools.metrics, self.name
        wait = self._queue.min_backoff / 1000
        while True:
            begun = self._tools.clock.monotonic_seconds()
            answer = await self._delivery.post(body)
            seconds = self._tools.clock.monotonic_seconds() - begun
            metrics.request_seconds.labels(name).observe(seconds)
            metrics.requests.labels(name, str(answer.code or "error")).inc()
            if answer.is_taken:
                self._note_recovery()
                return answer
            if not answer.is_worth_another_try(on_429=self._queue.retry_on_http_429):
                return answer
            self._note_failure(answer)
            metrics.retried.labels(name).inc(len(items))
            self._show(items)
            await self._tools.sleep(answer.retry_after_seconds or wait)
            wait = min(wait * 2, self._queue.max_backoff / 1000)

    def _count(self, answer: Answer, count: int) -> None:
        metrics, name = self._tools.metrics, self.name
        if answer.is_taken and (self._version == 1 or answer.tells_what_was_written):
            metrics.sent.labels(name).inc(count)
            return
        reason = "refused" if not answer.is_taken else "not_understood"
        metrics.dropped.labels(name, reason).inc(count)
        _log.error(
            "%s: %d samples are dropped (%s): HTTP %d %s",
            name,
            count,
            reason,
            answer.code,
            answer.text,
        )

    def _note_failure(self, answer: Answer) -> None:
        if not self._failing:
            what = f"HTTP {answer.code}" if answer.code else "no answer"
            _log.warning("%s: %s, is tried again: %s", self.name, what, answer.text)
        self._failing = True

    def _note_recovery(self) -> None:
        if self._failing:
            _log.info("%s: answers again", self.name)
        self._failing = False

    def _commit(self) -> None:
        """Everything that was read is dealt with."""
        try:
            self._position.write(self._reader.position)
        except OSError as error:
            _log.warning("%s: can't keep its position in the queue: %s", self.name, error)
        if self._reader.position.segment > self.committed.segment:
            self._batcher.forget()
        self.committed = self._reader.position
        self._show([])

    async def _send_metadata(self) -> None:
        config, now_ms = self._metadata_config, self._tools.clock.now_ms()
        if self._version != 1 or not config.send or now_ms < self._metadata_due_ms:
            return
        self._metadata_due_ms = now_ms + config.send_interval
        families = list(self._families.items())
        for begin in range(0, len(families), config.max_samples_per_send):
            part = dict(families[begin : begin + config.max_samples_per_send])
            answer = await self._delivery.post(encode_metadata(part))
            self._tools.metrics.requests.labels(self.name, str(answer.code or "error")).inc()

    def _metadata_of(self, name: str) -> Metadata | None:
        families = self._families
        found = families.get(name)
        for suffix in _HISTOGRAM_SUFFIXES if found is None else ():
            if name.endswith(suffix):
                found = families.get(name.removesuffix(suffix))
        return found
