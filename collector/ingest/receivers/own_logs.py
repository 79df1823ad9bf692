"""`OwnLogs`: tocsin's own log records, redacted, into the same store as everyone's.

A logging handler that only puts records into a bounded queue; one thread writes them in batches, so
no logger ever waits for a disk or a cluster. What the writing thread itself logs, and what the
store and its client log, is not taken: a failing store must not feed itself. What does not fit is
counted.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping

from collector.ingest.redact import Redactor
from collector.model.records import LogBatch, LogRecord
from collector.store.documents.interface import LogStore
from collector.store.documents.self_metrics import LogMetrics

log = logging.getLogger(__name__)

ORIGIN = "tocsin"
SERVICE = "tocsin"
MAX_WAITING = 10_000
MAX_BATCH = 1_000
FLUSH_SECONDS = 1.0
STOP_PATIENCE_SECONDS = 10.0
NOT_TAKEN = (__name__, "collector.store.documents", "elastic_transport", "elasticsearch", "urllib3")
"""Loggers of this file, of the store, and of what is under it."""
_OF_LOGGING = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime", "taskName"))


class OwnLogs(logging.Handler):
    """Attach it to the root logger, then `start()`; `stop()` writes what is waiting."""

    def __init__(self, store: LogStore, redactor: Redactor, metrics: LogMetrics) -> None:
        super().__init__()
        self._store = store
        self._redactor = redactor
        self._metrics = metrics
        self._waiting: queue.Queue[LogRecord] = queue.Queue(MAX_WAITING)
        self._came = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tocsin-own-logs", daemon=True)

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """Write what is waiting, and no more after that."""
        self._stopping.set()
        self._came.set()
        if self._thread.is_alive():
            self._thread.join(STOP_PATIENCE_SECONDS)

    def emit(self, record: logging.LogRecord) -> None:
        """Put a record into the queue; never blocks, never raises."""
        if threading.current_thread() is self._thread or is_of_the_store(record.name):
            return
        try:
            self._waiting.put_nowait(log_record_of(record))
            self._came.set()
        except queue.Full:
            self._metrics.refused.labels(ORIGIN, "queue_full").inc()
        except Exception:
            self._metrics.refused.labels(ORIGIN, "malformed").inc()

    def flush_waiting(self) -> None:
        """Write what is waiting now."""
        while records := self._taken():
            batch, found = self._redactor.redact_batch(LogBatch(tuple(records)))
            for kind, count in found.items():
                self._metrics.redactions.labels(kind).inc(count)
            try:
                written = self._store.write(batch)
            except Exception:
                log.exception("%d own log records are lost: the log store failed", len(batch))
                self._metrics.refused.labels(ORIGIN, "store_failed").inc(len(batch))
                continue
            self._metrics.stored.labels(ORIGIN).inc(written.stored)
            for reason, count in written.refused.items():
                self._metrics.refused.labels(ORIGIN, reason).inc(count)

    def _taken(self) -> list[LogRecord]:
        records: list[LogRecord] = []
        while len(records) < MAX_BATCH:
            try:
                records.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return records

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._came.wait()
            self._stopping.wait(FLUSH_SECONDS)  # others follow the first one
            self._came.clear()
            self.flush_waiting()
        self.flush_waiting()


def is_of_the_store(logger: str) -> bool:
    """Whether a logger belongs to the log store or to what it stands on."""
    return any(logger == name or logger.startswith(f"{name}.") for name in NOT_TAKEN)


def log_record_of(record: logging.LogRecord) -> LogRecord:
    """A record of `logging` as one of ours: extra fields and the traceback become attributes."""
    attributes = {"logger": record.name, "thread": record.threadName or ""}
    attributes |= {key: storable(str(value)) for key, value in extras(record).items()}
    if record.exc_info and record.exc_info[0] is not None:
        attributes["exception.type"] = record.exc_info[0].__name__
        trace = logging.Formatter().formatException(record.exc_info)
        attributes["exception.stacktrace"] = storable(trace)
    return LogRecord(
        timestamp_ms=int(record.created * 1000),
        severity=severity_of(record.levelno),
        body=storable(record.getMessage()),
        service=SERVICE,
        trace_id=attributes.pop("trace_id", ""),
        span_id=attributes.pop("span_id", ""),
        attributes=attributes,
    )


def extras(record: logging.LogRecord) -> Mapping[str, object]:
    """What the caller added with `extra=`."""
    return {key: value for key, value in vars(record).items() if key not in _OF_LOGGING}


def storable(text: str) -> str:
    """The text without halves of surrogate pairs, which file names may bring and UTF-8 lacks."""
    return text.encode("utf-8", "replace").decode()


def severity_of(level: int) -> int:
    """OTLP's severity number of a level of `logging`."""
    steps = ((50, 21), (40, 17), (30, 13), (20, 9), (10, 5))
    return next((severity for least, severity in steps if level >= least), 1)
