"""Log records as one JSON object a line, with the ids of the trace and of the request."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping

from tocsin_instrument.request_context import current_request, current_span

EXPORT_THREAD_PREFIX = "tocsin-export-"
"""Begin of the names of threads that export; what libraries log in there is not passed on."""

OWN_LOGGER = "tocsin_instrument"

STANDARD_FIELDS = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
"""Attributes that every LogRecord has; all others came in by `extra`."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str).encode


class JsonFormatter(logging.Formatter):
    """Fields ts, level, logger, message, service, trace_id, span_id, request_id, then `extra`.

    ts is UTC by RFC 3339 with milliseconds. Ids are left out outside a request. An exception gives
    `exception_type`, `exception_message` and `exception_stacktrace`. A value that JSON does not
    know is written by `str()`; an extra field never replaces one of ours.
    """

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service
        self._second = -1
        self._second_text = ""

    def format(self, record: logging.LogRecord) -> str:
        """One line without its line end."""
        fields: dict[str, object] = {
            "ts": self._timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "service": self._service,
        }
        fields.update(ids_now())
        for name, value in record.__dict__.items():
            if name not in STANDARD_FIELDS and name not in fields:
                fields[name] = value
        if record.exc_info:
            fields.update(self.exception_fields(record))
        try:
            return _encode(fields)
        except (TypeError, ValueError, RecursionError):
            return _encode({name: str(value) for name, value in fields.items()})

    def exception_fields(self, record: logging.LogRecord) -> Mapping[str, str]:
        """Type, message and traceback of the record's exception, if it has one."""
        if not record.exc_info or record.exc_info[0] is None:
            return {}
        return {
            "exception_type": record.exc_info[0].__qualname__,
            "exception_message": str(record.exc_info[1]),
            "exception_stacktrace": self.formatException(record.exc_info),
        }

    def _timestamp(self, created: float) -> str:
        second = int(created)
        if second != self._second:
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
            self._second = second
        return f"{self._second_text}.{int((created - second) * 1000):03}Z"


def ids_now() -> dict[str, str]:
    """trace_id, span_id and request_id of the code that runs now, as far as there are any."""
    ids: dict[str, str] = {}
    span = current_span()
    if span is not None:
        ids["trace_id"], ids["span_id"] = span[0], span[1]
    context = current_request.get()
    if context is not None:
        ids["request_id"] = context.request_id
    return ids


def is_of_an_exporter(record: logging.LogRecord) -> bool:
    """Whether exporting itself made this record: exported again, it would go on for ever."""
    return record.threadName is not None and record.threadName.startswith(EXPORT_THREAD_PREFIX)


def is_worth_writing(record: logging.LogRecord) -> bool:
    """False for what libraries log at every export: our own logger says it once."""
    return record.name.startswith(OWN_LOGGER) or not is_of_an_exporter(record)


class JsonLinesToStdout(logging.Handler):
    """Writes formatted records to whatever `sys.stdout` is at that moment, a line each."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write and flush one line; trouble goes where logging reports its own trouble."""
        try:
            stream = sys.stdout
            stream.write(self.format(record) + "\n")
            stream.flush()
        except Exception:
            self.handleError(record)


def write_json_logs(service: str, level: int) -> None:
    """Make the root logger write JSON lines to stdout, in place of its plain stream handlers."""
    handler = JsonLinesToStdout()
    handler.setFormatter(JsonFormatter(service))
    handler.addFilter(is_worth_writing)
    root = logging.getLogger()
    for other in list(root.handlers):
        # Subclasses of StreamHandler write to files or into tests: they stay.
        if type(other) in (logging.StreamHandler, JsonLinesToStdout):
            root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level)
