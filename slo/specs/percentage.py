"""Percentages of specifications, as exact ratios."""

from __future__ import annotations

from fractions import Fraction

from slo.specs.fields import Fields


def percent(fields: Fields, name: str) -> Fraction:
    """A percentage between 0 and 100, with or without its sign, as a ratio."""
    text = fields.text(name).removesuffix("%").strip()
    try:
        percent = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise fields.error(name, f"{text!r} is not a percentage", "write it as 99.9%") from error
    if not 0 < percent < 100:
        raise fields.error(
            name, f"{float(percent):g} is not between 0 and 100 percent", "99.9% is usual"
        )
    return percent / 100
