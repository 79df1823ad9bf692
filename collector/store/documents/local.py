"""`LocalLogStore`: logs in SQLite files in one directory, one file a level and UTC day.

SQLite and not Parquet: a log line must be on the disk when its sender hears "stored", and be found
a second later. SQLite commits a batch with one fsync of its own write-ahead log and recovers from
kill -9 by itself; a Parquet file is written whole, so it would need a WAL, a buffer that is
searched in another way, and compaction beside it. Parquet would be smaller; terabytes of logs
belong into Elasticsearch.

Retention deletes files. Beyond `max_bytes` the oldest days go first, of one day debug before info
before error, and never today's: if those alone are too large, writing is refused. A file that
SQLite does not know as its own is set aside under the suffix `.damaged`, so one bad file stops no
other.
"""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from collector.model.clock import Clock
from collector.model.errors import LimitError, StorageError
from collector.model.records import LogBatch, LogRecord
from collector.store.documents.day import Piece, read_name
from collector.store.documents.interface import (
    DAY_MS,
    LEVELS,
    LogQuery,
    Retention,
    Written,
    check_query,
)
from collector.store.documents.log_file import SIDE_FILES, DamagedError, LogFile, search
from collector.store.documents.self_metrics import LogMetrics

log = logging.getLogger(__name__)

DEFAULT_MAX_BYTES = 10 * 1024**3
MAX_OPEN_FILES = 12
"""Today and some days around it, for each level; each open file holds up to 2 MB of cache."""
NAME = "logs-{level}-{date:%Y-%m-%d}.sqlite"
NAME_PATTERN = re.compile(r"logs-(?P<level>[a-z]+)-(?P<date>\d{4}-\d{2}-\d{2})\.sqlite")


class LocalLogStore:
    """One directory of log files; one process may write to it at a time."""

    def __init__(
        self,
        directory: Path,
        clock: Clock,
        metrics: LogMetrics,
        retention: Retention | None = None,
        max_bytes: int = DEFAULT_MAX_BYTES,
    ) -> None:
        self._directory = directory
        self._clock = clock
        self._metrics = metrics
        self._retention = retention or Retention()
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._open: dict[Piece, LogFile] = {}
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"{directory} can't be made: {error.strerror}", advice="mend the path or its mode"
            ) from error

    def write(self, batch: LogBatch) -> Written:
        """Store records; durable when it returns.

        A batch may touch several files, which are written one after the other: when one fails,
        those before it are stored, and a sender that tries again doubles them. Raises StorageError,
        and LimitError when today's logs alone are over `max_bytes`.
        """
        now_ms = self._clock.now_ms()
        refused: Counter[str] = Counter()
        pieces: dict[Piece, list[LogRecord]] = defaultdict(list)
        for record in batch.records:
            reason = self._retention.refusal(record, now_ms)
            if reason:
                refused[reason] += 1
            else:
                pieces[Piece.of(record)].append(record)
        with self._lock:
            self._make_room(now_ms)
            for piece in sorted(pieces):
                self._append(piece, pieces[piece])
        return Written(len(batch) - refused.total(), dict(refused))

    def search(self, query: LogQuery) -> Sequence[LogRecord]:
        """Records that satisfy the query, newest first; see LogStore."""
        check_query(query)
        found: list[LogRecord] = []
        pieces = sorted(self._pieces_of(query), reverse=True)
        for _, of_day in groupby(pieces, key=lambda piece: piece.day):
            records = [record for piece in of_day for record in self._search(piece, query)]
            found += sorted(records, key=lambda record: record.timestamp_ms, reverse=True)
            if len(found) >= query.limit:
                break
        return found[: query.limit]

    def remove_old(self) -> Sequence[str]:
        """Delete the files of days that retention has ended for."""
        now_ms = self._clock.now_ms()
        with self._lock:
            old = [piece for piece in self._pieces() if piece.has_expired(self._retention, now_ms)]
            return [self._remove(piece, "retention") for piece in old]

    def close(self) -> None:
        """Close every file."""
        with self._lock:
            for piece in list(self._open):
                self._open.pop(piece).close()

    def _append(self, piece: Piece, records: Sequence[LogRecord]) -> None:
        try:
            self._file(piece).append(records)
        except DamagedError as error:
            self._set_aside(piece, error)
            self._file(piece).append(records)
        except StorageError:
            self._metrics.store_failures.labels("write").inc()
            raise

    def _file(self, piece: Piece) -> LogFile:
        file = self._open.pop(piece, None) or LogFile(self._path(piece))
        self._open[piece] = file
        while len(self._open) > MAX_OPEN_FILES:
            self._open.pop(next(iter(self._open))).close()
        return file

    def _search(self, piece: Piece, query: LogQuery) -> Sequence[LogRecord]:
        path = self._path(piece)
        try:
            return search(path, query)
        except StorageError as error:
            if not path.exists():
                return ()  # retention deleted it meanwhile
            self._metrics.store_failures.labels("search").inc()
            if not isinstance(error, DamagedError):
                raise
            with self._lock:
                self._set_aside(piece, error)
            return ()

    def _pieces_of(self, query: LogQuery) -> Iterator[Piece]:
        first, last = query.start_ms // DAY_MS, query.end_ms // DAY_MS
        for piece in self._pieces():
            if first <= piece.day <= last and query.level in ("", piece.level):
                yield piece

    def _pieces(self) -> list[Piece]:
        names = (path.name for path in self._directory.glob("logs-*.sqlite"))
        pieces = (read_name(name, NAME_PATTERN, "%Y-%m-%d") for name in names)
        return sorted(piece for piece in pieces if piece)

    def _make_room(self, now_ms: int) -> None:
        """Delete the oldest days while there are too many bytes."""
        sizes = {piece: self._size(piece) for piece in self._pieces()}
        too_much = sum(sizes.values()) - self._max_bytes
        oldest_first = sorted(sizes, key=lambda piece: (piece.day, LEVELS.index(piece.level)))
        for piece in oldest_first:
            if too_much <= 0:
                return
            if piece.day >= now_ms // DAY_MS:
                raise LimitError(
                    f"today's logs alone are over logs.max_size of {self._max_bytes:,} bytes",
                    advice="raise logs.max_size, or let the services log less",
                )
            log.warning("the logs of %s are deleted: logs.max_size is reached", self._path(piece))
            self._remove(piece, "size")
            too_much -= sizes[piece]

    def _size(self, piece: Piece) -> int:
        return sum(path.stat().st_size for path in self._paths(piece) if path.exists())

    def _remove(self, piece: Piece, reason: str) -> str:
        file = self._open.pop(piece, None)
        if file:
            file.close()
        for path in self._paths(piece):
            path.unlink(missing_ok=True)
        self._metrics.removed.labels(reason).inc()
        return self._path(piece).name

    def _set_aside(self, piece: Piece, error: StorageError) -> None:
        self._open.pop(piece, None)
        log.error("set aside as damaged: %s", error)
        self._metrics.removed.labels("damaged").inc()
        for path in self._paths(piece):
            if path.exists():
                path.replace(path.with_name(f"{path.name}.{self._clock.now_ms()}.damaged"))

    def _path(self, piece: Piece) -> Path:
        return self._directory / piece.name(NAME)

    def _paths(self, piece: Piece) -> list[Path]:
        path = self._path(piece)
        return [path.with_name(path.name + suffix) for suffix in SIDE_FILES]
