"""The Elasticsearch log store against a real Elasticsearch 9.

The server is Elastic's trimmed build; its `info`, `ping` and ILM come from a stand-in plugin, which
keeps policies and does not execute them: tests that lean on it say so in their names.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.errors import UnavailableError
from collector.model.records import LogBatch, LogRecord
from collector.store.documents.document_shape import template_of
from collector.store.documents.elasticsearch import ElasticsearchLogStore, ElasticsearchTarget
from collector.store.documents.interface import DAY_MS, LEVELS, LogQuery, Written
from collector.store.documents.self_metrics import LogMetrics

pytestmark = [pytest.mark.peer, pytest.mark.slow, pytest.mark.timeout(300)]

NOW_MS = 1_700_000_000_000  # 2023-11-14T22:13:20Z
SCRIPT = Path(
    os.environ.get(
        "TOCSIN_ELASTICSEARCH_UP",
        str(Path(__file__).parents[3] / "shared/tools/elasticsearch/es-up.sh"),
    )
)
DEBUG, INFO, ERROR = 5, 9, 17


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    if not SCRIPT.exists():
        pytest.skip(f"{SCRIPT} is absent (TOCSIN_ELASTICSEARCH_UP names another)")
    if shutil.which("mvn") is None:
        pytest.skip("Maven, with which Elasticsearch is fetched, is not installed")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # not under pytest's own directory: the server runs as nobody, who may not look into that
    directory = Path(tempfile.mkdtemp(prefix="tocsin-elasticsearch-"))
    directory.chmod(0o755)
    up = subprocess.run(
        ["bash", str(SCRIPT), str(directory), str(port)],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    try:
        if up.returncode:
            pytest.skip(f"Elasticsearch did not start: {(up.stdout + up.stderr)[-500:]}")
        yield f"http://127.0.0.1:{port}"
    finally:
        end(directory)


def end(directory: Path) -> None:
    """End the server by the id that the script noted, and its files."""
    noted = directory / "pid"
    if noted.exists():
        identity = int(noted.read_text())
        try:
            os.killpg(identity, signal.SIGTERM)
            for _ in range(100):
                os.killpg(identity, 0)
                time.sleep(0.1)
            os.killpg(identity, signal.SIGKILL)
        except ProcessLookupError:
            pass
    shutil.rmtree(directory, ignore_errors=True)


class Peer:
    """A store over the server, which starts out empty."""

    def __init__(self, url: str) -> None:
        self.registry = CollectorRegistry()
        self.clock = ManualClock(NOW_MS)
        self.waits: list[float] = []
        self.store = ElasticsearchLogStore(
            ElasticsearchTarget(url), self.clock, LogMetrics(self.registry), self.waits.append
        )
        self.client: Any = self.store._client

    def write(self, *records: LogRecord) -> Written:
        written = self.store.write(LogBatch(records))
        self.client.indices.refresh(index="tocsin-logs-*")
        return written

    def bodies(self, **query: Any) -> list[str]:
        return [record.body for record in self.store.search(LogQuery(**query))]

    def count(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(name, labels) or 0.0

    def indices(self) -> list[str]:
        return sorted(self.client.indices.get(index="tocsin-logs-*"))


@pytest.fixture
def peer(url: str) -> Iterator[Peer]:
    running = Peer(url)
    yield running
    for name in running.client.indices.get(index="*"):
        running.client.indices.delete(index=name)
    running.store.close()


def record(body: str, age_ms: int = 0, severity: int = INFO, **fields: Any) -> LogRecord:
    return LogRecord(NOW_MS - age_ms, severity, body, **fields)


FULL = record(
    "no stock – ünï",
    severity=ERROR,
    service="shop",
    trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
    span_id="00f067aa0ba902b7",
    attributes={"item.id": "7", "item": "x", "note": "eu-west"},
)


def test_what_was_stored_is_found_whole(peer: Peer) -> None:
    assert peer.write(FULL) == Written(1, {})
    assert peer.store.search(LogQuery()) == [FULL]


def test_each_level_and_day_has_its_index_with_our_mapping(peer: Peer) -> None:
    peer.write(record("a", 0, DEBUG), record("b"), record("c", DAY_MS), FULL)
    assert peer.indices() == [
        "tocsin-logs-debug-2023.11.14",
        "tocsin-logs-error-2023.11.14",
        "tocsin-logs-info-2023.11.13",
        "tocsin-logs-info-2023.11.14",
    ]
    mapping = peer.client.indices.get_mapping(index="tocsin-logs-error-*")
    properties = next(iter(mapping.values()))["mappings"]["properties"]
    assert properties["trace_id"]["type"] == "keyword"
    assert properties["attributes"]["enabled"] is False


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, ["newest", "timeout of payments", "order placed"]),
        ({"limit": 1}, ["newest"]),
        ({"text": "TIME pay"}, ["timeout of payments"]),
        ({"text": "ayments"}, []),
        ({"text": "eu-west"}, ["order placed"]),
        ({"level": "error"}, ["timeout of payments"]),
        ({"service": "orders"}, ["order placed"]),
        ({"trace_id": "AB" * 16}, ["order placed"]),
        ({"start_ms": NOW_MS - 2000, "end_ms": NOW_MS - 1000}, ["timeout of payments"]),
        ({"text": '"; DROP NEAR( * ^ AND {"query'}, []),
    ],
)
def test_search_narrows_as_the_local_store_does(
    peer: Peer, query: dict[str, Any], expected: list[str]
) -> None:
    peer.write(
        record("newest"),
        record("timeout of payments", 1000, ERROR, service="web"),
        record(
            "order placed",
            DAY_MS,
            service="orders",
            trace_id="ab" * 16,
            attributes={"region": "eu-west"},
        ),
    )
    assert peer.bodies(**query) == expected


def test_a_search_before_any_log_finds_nothing(peer: Peer) -> None:
    assert peer.bodies() == []
    assert peer.store.remove_old() == []


def test_retention_deletes_the_named_days_of_each_level_and_nothing_else(peer: Peer) -> None:
    peer.write(*(record(f"{s}", 0, s) for s in (DEBUG, INFO, ERROR)))
    for name in ("tocsin-logs-audit-2001.01.01", "tocsin-logs-info-latest", "other-2001.01.01"):
        peer.client.indices.create(index=name)
    peer.clock.advance(9 * DAY_MS)
    assert peer.store.remove_old() == ["tocsin-logs-debug-2023.11.14"]
    peer.clock.advance(23 * DAY_MS)
    assert peer.store.remove_old() == ["tocsin-logs-info-2023.11.14"]
    assert "tocsin-logs-error-2023.11.14" in peer.indices()
    assert {"tocsin-logs-audit-2001.01.01", "tocsin-logs-info-latest"} <= set(peer.indices())
    assert peer.count("tocsin_log_pieces_removed_total", reason="retention") == 2


def test_a_record_that_the_server_refuses_is_told_and_the_others_are_stored(peer: Peer) -> None:
    peer.write(record("first"))
    peer.client.indices.put_settings(
        index="tocsin-logs-info-2023.11.14", settings={"index.blocks.write": True}
    )
    written = peer.write(record("blocked"), FULL)
    assert written == Written(1, {"cluster_block_exception": 1})
    assert sorted(peer.bodies()) == ["first", FULL.body]


def test_many_records_go_in_bulks(peer: Peer) -> None:
    records = [record(f"n{number}", number) for number in range(2500)]
    assert peer.write(*records) == Written(2500, {})
    assert len(peer.bodies(limit=10_000)) == 2500


def test_an_answer_that_was_lost_does_not_double_the_records(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elasticsearch import ConnectionTimeout

    peer.write(record("before"))
    bulk: Callable[..., Any] = peer.client.bulk
    lost: list[int] = []

    def loses_the_first_answer(**arguments: Any) -> Any:
        answer = bulk(**arguments)
        if not lost:
            lost.append(1)
            raise ConnectionTimeout("the answer was lost")
        return answer

    monkeypatch.setattr(peer.client, "bulk", loses_the_first_answer)
    assert peer.write(FULL) == Written(1, {})
    assert sorted(peer.bodies()) == ["before", FULL.body]
    assert peer.count("tocsin_log_store_retries_total") == 1
    assert len(peer.waits) == 1


def test_a_policy_for_each_level_is_put_with_the_stand_in_for_ilm(peer: Peer) -> None:
    peer.write(FULL)
    ages = {
        level: peer.client.ilm.get_lifecycle(name=f"tocsin-logs-{level}")[f"tocsin-logs-{level}"][
            "policy"
        ]["phases"]["delete"]["min_age"]
        for level in LEVELS
    }
    assert ages == {"debug": "8d", "info": "31d", "error": "91d"}


def test_a_server_without_ilm_takes_the_templates_all_the_same(peer: Peer) -> None:
    for level in LEVELS:
        peer.client.indices.put_index_template(**template_of(level, has_ilm=False))


def test_a_server_that_is_away_is_unavailable_after_the_attempts() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    away = Peer(f"http://127.0.0.1:{port}")
    with pytest.raises(UnavailableError, match="Elasticsearch failed to"):
        away.store.write(LogBatch((FULL,)))
    with pytest.raises(UnavailableError):
        away.store.search(LogQuery())
    assert away.count("tocsin_log_store_failures_total", operation="search") == 1
    away.store.close()
