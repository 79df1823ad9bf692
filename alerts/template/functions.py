"""What a notification's templates may call: the functions of Alertmanager 0.34 beside Go's own.

Source: https://prometheus.io/docs/alerting/latest/notifications/#functions and
template/template.go of Alertmanager.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import unquote_plus

from alerts.template.dates import parsed_time
from alerts.template.json_text import to_json
from collector.gotemplate import Html, Typed
from collector.gotemplate import humanize as human
from collector.gotemplate.regex import match, re_replace_all
from collector.gotemplate.times import MILLISECOND, ZERO_TIME_NS, duration_value, time_value
from collector.gotemplate.values import plain, type_name

Function = Callable[..., object]
_WORD = re.compile(r"\w+(?:['’.]\w+)*")
_LETTER = re.compile(r"[^\W\d_]")


def functions(now_ms: int) -> dict[str, Function]:
    """The functions by name; `now` and `since` see `now_ms`, when the message was decided on."""
    return {
        **_CONSTANT,
        "now": lambda: time_value(now_ms * MILLISECOND),
        "since": lambda time: duration_value(now_ms * MILLISECOND - _time_ns(time)),
    }


def to_upper(text: str) -> str:
    """Capitals."""
    return text.upper()


def to_lower(text: str) -> str:
    """Small letters."""
    return text.lower()


def title(text: str) -> str:
    """Every word in small letters, but its first one."""
    return _WORD.sub(lambda word: _LETTER.sub(_capital, word[0].lower(), count=1), text)


def _capital(letter: re.Match[str]) -> str:
    return letter[0].title()


def trim_space(text: str) -> str:
    """The text without white space at its ends."""
    return text.strip()


def join(separator: str, texts: object) -> str:
    """Texts with the separator between them."""
    found = plain(texts)
    if isinstance(found, str) or not isinstance(found, Sequence):
        raise ValueError(f"wrong type for value; expected []string; got {type_name(texts)}")
    wrong = next((one for one in found if not isinstance(one, str)), None)
    if wrong is not None:
        raise ValueError(f"wrong type for value; expected []string; got {type_name(texts)}")
    return separator.join(found)


def safe_html(text: str) -> Html:
    """Text that is HTML already."""
    return Html(text)


def safe_url(text: str) -> str:
    """A URL as it is; within HTML it is escaped all the same."""
    return text


def url_unescape(text: str) -> str:
    """Text from inside a URL's query."""
    if re.search(r"%(?![0-9a-fA-F]{2})", text):
        raise ValueError(f"invalid URL escape in {text!r}")
    return unquote_plus(text, errors="surrogateescape")


def string_slice(*texts: str) -> list[str]:
    """Texts as a list."""
    return list(texts)


def date(layout: str, time: object) -> object:
    """A time in Go's layout."""
    return _time(time).methods["Format"](layout)


def tz(zone: str, time: object) -> object:
    """A time in a zone of the IANA database."""
    return _time(time).methods["In"](zone)


def to_date(layout: str, text: str) -> Typed:
    """The time that a text in Go's layout tells; the zero time when it tells none."""
    try:
        return must_to_date(layout, text)
    except ValueError:
        return time_value(ZERO_TIME_NS)


def must_to_date(layout: str, text: str) -> Typed:
    """The same; raises ValueError for a text that has another form."""
    return time_value(parsed_time(layout, text))


def base64_encode(text: str) -> str:
    """Text in URL-safe base64."""
    return base64.urlsafe_b64encode(text.encode("utf-8", "surrogateescape")).decode()


def base64_decode(text: str) -> str:
    """What was written in URL-safe base64."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("illegal base64 data") from error
    return raw.decode("utf-8", "surrogateescape")


def list_(*values: object) -> list[object]:
    """Values as a list."""
    return list(values)


def append(values: object, *more: object) -> list[object]:
    """A list with more values at its end."""
    found = plain(values)
    if isinstance(found, str) or not isinstance(found, Sequence):
        raise ValueError(
            f"wrong type for value; expected []interface {{}}; got {type_name(values)}"
        )
    return [*found, *more]


def dict_(*pairs: object) -> dict[str, object]:
    """A map of names and values, one after the other."""
    if len(pairs) % 2:
        raise ValueError("dict requires an even number of arguments")
    names = [plain(name) for name in pairs[::2]]
    if not all(isinstance(name, str) for name in names):
        raise ValueError("dict keys must be strings")
    return dict(zip(map(str, names), pairs[1::2], strict=True))


def _time(value: object) -> Typed:
    if isinstance(value, Typed) and value.type_name == "time.Time":
        return value
    raise ValueError(f"wrong type for value; expected time.Time; got {type_name(value)}")


def _time_ns(value: object) -> int:
    nanoseconds = _time(value).value
    return nanoseconds if isinstance(nanoseconds, int) else 0


_CONSTANT: Mapping[str, Function] = {
    "append": append,
    "base64decode": base64_decode,
    "base64encode": base64_encode,
    "date": date,
    "dict": dict_,
    "humanizeDuration": human.humanize_duration,
    "join": join,
    "list": list_,
    "match": match,
    "mustToDate": must_to_date,
    "reReplaceAll": re_replace_all,
    "safeHtml": safe_html,
    "safeUrl": safe_url,
    "stringSlice": string_slice,
    "title": title,
    "toDate": to_date,
    "toJson": to_json,
    "toLower": to_lower,
    "toUpper": to_upper,
    "trimSpace": trim_space,
    "tz": tz,
    "urlUnescape": url_unescape,
}
FUNCTION_NAMES = frozenset((*_CONSTANT, "now", "since"))
