"""`LogRecord` and `LogBatch`: logs as they are kept (spans follow with the traces issue)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record, after OTLP's data model (opentelemetry.io/docs/specs/otel/logs/data-model).

    `severity` is OTLP's number: 1-4 trace, 5-8 debug, 9-12 info, 13-16 warn, 17-20 error,
    21-24 fatal. Ids are lower-case hex, or "".
    """

    timestamp_ms: int
    severity: int
    body: str
    service: str = ""
    trace_id: str = ""
    span_id: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def level(self) -> str:
        """`debug`, `info` or `error`: the three classes that retention knows (warn is info)."""
        if self.severity >= 17:
            return "error"
        return "info" if self.severity >= 9 or self.severity == 0 else "debug"


@dataclass(frozen=True, slots=True)
class LogBatch:
    """Log records that arrived together."""

    records: tuple[LogRecord, ...]

    def __len__(self) -> int:
        return len(self.records)
