"""Where tocsin's own log goes: stderr, plain for a person at a terminal, JSON otherwise."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import TextIO


class JsonFormatter(logging.Formatter):
    """One JSON object a line: ts, level, logger, message, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        body = {
            "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            body["exception"] = self.formatException(record.exc_info)
        return json.dumps(body)


class PlainFormatter(logging.Formatter):
    """`12:30:05 warning collector.store.wal: …`."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line; an exception follows on its own lines."""
        time = datetime.fromtimestamp(record.created, UTC).strftime("%H:%M:%S")
        text = f"{time} {record.levelname.lower()} {record.name}: {record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


def set_up_logging(level: str, stream: TextIO = sys.stderr) -> None:
    """Send every logger's records to one stream; libraries speak up from warnings on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(PlainFormatter() if stream.isatty() else JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    for name in ("collector", "slo", "anomaly", "alerts", "dashboards", "tocsin"):
        logging.getLogger(name).setLevel(level.upper())
