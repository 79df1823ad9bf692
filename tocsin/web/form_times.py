"""Fields of forms: what must be written, and times as people write them."""

from __future__ import annotations

from collections.abc import Mapping

from collector.model.durations import parse_duration_ms
from collector.model.errors import InputError
from tocsin.export_samples import time_ms


def required(form: Mapping[str, str], *names: str) -> list[str]:
    """The fields without blanks around them; raises InputError for one that is empty."""
    found = [form.get(name, "").strip() for name in names]
    for name, text in zip(names, found, strict=True):
        if not text:
            raise InputError(f"the field {name!r} is empty", advice="fill it in")
    return found


def moment_ms(text: str, field: str, now_ms: int) -> int:
    """RFC 3339, Unix seconds, or how long ago (`2h`); `now` and nothing are now.

    Raises InputError for anything else.
    """
    text = text.strip()
    if text in ("", "now"):
        return now_ms
    if not text.isdigit():
        try:
            return now_ms - parse_duration_ms(text)
        except InputError:
            pass
    return time_ms(text, field, now_ms)
