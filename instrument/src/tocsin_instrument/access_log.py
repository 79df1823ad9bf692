"""One structured log record for each answered request: ERROR from 500 up, INFO below."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

ACCESS_LOGGER = "tocsin_instrument.access"
SERVER_ERRORS_FROM = 500
MAX_PATH_CHARACTERS = 256
"""The raw path is the client's; a longer one is cut."""


class AccessLog:
    """Writes to the logger `tocsin_instrument.access`, under whatever handlers it has."""

    def __init__(self) -> None:
        self._logger = logging.getLogger(ACCESS_LOGGER)

    def write(
        self,
        scope: MutableMapping[str, Any],
        route: str,
        status: int,
        seconds: float,
        error: BaseException | None,
    ) -> None:
        """Log the request; an exception goes along with its traceback."""
        level = logging.ERROR if status >= SERVER_ERRORS_FROM else logging.INFO
        logger = self._logger
        if not logger.isEnabledFor(level):
            return
        method, path = scope["method"], scope["path"][:MAX_PATH_CHARACTERS]
        fields = {
            "http_request_method": method,
            "http_route": route,
            "url_path": path,
            "http_response_status_code": status,
            "duration_ms": round(seconds * 1000, 3),
        }
        trouble = None if error is None else (type(error), error, error.__traceback__)
        # Not logger.info(): looking for the caller's frame costs as much as all the rest.
        record = logger.makeRecord(
            ACCESS_LOGGER, level, "", 0, "%s %s %s", (method, path, status), trouble, extra=fields
        )
        logger.handle(record)
