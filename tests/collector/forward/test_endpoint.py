"""An endpoint that is away, slow, full or wrong: what reaches it, in virtual time."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from collector.forward import journal as journal_module
from collector.forward.batches import Batcher, Choice
from collector.forward.delivery import Answer
from collector.forward.endpoint import Endpoint, Tools
from collector.forward.journal import Journal, Position
from collector.forward.journal_reader import JournalReader, PositionFile
from collector.forward.self_metrics import ForwardMetrics
from collector.ingest.formats import remote_write
from collector.ingest.formats.remote_write import SeriesReader
from collector.ingest.relabel import compile_rules
from collector.model.clock import ManualClock
from collector.model.labels import Labels
from collector.model.samples import Int64s
from collector.remote_write_config import QueueConfig

POOL = [Labels.of("m", n=str(n)) for n in range(20)]
REFS = np.arange(len(POOL), dtype=np.int64)
HOUR_SECONDS = 3600
NOW_MS = 1_700_000_000_000


def labels_of(refs: Int64s) -> list[Labels]:
    return [POOL[ref] for ref in refs.tolist()]


class Place:
    """A `Delivery` that keeps what it takes; `answer` decides."""

    def __init__(self, answer: Callable[[], Answer]) -> None:
        self.answer = answer
        self.samples: dict[Labels, list[tuple[int, float]]] = {}
        self.requests = self.most_at_once = self._now = self.largest = 0

    async def post(self, body: bytes) -> Answer:
        self.requests += 1
        self._now += 1
        self.most_at_once = max(self.most_at_once, self._now)
        await asyncio.sleep(0)
        self._now -= 1
        answer = self.answer()
        if answer.is_taken:
            self._take(body)
        return answer

    def _take(self, body: bytes) -> None:
        request = remote_write.scan(remote_write.unpacked(body), 1)
        reader = SeriesReader(request)
        self.largest = max(self.largest, len(request.values))
        for owner, at_ms, value in zip(
            request.owners.tolist(),
            request.timestamps_ms.tolist(),
            request.values.tolist(),
            strict=True,
        ):
            self.samples.setdefault(reader.labels(owner), []).append((at_ms, value))

    async def close(self) -> None:
        pass


class Bench:
    def __init__(self, directory: Path, place: Place, **queue: object) -> None:
        self.directory, self.place = directory, place
        self.clock = ManualClock(NOW_MS)
        self.registry = CollectorRegistry()
        self.journal = Journal(directory, labels_of, 2**40)
        self.queue = QueueConfig.model_validate(queue)
        self.slept: list[float] = []
        self.metrics = ForwardMetrics(self.registry)
        self.endpoint = self.new_endpoint()

    def new_endpoint(self) -> Endpoint:
        file = PositionFile(self.directory / "position-x.json")
        return Endpoint(
            "far",
            1,
            self.queue,
            JournalReader(self.directory, file.read() or Position()),
            file,
            Batcher(Choice(compile_rules([]))),
            self.place,
            Tools(self.clock, self.metrics, dict, self.sleep),
        )

    async def sleep(self, seconds: float) -> None:
        """Time passes only here."""
        self.slept.append(seconds)
        self.clock.advance(max(1, round(seconds * 1000)))
        await asyncio.sleep(0)

    def scrape(self) -> None:
        at_ms = self.clock.now_ms()
        assert self.journal.row("s", at_ms, REFS, REFS + at_ms / 1000, None)

    def windows(self, count: int) -> None:
        async def run() -> None:
            for _ in range(count):
                await self.endpoint.send_window()

        asyncio.run(run())

    def figure(self, name: str, **labels: str) -> float:
        found = self.registry.get_sample_value(
            f"tocsin_forward_{name}", {"endpoint": "far", **labels}
        )
        return found or 0.0


def test_samples_are_sent_after_the_deadline_at_the_latest(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Place(lambda: Answer(204)), batch_send_deadline="5s")
    bench.scrape()
    bench.windows(1)
    assert sum(len(found) for found in bench.place.samples.values()) == len(POOL)
    assert 4.9 < sum(bench.slept) < 5.3
    assert bench.figure("samples_sent_total") == len(POOL)


def test_a_full_request_is_sent_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Place(lambda: Answer(204)), max_samples_per_send=10)
    bench.scrape()
    bench.windows(1)
    assert bench.slept == []
    assert bench.place.largest == 10


def test_nothing_is_lost_when_the_far_side_is_away_for_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 20_000)
    back_ms = NOW_MS + HOUR_SECONDS * 1000
    place = Place(lambda: Answer(204 if bench.clock.now_ms() >= back_ms else 0))
    bench = Bench(tmp_path, place, capacity=500, max_shards=4, max_samples_per_send=100)
    scrapes = 0

    async def sleep(seconds: float) -> None:
        """A scrape every 15 s of virtual time, whatever the endpoint waits for."""
        nonlocal scrapes
        await Bench.sleep(bench, seconds)
        while NOW_MS + scrapes * 15_000 <= bench.clock.now_ms() and scrapes < 260:
            at_ms = NOW_MS + scrapes * 15_000
            bench.journal.row("s", at_ms, REFS, REFS + at_ms / 1000, None)
            scrapes += 1

    monkeypatch.setattr(bench, "sleep", sleep)
    bench.endpoint = bench.new_endpoint()
    bench.scrape()
    scrapes = 1

    async def run() -> None:
        sent = 0
        while sent < 260 * len(POOL):
            sent += await bench.endpoint.send_window()
            assert len(bench.slept) < 50_000

    asyncio.run(run())
    times = [NOW_MS + k * 15_000 for k in range(260)]
    for ref, labels in enumerate(POOL):
        assert bench.place.samples[labels] == [(at_ms, ref + at_ms / 1000) for at_ms in times]
    assert 1 < bench.place.most_at_once <= 4
    assert bench.figure("samples_retried_total") > 0
    assert max(bench.slept) == 5.0, "backs off to max_backoff"
    assert bench.figure("samples_sent_total") == 260 * len(POOL)


def test_a_restart_sends_the_window_again_that_was_not_dealt_with(tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    def die() -> Answer:
        raise Killed

    bench = Bench(tmp_path, Place(lambda: Answer(204)), max_samples_per_send=10)
    bench.scrape()
    bench.windows(1)
    bench.clock.advance(1000)
    bench.scrape()
    bench.place.answer = die
    with pytest.raises(Killed):
        bench.windows(1)
    bench.place.answer = lambda: Answer(204)
    bench.endpoint = bench.new_endpoint()
    bench.windows(1)
    assert all(len(found) == 2 for found in bench.place.samples.values())


@pytest.mark.parametrize(
    ("code", "retries"), [(400, 0), (404, 0), (500, 2), (503, 2), (429, 2), (0, 2)]
)
def test_only_what_may_pass_is_tried_again(tmp_path: Path, code: int, retries: int) -> None:
    answers = [Answer(code), Answer(code), Answer(204)]
    place = Place(lambda: answers.pop(0) if answers else Answer(204))
    bench = Bench(tmp_path, place, max_samples_per_send=20)
    bench.scrape()
    bench.windows(1)
    assert bench.place.requests == retries + 1
    dropped = bench.figure("samples_dropped_total", reason="refused")
    assert dropped == (0 if retries else len(POOL))


def test_429_is_final_when_asked_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path, Place(lambda: Answer(429)), retry_on_http_429=False)
    bench.scrape()
    bench.windows(1)
    assert bench.figure("samples_dropped_total", reason="refused") == len(POOL)


def test_retry_after_is_honoured(tmp_path: Path) -> None:
    answers = [Answer(429, retry_after_seconds=42.0), Answer(503), Answer(204)]
    bench = Bench(tmp_path, Place(lambda: answers.pop(0)), max_samples_per_send=20)
    bench.scrape()
    bench.windows(1)
    assert bench.slept == [42.0, 0.06]


def test_an_unforeseen_failure_loses_nothing(tmp_path: Path) -> None:
    answers: list[Callable[[], Answer]] = [lambda: 1 / 0, lambda: Answer(204)]  # type: ignore[return-value, list-item]
    bench = Bench(tmp_path, Place(lambda: answers.pop(0)()), max_samples_per_send=20)
    bench.scrape()
    with pytest.raises(ZeroDivisionError):
        asyncio.run(bench.endpoint.run())
    bench.windows(1)
    assert all(len(found) == 1 for found in bench.place.samples.values())


def test_lag_and_pending_are_shown_while_it_is_behind(tmp_path: Path) -> None:
    seen = []

    def look() -> Answer:
        seen.append((bench.figure("lag_seconds"), bench.figure("pending_bytes")))
        return Answer(503) if len(seen) < 8 else Answer(204)

    bench = Bench(tmp_path, Place(look), max_samples_per_send=20)
    bench.scrape()
    bench.windows(1)
    assert seen[-1][0] > 1
    assert (bench.figure("lag_seconds"), bench.figure("pending_bytes")) == (0.0, 0.0)
