"""Floats as Go's `strconv.FormatFloat` writes them: what clients of Prometheus read and compare."""

from __future__ import annotations

import math

from collector.model.histograms import NativeHistogram


def shortest(value: float) -> str:
    """The shortest text that reads back equal, without exponent: Go's format 'f', precision -1."""
    if value != value:
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" in text:
        return _without_exponent(text)
    return text[:-2] if text.endswith(".0") else text


def json_number(value: float) -> str:
    """As the HTTP API writes sample values: with an exponent below 1e-6 and from 1e21 on."""
    size = abs(value)
    if size == 0 or size != size or math.isinf(size) or 1e-6 <= size < 1e21:
        return shortest(value)
    mantissa, _, exponent = repr(value).partition("e")
    number = int(exponent)
    sign = "-" if number < 0 else "+"
    return f"{mantissa.removesuffix('.0')}e{sign}{abs(number):02d}"


def _without_exponent(text: str) -> str:
    mantissa, _, exponent = text.partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    fraction = "" if fraction == "0" else fraction
    digits, point = whole + fraction, len(whole) + int(exponent)
    if point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if point >= len(digits):
        return sign + digits + "0" * (point - len(digits))
    return f"{sign}{digits[:point]}.{digits[point:]}"


def open_metrics_number(value: float) -> str:
    """As OpenMetrics wants `le` and `quantile` written: whole numbers end in `.0`."""
    text = json_number(value)
    return f"{text}.0" if text.lstrip("-").isdecimal() else text


def general(value: float) -> str:
    """Go's `%g`: the shortest text, with an exponent below 1e-4 and from 1e6 on."""
    size = abs(value)
    if size == 0 or size != size or math.isinf(size) or 1e-4 <= size < 1e6:
        return shortest(value)
    digits = shortest(size).replace(".", "").strip("0")
    power = int(f"{size:.17e}".partition("e")[2])
    fraction = f".{digits[1:]}" if len(digits) > 1 else ""
    sign, direction = "-" if value < 0 else "", "-" if power < 0 else "+"
    return f"{sign}{digits[0]}{fraction}e{direction}{abs(power):02d}"


def histogram_text(histogram: NativeHistogram) -> str:
    """As Prometheus writes a native histogram: `{count:3, sum:4.5, (0.5,1]:1, (1,2]:2}`."""
    parts = [f"count:{general(histogram.count)}", f"sum:{general(histogram.sum)}"]
    for bucket in histogram.buckets():
        left = "[" if bucket.lower_inclusive else "("
        right = "]" if bucket.upper_inclusive else ")"
        edges = f"{general(bucket.lower)},{general(bucket.upper)}"
        parts.append(f"{left}{edges}{right}:{general(bucket.count)}")
    return f"{{{', '.join(parts)}}}"
