"""Card and social security numbers in a text: found by their shape, confirmed by their own checks.

A card number is 13 to 19 digits in one piece that begin as an issuer's do (ISO/IEC 7812 ranges), or
grouped as printed on a card, and passes the Luhn check (ISO/IEC 7812-1, annex B). A US SSN is
ddd-dd-dddd or ddd dd dddd outside the ranges that are never issued (SSA, POMS RM 10201.035). Nine
bare digits are left alone: nothing tells them from an order number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

CARD, SSN = "card", "ssn"

GROUPINGS = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3)})
"""Digits as cards print them: most, American Express, Diners, 19 digits."""
MOST_GROUPS = 5
LEAST_DIGITS, MOST_DIGITS = 13, 19
SSN_GROUPS = (3, 2, 4)
RUN = r"[0-9]+(?:[ .\-][0-9]+)*"
"""Groups of digits with one separator between: what `find` takes apart (RE2 and re)."""

_RANGES = (
    ("300", "305"),
    ("34", "34"),
    ("3528", "3589"),
    ("36", "39"),
    ("4", "4"),
    ("50", "59"),
    ("60", "69"),
    ("2221", "2720"),
    ("81", "81"),
)
"""First digits of Diners, Amex (37 lies in 36-39), JCB, Visa, Maestro and Mastercard, Discover and
UnionPay, Mastercard's second range, UnionPay's second. Times in ms or ns begin with 1: none."""
_GROUP = re.compile("[0-9]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A number in a run: `kind`, and where it begins and ends."""

    kind: str
    start: int
    end: int


def find(run: str) -> Iterator[Found]:
    """The numbers in one run of digit groups, from left to right, none overlapping."""
    groups = [(match.start(), match.end()) for match in _GROUP.finditer(run)]
    position = 0
    while position < len(groups):
        count, kind = _at(run, groups[position : position + MOST_GROUPS])
        if kind:
            yield Found(kind, groups[position][0], groups[position + count - 1][1])
        position += count


def _at(run: str, groups: Sequence[tuple[int, int]]) -> tuple[int, str]:
    """How many groups the number at the first one has, and its kind ("" for none)."""
    start, end = groups[0]
    if LEAST_DIGITS <= end - start <= MOST_DIGITS and is_card(run[start:end]):
        return 1, CARD
    for count in range(len(groups), 2, -1):
        window = groups[:count]
        lengths = tuple(end - start for start, end in window)
        parts = [run[start:end] for start, end in window]
        if lengths in GROUPINGS and passes_luhn("".join(parts)):
            return count, CARD
        if lengths == SSN_GROUPS and _is_written_as_ssn(run, window) and is_ssn(*parts):
            return count, SSN
    return 1, ""


def _is_written_as_ssn(run: str, window: Sequence[tuple[int, int]]) -> bool:
    first, second = run[window[0][1]], run[window[1][1]]
    return first == second and first in "- "


def is_card(digits: str) -> bool:
    """Whether digits in one piece are a card number: an issuer's range and the Luhn check."""
    issued = any(low <= digits[: len(low)] <= high for low, high in _RANGES)
    return issued and passes_luhn(digits)


def passes_luhn(digits: str) -> bool:
    """The Luhn check: every second digit from the right doubled, digits summed: ends in 0."""
    doubled = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
    plain = sum(int(digit) for digit in digits[-1::-2])
    return (plain + sum(doubled[int(digit)] for digit in digits[-2::-2])) % 10 == 0


def is_ssn(area: str, group: str, serial: str) -> bool:
    """Whether the three parts could have been issued."""
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"
