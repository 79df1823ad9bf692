"""tocsin's own records reach the store redacted, and a failing store does not feed itself."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import pytest
from prometheus_client import CollectorRegistry

from collector.ingest.receivers import own_logs
from collector.ingest.receivers.own_logs import OwnLogs
from collector.ingest.redact import Redactor
from collector.model.errors import StorageError
from collector.model.records import LogBatch, LogRecord
from collector.store.documents.interface import LogQuery, Written
from collector.store.documents.self_metrics import LogMetrics


class Kept:
    """A log store in memory that logs, as stores do, and fails when told to."""

    def __init__(self) -> None:
        self.records: list[LogRecord] = []
        self.fails = False

    def write(self, batch: LogBatch) -> Written:
        logging.getLogger("anything.at.all").warning("writing")
        if self.fails:
            raise StorageError("the disk is full")
        self.records += batch.records
        return Written(len(batch))

    def search(self, query: LogQuery) -> Sequence[LogRecord]:
        return self.records

    def remove_old(self) -> Sequence[str]:
        return ()

    def close(self) -> None:
        return


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def handler(kept: Kept, registry: CollectorRegistry) -> Iterator[OwnLogs]:
    attached = OwnLogs(kept, Redactor(), LogMetrics(registry))
    root = logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(attached)
    yield attached
    root.removeHandler(attached)
    root.setLevel(before)
    attached.stop()


def refused(registry: CollectorRegistry, reason: str) -> float | None:
    labels = {"origin": "tocsin", "reason": reason}
    return registry.get_sample_value("tocsin_log_records_refused_total", labels)


def test_a_record_is_stored_with_what_was_added_and_without_secrets(
    handler: OwnLogs, kept: Kept, registry: CollectorRegistry
) -> None:
    handler.start()
    logging.getLogger("tocsin.x").error(
        "mail to %s failed", "a@b.org", extra={"trace_id": "ab" * 16, "channel": "smtp"}
    )
    handler.stop()
    found = next(record for record in kept.records if record.service == "tocsin")
    assert found.body == "mail to <redacted:email> failed"
    assert (found.severity, found.level, found.trace_id) == (17, "error", "ab" * 16)
    assert found.attributes["logger"] == "tocsin.x"
    assert found.attributes["channel"] == "smtp"
    assert registry.get_sample_value("tocsin_log_redactions_total", {"kind": "email"}) == 1


def test_a_traceback_is_kept(handler: OwnLogs, kept: Kept) -> None:
    handler.start()
    try:
        raise ValueError("password=hunter2")
    except ValueError:
        logging.getLogger("tocsin.x").exception("broken")
    handler.stop()
    (found,) = [record for record in kept.records if record.body == "broken"]
    assert found.attributes["exception.type"] == "ValueError"
    assert "test_own_logs.py" in found.attributes["exception.stacktrace"]
    assert "hunter2" not in str(found)


def test_what_the_writing_thread_logs_is_not_taken(handler: OwnLogs, kept: Kept) -> None:
    handler.start()
    logging.getLogger("tocsin.x").info("one")
    handler.stop()
    handler.flush_waiting()
    assert [record.body for record in kept.records if record.body != "writing"] == ["one"]
    assert sum(record.body == "writing" for record in kept.records) == 0


@pytest.mark.parametrize("name", own_logs.NOT_TAKEN)
def test_what_the_store_logs_is_not_taken(handler: OwnLogs, kept: Kept, name: str) -> None:
    logging.getLogger(f"{name}.deeper").error("failed")
    logging.getLogger(name).error("failed")
    handler.start()
    handler.stop()
    assert all(record.body != "failed" for record in kept.records)


def test_a_failing_store_loses_records_and_says_so(
    handler: OwnLogs, kept: Kept, registry: CollectorRegistry
) -> None:
    kept.fails = True
    handler.start()
    logging.getLogger("tocsin.x").info("one")
    handler.stop()
    assert refused(registry, "store_failed") == 1


def test_a_full_queue_drops_and_counts_and_never_blocks(
    kept: Kept, registry: CollectorRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_logs, "MAX_WAITING", 3)
    handler = OwnLogs(kept, Redactor(), LogMetrics(registry))
    for _ in range(5):
        handler.emit(logging.makeLogRecord({"msg": "x", "name": "tocsin.x", "levelno": 20}))
    assert refused(registry, "queue_full") == 2


def test_a_malformed_call_and_half_a_character_harm_nothing(
    kept: Kept, registry: CollectorRegistry
) -> None:
    handler = OwnLogs(kept, Redactor(), LogMetrics(registry))
    handler.emit(
        logging.makeLogRecord({"msg": "%d", "args": ("x",), "name": "tocsin.x", "levelno": 20})
    )
    handler.emit(logging.makeLogRecord({"msg": "file \ud800", "name": "tocsin.x", "levelno": 20}))
    handler.start()
    handler.stop()
    assert refused(registry, "malformed") == 1
    assert [record.body for record in kept.records] == ["file ?"]
