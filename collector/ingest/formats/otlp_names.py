"""OpenTelemetry names to Prometheus's, by each strategy that Prometheus 3 has.

By the default, UnderscoreEscapingWithSuffixes, `http.server.duration` in `s` becomes
`http_server_duration_seconds`, a counter ends in `_total`, a gauge in `1` in `_ratio`.
Sources: https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/ and
https://github.com/prometheus/otlptranslator
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

UNITS: Mapping[str, str] = {
    "d": "days",
    "h": "hours",
    "min": "minutes",
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
    "By": "bytes",
    "KiBy": "kibibytes",
    "MiBy": "mebibytes",
    "GiBy": "gibibytes",
    "TiBy": "tibibytes",
    "KBy": "kilobytes",
    "MBy": "megabytes",
    "GBy": "gigabytes",
    "TBy": "terabytes",
    "m": "meters",
    "V": "volts",
    "A": "amperes",
    "J": "joules",
    "W": "watts",
    "g": "grams",
    "Cel": "celsius",
    "Hz": "hertz",
    "%": "percent",
    "1": "",
}
"""UCUM symbol -> the word in a metric's name; others are kept as they are."""
RATES: Mapping[str, str] = {
    "s": "second",
    "m": "minute",
    "h": "hour",
    "d": "day",
    "w": "week",
    "mo": "month",
    "y": "year",
}
"""The same after the slash of a unit."""

Strategy = Literal[
    "UnderscoreEscapingWithSuffixes",
    "UnderscoreEscapingWithoutSuffixes",
    "NoUTF8EscapingWithSuffixes",
    "NoTranslation",
]

_SPLIT = re.compile(r"[^a-zA-Z0-9:]+")
_SPLIT_PLAIN = re.compile(r"[^a-zA-Z0-9:_]+")
_UNDERSCORES = re.compile(r"__+")
_NO_LABEL_CHARACTER = re.compile(r"[^a-zA-Z0-9_]")


def metric_name(name: str, unit: str, *, counter: bool, gauge: bool) -> str:
    """The name of a metric family; "" when nothing of the name can be kept."""
    words = [word for word in _SPLIT.split(name) if word]
    main, per = (_cleaned(part) for part in _unit_words(unit))
    per = "" if per == "per_" else per.removesuffix("_")
    per = "" if per in words else per
    main = "" if main in words else main
    if per:
        main = main.removesuffix("_")
    words += [word for word in (main, per) if word]
    if counter:
        words = [*(word for word in words if word != "total"), "total"]
    if unit == "1" and gauge:
        words = [*(word for word in words if word != "ratio"), "ratio"]
    text = "_".join(words)
    return f"_{text}" if text[:1].isdigit() else text


@dataclass(frozen=True, slots=True)
class Naming:
    """How names are made; the two flags are those of Prometheus's section `otlp`."""

    strategy: Strategy = "UnderscoreEscapingWithSuffixes"
    underscore_sanitization: bool = True
    preserve_multiple_underscores: bool = True

    @property
    def keeps_characters(self) -> bool:
        """Whether any UTF-8 character may stand in a name."""
        return self.strategy in ("NoUTF8EscapingWithSuffixes", "NoTranslation")

    def metric(self, name: str, unit: str, *, counter: bool, gauge: bool) -> str:
        """The name of a metric family; "" when nothing of the name can be kept."""
        if self.strategy == "UnderscoreEscapingWithSuffixes":
            return metric_name(name, unit, counter=counter, gauge=gauge)
        if self.strategy == "UnderscoreEscapingWithoutSuffixes":
            text = "_".join(word for word in _SPLIT_PLAIN.split(name) if word)
            text = f"_{text}" if text[:1].isdigit() else text
            return text if text == name or text.strip("_") else ""
        if self.strategy == "NoUTF8EscapingWithSuffixes":
            return _with_suffixes(name, unit, counter=counter, gauge=gauge)
        return name

    def label(self, name: str) -> str:
        """The label name of an attribute; "" for no name."""
        if self.keeps_characters:
            return name
        text = label_name(name, sanitized=self.underscore_sanitization)
        if not self.preserve_multiple_underscores and not _is_reserved(text):
            text = _UNDERSCORES.sub("_", text)
        return text


PROMETHEUS_NAMING = Naming()


def _is_reserved(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _with_suffixes(name: str, unit: str, *, counter: bool, gauge: bool) -> str:
    """Unit and kind at the end of a name that is otherwise kept."""
    main, per = _unit_words(unit)
    ends = ["ratio"] if unit == "1" and gauge else []
    ends += ["total"] if counter else []
    ends += [per] if per else []
    for end in ends:
        if name.endswith(end) and len(name) > len(end) + 1:
            name = name[: -len(end) - 1]
    if main and not name.endswith(main):
        name = f"{name}_{main}"
    return "_".join([name, *reversed(ends)])


def _unit_words(unit: str) -> tuple[str, str]:
    """What stands before and after the slash as words; a unit in braces says nothing."""
    main, _, per = (part.strip() for part in unit.partition("/"))
    main_word = "" if "{" in main or "}" in main else UNITS.get(main, main)
    per_word = "" if "{" in per or "}" in per else RATES.get(per, per)
    return main_word, f"per_{per_word}" if per_word else ""


def _cleaned(word: str) -> str:
    return _UNDERSCORES.sub("_", re.sub(r"[^a-zA-Z0-9:]", "_", word)).removeprefix("_")


def label_name(name: str, *, sanitized: bool = True) -> str:
    """The label name of an attribute; "" for no name; `sanitized`: `_x` becomes `key_x`."""
    text = _NO_LABEL_CHARACTER.sub("_", name)
    if text[:1].isdigit():
        return f"key_{text}"
    if sanitized and text.startswith("_") and not text.startswith("__"):
        return f"key{text}"
    return text


def unit_word(unit: str) -> str:
    """The unit as Prometheus's metadata has it: `By/s` is `bytes_per_second`."""
    return "_".join(_cleaned(part).strip("_") for part in _unit_words(unit) if part)
