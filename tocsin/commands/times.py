"""Times as options of commands: what is no time is wrong usage, and exits so."""

from __future__ import annotations

from collector.model.errors import ConfigError, InputError
from tocsin.moments import moment_ms


def option_ms(text: str, option: str, now_ms: int) -> int:
    """RFC 3339, Unix seconds, or how long ago (`90d`); now for nothing. Raises ConfigError."""
    try:
        return moment_ms(text, option, now_ms)
    except InputError as error:
        raise ConfigError(error.message, advice=error.advice) from error
