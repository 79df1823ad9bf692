"""Reads a file that a person wrote; errors say which file, which line, and what to do."""

from __future__ import annotations

from pathlib import Path

from collector.model.errors import ConfigError, Where


def read_text(path: Path, limit_bytes: int) -> str:
    """UTF-8 text. Raises ConfigError for a file that is larger, is no text, or can't be read."""
    try:
        if path.stat().st_size > limit_bytes:
            raise ConfigError(f"larger than {limit_bytes:,} bytes", where=Where(str(path)))
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"can't be read: {error.strerror or error}",
            where=Where(str(path)),
            advice="check the path and its mode",
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"not UTF-8: the byte 0x{error.object[error.start]:02x}",
            where=Where(str(path), line),
            advice="save the file as UTF-8",
        ) from error
