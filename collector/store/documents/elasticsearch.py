"""`ElasticsearchLogStore`: logs in Elasticsearch; the only importer of its client.

One index a level and UTC day, `tocsin-logs-<level>-YYYY.MM.DD`, shaped by one template a level.
Retention deletes indices by their full names; where the server has ILM, a policy a level says the
same, for those who look there. Records are created under ids of our own, so that one which is sent
again after a lost answer is not stored twice.
"""

from __future__ import annotations

import logging
import re
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from collector.model.clock import Clock
from collector.model.errors import ConfigError, TocsinError, UnavailableError
from collector.model.records import LogBatch, LogRecord
from collector.model.secrets import Secret
from collector.store.documents.day import Piece, read_name
from collector.store.documents.document_shape import (
    INDEX,
    TEMPLATE,
    document_of,
    policy_of,
    record_of,
    search_body,
    template_of,
)
from collector.store.documents.interface import (
    LEVELS,
    LogQuery,
    Retention,
    Written,
    check_query,
)
from collector.store.documents.self_metrics import LogMetrics

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

log = logging.getLogger(__name__)
T = TypeVar("T")

INDEX_PATTERN = re.compile(r"tocsin-logs-(?P<level>[a-z]+)-(?P<date>\d{4}\.\d{2}\.\d{2})")
WAITS_SECONDS = (0.2, 1.0, 3.0)
"""Between the attempts of one bulk request; together under the 10 s that OTLP exporters wait."""
TRY_AGAIN = frozenset((429, 502, 503, 504))
STORED_BEFORE = 409
"""Another attempt, whose answer was lost, created the document."""
REQUEST_SECONDS = 10.0
BULK_RECORDS, BULK_BYTES = 1000, 5 * 1024 * 1024
"""Elastic advises a few MB a bulk request; the server's limit is 100 MB."""


@dataclass(frozen=True, slots=True)
class ElasticsearchTarget:
    """Where the cluster is and how to be let in: an API key, or user and password, or nothing."""

    url: str
    username: str = ""
    password: Secret | None = None
    api_key: Secret | None = None
    verify: bool = True
    ca_file: str = ""


