"""PromQL beside Debian's Prometheus and VictoriaMetrics, all with the same samples.

10,000 counters and 5,000 series of three real boards; 2 h at 15 s from memory, 240 steps.
With TOCSIN_BENCH_FULL=1 also 100,000 counters (2 h at 60 s), 24 h from blocks (10,000 counters at
60 s, 288 steps), eight clients at once, growth, and writes beside a heavy query.

Ours is timed from the text of the query to the JSON of the answer, in one process; the peers from
the HTTP request to the whole answer. Neither ours nor VictoriaMetrics may use answers that it kept,
but for the figures named `refresh`, in which the window moves on by one step each time.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.figures import Figure
from bench.promql_data import BOARDS, RAW, TABLE, Samples, samples
from bench.promql_peers import load, prometheus, victoria_metrics
from collector.api.json_values import value_json
from collector.model.clock import ManualClock, SystemClock
from collector.query.engine import Engine, EngineOptions
from collector.query.kernels import warm
from collector.store.tsdb import Tsdb

RUNS = 5
CLIENTS = 8
IS_FULL = bool(os.environ.get("TOCSIN_BENCH_FULL"))
Ask = Callable[[str, int, int, int], object]


@dataclass(frozen=True, slots=True)
class Case:
    """Which samples are asked, and at which steps."""

    name: str
    counters: int
    rows: int
    interval_ms: int
    steps: int
    step_ms: int
    queries: dict[str, str]

    def samples(self, end_ms: int) -> Samples:
        """The samples, the newest row at `end_ms`."""
        return samples(self.counters, self.rows, self.interval_ms, end_ms)


ALL = {**TABLE, **BOARDS, "raw": RAW}
MEMORY = Case("memory", 10_000, 481, 15_000, 240, 30_000, ALL)
FULL = (
    Case("memory_100k", 100_000, 121, 60_000, 120, 60_000, {**TABLE, **BOARDS}),
    Case("blocks", 10_000, 1441, 60_000, 288, 300_000, {**TABLE, **BOARDS}),
)


@dataclass(frozen=True, slots=True)
class Taken:
    """Milliseconds of one query: the first run, then the others."""

    cold: float
    warm: list[float]

    @property
    def p50(self) -> float:
        """The median of the warm runs."""
        return statistics.median(self.warm)

    @property
    def p99(self) -> float:
        """The slowest but one in a hundred; with few runs, the slowest."""
        return float(np.percentile(self.warm, 99, method="higher"))


def measure() -> list[Figure]:
    """Each query's milliseconds, ours and those of the peers."""
    warm()
    figures = _compared(MEMORY)
    if IS_FULL:
        for case in FULL:
            figures += _compared(case)
        figures += _growth()
    return figures + _refresh() + _beside_a_heavy_query()


def _compared(case: Case) -> list[Figure]:
    """All three with the same samples; each query goes to one after the other, again and again.

    So what else the machine does at the time slows all of them alike.
    """
    end_ms = SystemClock().now_ms() // case.step_ms * case.step_ms
    data = case.samples(end_ms)
    with ExitStack() as stack:
        asks: dict[str, Ask] = {"": stack.enter_context(_tocsin(data, range_cache_bytes=0))}
        for start in (prometheus, victoria_metrics):
            peer = stack.enter_context(start())
            if peer is not None:
                load(peer, data)
                asks[peer.name] = peer.ask
        if len(asks) > 1:
            time.sleep(5 if case.rows < 1000 else 20)  # blocks are made, parts merged
        taken = _timed(case, end_ms, asks)
        at_once = {name: _at_once(case, end_ms, ask) for name, ask in asks.items() if IS_FULL}
    figures = []
    ours = taken.pop("")
    for peer_name, theirs in taken.items():
        figures += _figures(case, ours, theirs, peer_name)
        if at_once:
            figures += _figures_at_once(case, at_once[""], at_once[peer_name], peer_name)
    return figures or [
        Figure(f"range_query_{case.name}_{name}_ms", one.p50, "ms") for name, one in ours.items()
    ]


