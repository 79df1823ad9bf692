"""A silence from the form on the alerts page."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.matchers import parse_matchers
from alerts.silence import Silence
from collector.model.durations import parse_duration_ms
from collector.model.errors import InputError


def silence_from_form(form: Mapping[str, str], now_ms: int) -> Silence:
    """A silence that begins now; raises InputError for a field that is missing or wrong."""
    for field in ("matchers", "duration", "created_by", "comment"):
        if not form.get(field, "").strip():
            raise InputError(f"the field {field!r} is empty", advice="fill it in")
    return Silence(
        id="",
        matchers=tuple(parse_matchers(form["matchers"])),
        starts_at_ms=now_ms,
        ends_at_ms=now_ms + parse_duration_ms(form["duration"]),
        created_by=form["created_by"].strip(),
        comment=form["comment"].strip(),
    )
