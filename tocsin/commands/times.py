"""Times as commands print them."""

from __future__ import annotations

from datetime import UTC, datetime


def time_text(milliseconds: int) -> str:
    """`2026-01-31 12:00:00`, in UTC."""
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M:%S}"