def _figures(
    case: Case, ours: dict[str, Taken], theirs: dict[str, Taken], peer: str
) -> list[Figure]:
    found = []
    tail = "" if peer.startswith("prometheus") else "_vm"
    for name, mine in ours.items():
        other = theirs[name]
        for what, mine_ms, other_ms in (
            ("", mine.p50, other.p50),
            ("_p99", mine.p99, other.p99),
            ("_cold", mine.cold, other.cold),
        ):
            key = f"range_query_{case.name}_{name}{what}{tail}_ms"
            if (case.name, name, what) == ("memory", "memory", ""):
                key = f"range_query_memory{tail}_ms"
            found.append(Figure(key, mine_ms, "ms", peer, other_ms, other_ms / mine_ms))
    return found


def _figures_at_once(case: Case, ours: Taken, theirs: Taken, peer: str) -> list[Figure]:
    tail = "" if peer.startswith("prometheus") else "_vm"
    return [
        Figure(f"range_query_{case.name}_8_clients_{what}{tail}_ms", mine, "ms", peer, other,
               other / mine)
        for what, mine, other in (("p50", ours.p50, theirs.p50), ("p99", ours.p99, theirs.p99))
    ]  # fmt: skip


def _timed(case: Case, end_ms: int, asks: Mapping[str, Ask]) -> dict[str, dict[str, Taken]]:
    """Milliseconds by who was asked and by the query's name."""
    start_ms = end_ms - (case.steps - 1) * case.step_ms
    found: dict[str, dict[str, Taken]] = {who: {} for who in asks}
    for name, query in case.queries.items():
        runs: dict[str, list[float]] = {who: [] for who in asks}
        for _ in range(RUNS + 1):
            for who, ask in asks.items():
                started = time.perf_counter()
                ask(query, start_ms, end_ms, case.step_ms)
                runs[who].append((time.perf_counter() - started) * 1000)
        for who, taken in runs.items():
            found[who][name] = Taken(taken[0], taken[1:])
    return found


def _at_once(case: Case, end_ms: int, ask: Ask) -> Taken:
    """Eight clients, each with the board's queries, one after another."""
    start_ms = end_ms - (case.steps - 1) * case.step_ms
    queries = list(BOARDS.values())
    turns = [queries[i:] + queries[:i] for i in range(CLIENTS)]

    def client(mine: list[str]) -> list[float]:
        return [_ms(lambda q=query: ask(q, start_ms, end_ms, case.step_ms)) for query in mine]  # type: ignore[misc]

    with ThreadPoolExecutor(CLIENTS) as pool:
        taken = [one for found in pool.map(client, turns) for one in found]
    return Taken(taken[0], taken)


def _ms(run: Callable[[], object]) -> float:
    started = time.perf_counter()
    run()
    return (time.perf_counter() - started) * 1000


@contextmanager
def _tocsin(data: Samples, range_cache_bytes: int) -> Iterator[Ask]:
    with tempfile.TemporaryDirectory() as directory, _store(Path(directory), data) as store:
        engine = Engine(store, EngineOptions(range_cache_bytes=range_cache_bytes))
        yield _ask(engine)


def _ask(engine: Engine) -> Ask:
    def ask(query: str, start_ms: int, end_ms: int, step_ms: int) -> bytes:
        return value_json(engine.range(query, start_ms, end_ms, step_ms).value).encode()

    return ask


@contextmanager
def _store(directory: Path, data: Samples) -> Iterator[Tsdb]:
    clock = ManualClock(data.times_ms[0])  # blocks are cut by the clock, as the rows come
    store = Tsdb.open(directory, clock)
    try:
        refs = store.refs("bench", data.labels)
        for number, (time_ms, row) in enumerate(zip(data.times_ms, data.values, strict=True)):
            clock.advance(time_ms - clock.now_ms())
            store.append_row("bench", time_ms, refs, row)
            if number % 120 == 119:
                store.maintain()
        store.compact()
        yield store
    finally:
        store.close()