class ElasticsearchLogStore:
    """Writes in bulk, searches, deletes old days; `wait` sleeps between attempts."""

    def __init__(
        self,
        target: ElasticsearchTarget,
        clock: Clock,
        metrics: LogMetrics,
        wait: Callable[[float], object],
        retention: Retention | None = None,
    ) -> None:
        self._client = connect(target)
        self._clock = clock
        self._metrics = metrics
        self._wait = wait
        self._retention = retention or Retention()
        self._is_prepared = False
        self._lock = threading.Lock()

    def write(self, batch: LogBatch) -> Written:
        """Store records; what the server refuses for good is told by the server's own reason.

        Raises UnavailableError when the server took none of them and may take them later.
        """
        now_ms = self._clock.now_ms()
        refused: Counter[str] = Counter()
        records = []
        for record in batch.records:
            reason = self._retention.refusal(record, now_ms)
            if reason:
                refused[reason] += 1
            else:
                records.append(record)
        if records:
            self._prepare()
        stored = 0
        for bulk in in_bulks(records):
            more, reasons = self._write_bulk(bulk, is_first=not stored)
            stored += more
            refused += reasons
        return Written(stored, dict(refused))

    def search(self, query: LogQuery) -> Sequence[LogRecord]:
        """Records that satisfy the query, newest first; see LogStore."""
        check_query(query)
        levels = (query.level,) if query.level else LEVELS
        answer = self._asking(
            "search",
            lambda: self._client.search(
                index=[f"{TEMPLATE.format(level=level)}-*" for level in levels],
                query=search_body(query),
                sort=[{"@timestamp": {"order": "desc", "unmapped_type": "date"}}],
                size=query.limit,
                ignore_unavailable=True,
                allow_no_indices=True,
                track_total_hits=False,
            ),
        )
        return [record_of(hit["_source"]) for hit in answer["hits"]["hits"]]

    def remove_old(self) -> Sequence[str]:
        """Delete the indices of days that retention has ended for, each by its full name."""
        now_ms = self._clock.now_ms()
        names = self._asking("retention", lambda: self._client.indices.get(index="tocsin-logs-*"))
        removed = []
        for name in sorted(names):
            piece = read_name(name, INDEX_PATTERN, "%Y.%m.%d")
            if piece and piece.has_expired(self._retention, now_ms):
                self._delete(name)
                removed.append(name)
        return removed

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _delete(self, name: str) -> None:
        self._asking("retention", lambda: self._client.indices.delete(index=name))
        self._metrics.removed.labels("retention").inc()

    def _write_bulk(
        self, records: Sequence[LogRecord], *, is_first: bool
    ) -> tuple[int, Counter[str]]:
        """How many were stored, and why others never will be."""
        pending = {uuid.uuid4().hex: record for record in records}
        refused: Counter[str] = Counter()
        problem: TocsinError | None = None
        for wait_seconds in (*WAITS_SECONDS, None):
            try:
                pending = self._attempt(pending, refused)
                problem = None
            except UnavailableError as error:
                problem = error
            if not pending or wait_seconds is None:
                break
            self._metrics.retries.inc(len(pending))
            self._wait(wait_seconds)
        if pending:
            self._metrics.store_failures.labels("write").inc()
            if is_first and len(pending) == len(records):
                raise problem or UnavailableError("Elasticsearch is too busy", advice=ADVICE)
            refused["unavailable"] += len(pending)
        return len(records) - refused.total(), refused

    def _attempt(
        self, pending: dict[str, LogRecord], refused: Counter[str]
    ) -> dict[str, LogRecord]:
        """Send once; returns those to send again, counts those that never will be stored."""
        operations: list[dict[str, Any]] = []
        for identity, record in pending.items():
            index = Piece.of(record).name(INDEX)
            operations += [{"create": {"_index": index, "_id": identity}}, document_of(record)]
        answer = self._asking("write", lambda: self._client.bulk(operations=operations))
        again = {}
        for item in answer["items"]:
            result = item["create"]
            if result["status"] in TRY_AGAIN:
                again[result["_id"]] = pending[result["_id"]]
            elif result["status"] >= 300 and result["status"] != STORED_BEFORE:
                error = result.get("error", {})
                refused[error.get("type", str(result["status"]))] += 1
                log.warning("Elasticsearch refused a record: %s", error.get("reason", error))
        return again

    def _prepare(self) -> None:
        """Put policies, where the server has ILM, and templates, once."""
        with self._lock:
            if self._is_prepared:
                return
            has_ilm = self._put_policies()
            for level in LEVELS:
                put = partial(
                    self._client.indices.put_index_template, **template_of(level, has_ilm=has_ilm)
                )
                self._asking("prepare", put)
            self._is_prepared = True

    def _put_policies(self) -> bool:
        from elasticsearch import ApiError, BadRequestError, NotFoundError

        try:
            for level in LEVELS:
                self._client.ilm.put_lifecycle(
                    name=TEMPLATE.format(level=level), policy=policy_of(level, self._retention)
                )
        except (BadRequestError, NotFoundError) as error:
            log.info("the server has no ILM, tocsin's own retention deletes alone: %s", error)
            return False
        except ApiError as error:
            if error.meta.status not in (403, 405, 501):
                raise _unavailable("prepare", error) from error
            log.info("ILM policies can't be put, tocsin's own retention deletes alone: %s", error)
            return False
        except Exception as error:
            raise _unavailable("prepare", error) from error
        return True

    def _asking(self, operation: str, ask: Callable[[], T]) -> T:
        """The client's errors as ours, counted."""
        from elasticsearch import ApiError, TransportError

        try:
            return ask()
        except (ApiError, TransportError) as error:
            self._metrics.store_failures.labels(operation).inc()
            raise _unavailable(operation, error) from error


ADVICE = "see that logs.elasticsearch.url answers and that the user may write tocsin-logs-*"


def _unavailable(operation: str, error: Exception) -> UnavailableError:
    return UnavailableError(f"Elasticsearch failed to {operation}: {error}"[:500], advice=ADVICE)


def in_bulks(records: Sequence[LogRecord]) -> Iterator[list[LogRecord]]:
    """Records in their order, in pieces of at most BULK_RECORDS and about BULK_BYTES."""
    bulk: list[LogRecord] = []
    size = 0
    for record in records:
        length = len(record.body) + sum(len(k) + len(v) for k, v in record.attributes.items())
        if bulk and (len(bulk) >= BULK_RECORDS or size + 2 * length > BULK_BYTES):
            yield bulk
            bulk, size = [], 0
        bulk.append(record)
        size += 2 * length
    if bulk:
        yield bulk


def connect(target: ElasticsearchTarget) -> Elasticsearch:
    """A client; it connects when it is first used. Raises ConfigError without the package."""
    try:
        from elasticsearch import Elasticsearch
    except ImportError as error:
        raise ConfigError(
            "logs.elasticsearch needs the package elasticsearch",
            advice="install tocsin[elasticsearch]",
        ) from error
    options: dict[str, Any] = {}
    if target.api_key:
        options["api_key"] = target.api_key.reveal()
    elif target.username and target.password:
        options["basic_auth"] = (target.username, target.password.reveal())
    if target.url.startswith("https:"):
        options.update(verify_certs=target.verify, ssl_show_warn=False)
        if target.ca_file:
            options["ca_certs"] = target.ca_file
    try:
        return Elasticsearch(target.url, request_timeout=REQUEST_SECONDS, max_retries=0, **options)
    except (ValueError, OSError) as error:
        raise ConfigError(
            f"logs.elasticsearch: {error}", advice="write http://host:9200"
        ) from error
