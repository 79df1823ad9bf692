"""Query parameters as Prometheus takes them: from the URL or a form, with its error texts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import parse_qs

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from collector.model.durations import parse_duration_ms
from collector.model.errors import InputError
from collector.model.matchers import Matcher
from collector.query.parser import parse_selector
from collector.request_body import read_body

MAX_FORM_BYTES = 10 * 1024 * 1024
"""As in Go's `ParseForm`: a longer form is refused."""
MAX_FIELDS = 10_000
"""Fields of one form: `match[]` may come many times, and nothing comes oftener."""
MIN_TIME_MS = -(2**62)
MAX_TIME_MS = 2**62
"""`start` and `end` where none is given: all of time, with room to subtract."""

_NAMED_TIMES = {
    "-292273086-05-16T16:47:06Z": MIN_TIME_MS,
    "292277025-08-18T07:12:54.999999999Z": MAX_TIME_MS,
}
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)")
_FORM = "application/x-www-form-urlencoded"


class Parameters:
    """All values by name; a form's come before the URL's, as in Go."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values

    def text(self, name: str) -> str:
        """The first value, or ""."""
        found = self._values.get(name, ())
        return found[0] if found else ""

    def texts(self, name: str) -> Sequence[str]:
        """All values."""
        return self._values.get(name, ())

    def time_ms(self, name: str, default_ms: int | None = None) -> int:
        """Float seconds or RFC 3339, to the millisecond. Raises InputError."""
        text = self.text(name)
        if not text and default_ms is not None:
            return default_ms
        if (found := _time_ms(text)) is None:
            raise invalid(name, f"cannot parse {_go_quoted(text)} to a valid timestamp")
        return found

    def duration_ms(self, name: str) -> int:
        """Float seconds or `1h30m`. Raises InputError."""
        text = self.text(name)
        try:
            seconds = float(text)
        except ValueError:
            try:
                return parse_duration_ms(text)
            except InputError:
                seconds = math.nan  # refused below, in Prometheus's words
        if math.isnan(seconds) or abs(seconds) * 1000 > MAX_TIME_MS:
            raise invalid(name, f"cannot parse {_go_quoted(text)} to a valid duration")
        return round(seconds * 1000)

    def limit(self, name: str = "limit") -> int:
        """How many at most; 0 is no limit. Raises InputError for what is no natural number."""
        text = self.text(name)
        if not text:
            return 0
        try:
            number = int(text)
        except ValueError as error:
            raise invalid(name, f"cannot parse {_go_quoted(text)} to a valid limit") from error
        if number < 0:
            raise invalid(name, "limit must be non-negative")
        return number

    def count(self, name: str) -> int:
        """How many at most; -1 where it is not given. Raises InputError for what is no number."""
        text = self.text(name)
        try:
            return int(text) if text else -1
        except ValueError as error:
            raise InputError(f"{name} must be a number") from error

    def flag(self, name: str) -> bool:
        """True or false as Go's `ParseBool` reads it; false where it is not given."""
        text = self.text(name)
        if text in ("", "0", "f", "F", "false", "FALSE", "False"):
            return False
        if text in ("1", "t", "T", "true", "TRUE", "True"):
            return True
        raise invalid(name, f"unable to parse boolean {_go_quoted(text)}")

    def selectors(self) -> list[tuple[Matcher, ...]]:
        """The `match[]` selectors. Raises InputError for one that matches everything."""
        return [_selector(text) for text in self.texts("match[]")]


def invalid(name: str, why: str) -> InputError:
    """`invalid parameter "name": why`."""
    return InputError(f'invalid parameter "{name}": {why}')


async def parameters(request: Request) -> Parameters:
    """FastAPI dependency: the parameters of a GET or of a form that was posted."""
    values: dict[str, list[str]] = {}
    if request.method == "POST" and request.headers.get("content-type", "").startswith(_FORM):
        # Go's ParseForm gives a larger one up too; the missing query is then reported
        body = await read_body(request, MAX_FORM_BYTES) or b""
        values = await run_in_threadpool(_form, body)
    for name, value in request.query_params.multi_items():
        values.setdefault(name, []).append(value)
    return Parameters(values)


def _form(body: bytes) -> dict[str, list[str]]:
    text = body.decode("utf-8", "replace")
    try:
        return parse_qs(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError as error:
        raise InputError(f"the form has over {MAX_FIELDS:,} fields") from error


def _selector(text: str) -> tuple[Matcher, ...]:
    try:
        return parse_selector(text)
    except InputError as error:
        if "at least one non-empty matcher" in error.message:
            raise invalid(
                "match[]", "match[] must contain at least one non-empty matcher"
            ) from error
        raise invalid("match[]", error.message) from error


def _time_ms(text: str) -> int | None:
    if text in _NAMED_TIMES:
        return _NAMED_TIMES[text]
    try:
        seconds = float(text)
        return round(seconds * 1000) if abs(seconds) * 1000 <= MAX_TIME_MS else None
    except ValueError:
        match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    zone = "+00:00" if match.group(3) in "Zz" else match.group(3)
    try:
        moment = datetime.fromisoformat(match.group(1).upper() + zone)
    except ValueError:
        return None
    milliseconds = int((match.group(2) or "0").ljust(3, "0")[:3])
    return round(moment.timestamp()) * 1000 + milliseconds


def _go_quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