def _growth() -> list[Figure]:
    """The same query on one, four and sixteen times as many series."""
    found = []
    for times in (1, 4, 16):
        case = Case("growth", 5_000 * times, 121, 60_000, 120, 60_000, {"sum": TABLE["memory"]})
        end_ms = SystemClock().now_ms() // case.step_ms * case.step_ms
        with _tocsin(case.samples(end_ms), range_cache_bytes=0) as ask:
            found.append(_timed(case, end_ms, {"": ask})[""]["sum"].p50)
    return [
        Figure(f"range_query_growth_{times}x_ms", ms, "ms")
        for times, ms in zip((1, 4, 16), found, strict=True)
    ]


def _refresh() -> list[Figure]:
    """A board's refresh: a row comes, the window moves on by a step, the answer is asked again."""
    case = MEMORY
    end_ms = SystemClock().now_ms() // case.step_ms * case.step_ms
    data = case.samples(end_ms)
    span_ms = (case.steps - 1) * case.step_ms
    taken: dict[bool, list[float]] = {True: [], False: []}
    with tempfile.TemporaryDirectory() as directory, _store(Path(directory), data) as store:
        refs = store.refs("bench", data.labels)
        asks = {
            cached: _ask(Engine(store, EngineOptions(range_cache_bytes=(64 << 20) * cached)))
            for cached in taken
        }
        for turn in range(6):
            at_ms = end_ms + turn * case.step_ms
            if turn:
                store.append_row("bench", at_ms, refs, data.values[-1] + turn)
            for cached, ask in asks.items():
                for query in BOARDS.values():
                    started = time.perf_counter()
                    ask(query, at_ms - span_ms, at_ms, case.step_ms)
                    ms = (time.perf_counter() - started) * 1000
                    if turn:
                        taken[cached].append(ms)
    cached_ms, plain_ms = (statistics.mean(taken[one]) for one in (True, False))
    return [
        Figure(
            "range_query_refresh_ms", cached_ms, "ms", "without cache", plain_ms,
            plain_ms / cached_ms,
        )
    ]  # fmt: skip


def _beside_a_heavy_query() -> list[Figure]:
    """How long a row waits that is written while four clients ask for all there is."""
    case = MEMORY
    end_ms = SystemClock().now_ms() // case.step_ms * case.step_ms
    data = case.samples(end_ms)
    start_ms = end_ms - (case.steps - 1) * case.step_ms
    with tempfile.TemporaryDirectory() as directory, _store(Path(directory), data) as store:
        ask = _ask(Engine(store, EngineOptions(range_cache_bytes=0)))
        refs = store.refs("bench", data.labels)
        alone = _write_ms(store, refs, data, end_ms)
        stop = threading.Event()

        def heavy() -> None:
            while not stop.is_set():
                ask("quantile_over_time(0.5, x_total[30m])", start_ms, end_ms, case.step_ms)

        clients = [threading.Thread(target=heavy) for _ in range(2)]
        for client in clients:
            client.start()
        time.sleep(1)
        beside = _write_ms(store, refs, data, end_ms + 100 * case.interval_ms)
        stop.set()
        for client in clients:
            client.join()
    return [
        Figure(f"write_row_beside_heavy_queries_{what}_ms", mine, "ms", "alone", other,
               other / mine)
        for what, mine, other in (
            ("p50", float(np.percentile(beside, 50)), float(np.percentile(alone, 50))),
            ("p99", float(np.percentile(beside, 99)), float(np.percentile(alone, 99))),
        )
    ]  # fmt: skip


def _write_ms(store: Tsdb, refs: np.ndarray, data: Samples, after_ms: int) -> list[float]:  # type: ignore[type-arg]
    taken = []
    for turn in range(1, 51):
        at_ms, row = after_ms + turn * data.interval_ms, data.values[-1] + turn
        started = time.perf_counter()
        store.append_row("bench", at_ms, refs, row)
        taken.append((time.perf_counter() - started) * 1000)
        time.sleep(0.02)
    return taken
