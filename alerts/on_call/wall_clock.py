"""Local wall time to moments, over daylight saving. Pure.

A time that the clock skips is the first moment after the skip; one that comes twice is the first of
the two (PEP 495, fold 0).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from collector.model.errors import InputError

DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
_MS = timedelta(milliseconds=1)


def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name; raises InputError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f"{name!r} is no time zone", advice="write an IANA name: Europe/Berlin, UTC"
        ) from error


def ms_of(moment: datetime) -> int:
    """Milliseconds since 1970 of an aware time."""
    return (moment - _EPOCH) // _MS


def local_of(at_ms: int, zone: ZoneInfo) -> datetime:
    """The naive wall time of a moment."""
    return (_EPOCH + at_ms * _MS).astimezone(zone).replace(tzinfo=None)


def moment_ms(local: datetime, zone: ZoneInfo) -> int:
    """The moment at which the clock shows `local` (naive) first, or has jumped over it."""
    first_ms = ms_of(local.replace(tzinfo=zone, fold=0))
    if local_of(first_ms, zone) == local.replace(fold=0):
        return first_ms
    return change_ms(ms_of(local.replace(tzinfo=zone, fold=1)), first_ms, zone)


def both_ms(local: datetime, zone: ZoneInfo) -> tuple[int, ...]:
    """Every moment at which the clock shows `local`: none, one or two."""
    found = {ms_of(local.replace(tzinfo=zone, fold=fold)) for fold in (0, 1)}
    return tuple(sorted(ms for ms in found if local_of(ms, zone) == local.replace(fold=0)))


def change_ms(before_ms: int, after_ms: int, zone: ZoneInfo) -> int:
    """The moment at which the zone's offset changes between two whose offsets differ."""
    lo, hi = before_ms // 1000, after_ms // 1000
    offset = _offset(lo, zone)
    while hi - lo > 1:
        middle = (lo + hi) // 2
        lo, hi = (middle, hi) if _offset(middle, zone) == offset else (lo, middle)
    return hi * 1000


def changes_ms(after_ms: int, until_ms: int, zone: ZoneInfo) -> list[int]:
    """Every change of the zone's offset in a stretch of time, a day apart at least."""
    step = 24 * 3_600_000
    times = [*range(after_ms, until_ms, step), until_ms]
    pairs = pairwise(times)
    return [
        change_ms(lo, hi, zone)
        for lo, hi in pairs
        if _offset(lo // 1000, zone) != _offset(hi // 1000, zone)
    ]


def _offset(seconds: int, zone: ZoneInfo) -> timedelta | None:
    return datetime.fromtimestamp(seconds, zone).utcoffset()
