"""How large an alert that is posted may be: an alert is a sentence, not a log file.

A judge that sends more has gone wild, and everything it sends would be kept, routed and shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from collector.model.errors import LimitError

MAX_ALERTS = 10_000
"""Alerts of one POST; Prometheus sends 256 at a time by default."""
MAX_LABELS = 128
"""Labels of an alert, and annotations: as many as a series may have."""
MAX_NAME_BYTES = 1024
MAX_LABEL_VALUE_BYTES = 16 * 1024
MAX_ANNOTATION_BYTES = 64 * 1024
"""A description with a long list in it still fits."""
MAX_URL_BYTES = 16 * 1024
"""A generator URL holds a query."""
MAX_ALERT_BYTES = 256 * 1024
"""All texts of one alert: no receiver takes more of one either."""
MAX_PROBLEMS = 20
"""Alerts that an answer says something of; the rest is counted."""


def check_alert(
    labels: Mapping[str, str], annotations: Mapping[str, str], generator_url: str
) -> None:
    """Raises LimitError, naming the limit and its value, for an alert past one."""
    total = _checked("label", labels, MAX_LABEL_VALUE_BYTES)
    total += _checked("annotation", annotations, MAX_ANNOTATION_BYTES)
    total += _at_most("generatorURL", generator_url, MAX_URL_BYTES)
    if total > MAX_ALERT_BYTES:
        raise LimitError(f"its texts have {total:,} bytes, over the limit of {MAX_ALERT_BYTES:,}")


def _checked(kind: str, texts: Mapping[str, str], most_bytes: int) -> int:
    """Bytes of all names and texts; what is together below the least limit is below each."""
    size = len("".join((*texts, *texts.values())).encode("utf-8", "surrogatepass"))
    if size <= MAX_NAME_BYTES and len(texts) <= MAX_LABELS:
        return size
    return _measured(kind, texts, most_bytes)


def _measured(kind: str, texts: Mapping[str, str], most_bytes: int) -> int:
    if len(texts) > MAX_LABELS:
        raise LimitError(f"{len(texts)} {kind}s, over the limit of {MAX_LABELS}")
    names = sum(_at_most(f"the name of a {kind}", name, MAX_NAME_BYTES) for name in texts)
    return names + sum(
        _at_most(f"the {kind} {name!r}", text, most_bytes) for name, text in texts.items()
    )


def _at_most(what: str, text: str, most_bytes: int) -> int:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > most_bytes:
        raise LimitError(f"{what} has {size:,} bytes, over the limit of {most_bytes:,}")
    return size
