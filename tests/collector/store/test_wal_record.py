"""Bytes of records, where an encoder does its work in parts."""

from __future__ import annotations

import pytest

from collector.model.labels import Labels
from collector.store import wal_record
from collector.store.wal_record import decode_series_and_gaps, encode_series


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 25])
def test_series_come_back_however_many_there_are(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = [None if n % 7 == 3 else Labels.of("x", n=f'é"{n}') for n in range(count)]
    at_once = b"".join(encode_series(5, labels))
    monkeypatch.setattr(wal_record, "_SERIES_AT_ONCE", 10)
    in_parts = b"".join(encode_series(5, labels))
    assert in_parts == at_once
    assert decode_series_and_gaps(memoryview(in_parts)) == (5, labels)
