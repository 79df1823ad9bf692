"""The queue on disk: what goes in comes out, in order, after a restart too; it stays in bounds."""

from pathlib import Path

import numpy as np
import pytest

from collector.forward import journal as journal_module
from collector.forward.journal import Journal, Position
from collector.forward.journal_reader import JournalReader, JournalRow, PositionFile
from collector.model.exemplar import Exemplar
from collector.model.labels import Labels
from collector.model.samples import Int64s

BIG = 2**40
POOL = [Labels.of("m", n=str(n)) for n in range(1000)]


def labels_of(refs: Int64s) -> list[Labels]:
    return [POOL[ref] for ref in refs.tolist()]


def opened(directory: Path, max_bytes: int = BIG) -> Journal:
    return Journal(directory, labels_of, max_bytes)


def append(journal: Journal, at_ms: int, *refs: int, start_ms: int = 0) -> None:
    array = np.array(refs, dtype=np.int64)
    starts = np.full(len(refs), start_ms, dtype=np.int64) if start_ms else None
    assert journal.row("s", at_ms, array, array * 1.0 + at_ms, starts)


def rows(reader: JournalReader) -> list[tuple[int, list[Labels], list[float]]]:
    return [
        (one.timestamp_ms, one.layout.labels, one.values.tolist())
        for one in reader.entries()
        if isinstance(one, JournalRow)
    ]


def row(at_ms: int, *refs: int) -> tuple[int, list[Labels], list[float]]:
    return at_ms, [POOL[ref] for ref in refs], [float(ref + at_ms) for ref in refs]


def test_rows_come_back_with_their_labels(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    reader = JournalReader(tmp_path, Position())
    append(journal, 1, 5, 3)
    append(journal, 2, 5, 3, 7)
    assert rows(reader) == [row(1, 5, 3), row(2, 5, 3, 7)]
    assert rows(reader) == []
    append(journal, 3, 7)
    assert rows(reader) == [row(3, 7)]


def test_starts_and_exemplars_come_back(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    append(journal, 1, 1, start_ms=900)
    append(journal, 2, 1, start_ms=900)
    exemplar = Exemplar(POOL[1], Labels({"trace_id": "x"}), 0.5, 1)
    journal.exemplars([exemplar])
    first, second, third = JournalReader(tmp_path, Position()).entries()
    assert isinstance(first, JournalRow)
    assert isinstance(second, JournalRow)
    assert [one.start_ms.tolist() for one in (first, second) if one.start_ms is not None] == [
        [900],
        [900],
    ]
    assert third == [exemplar]


def test_a_reader_goes_on_from_its_position_after_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for at_ms in range(5):
        append(journal, at_ms, 1, 2)
    reader = JournalReader(tmp_path, Position())
    entries = reader.entries()
    next(entries)
    next(entries)
    file = PositionFile(tmp_path / "position-x.json")
    file.write(reader.position)
    journal.close()
    again = opened(tmp_path)  # begins a segment in which refs may mean other series
    append(again, 5, 9)
    position = file.read()
    assert position is not None
    assert rows(JournalReader(tmp_path, position)) == [
        row(2, 1, 2),
        row(3, 1, 2),
        row(4, 1, 2),
        row(5, 9),
    ]


def test_every_segment_can_be_read_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 2_000)
    journal = opened(tmp_path)
    for at_ms in range(200):
        append(journal, at_ms, *range(10))
    assert journal.end().segment > 5
    assert rows(JournalReader(tmp_path, Position())) == [
        row(at_ms, *range(10)) for at_ms in range(200)
    ]
    middle = rows(JournalReader(tmp_path, Position(4, 0)))
    assert middle == [row(at_ms, *range(10)) for at_ms in range(middle[0][0], 200)]
    journal.remove_before(Position(4, 0))
    assert rows(JournalReader(tmp_path, Position(4, 0))) == middle


def test_a_full_journal_drops_the_oldest_and_readers_notice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "SEGMENT_BYTES", 2_000)
    journal = opened(tmp_path, max_bytes=10_000)
    append(journal, 0, 1)
    reader = JournalReader(tmp_path, Position())
    assert rows(reader) == [row(0, 1)]
    for at_ms in range(1, 500):
        append(journal, at_ms, *range(10))
        assert journal.nbytes() < 13_000
    found = rows(reader)
    assert found == [row(at_ms, *range(10)) for at_ms in range(found[0][0], 500)]
    assert found[0][0] > 1
    assert reader.skipped_segments == 1


def test_a_torn_end_is_read_once_it_is_whole(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    append(journal, 1, 1)
    append(journal, 2, 1)
    path = tmp_path / "0000000001.wal"
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    reader = JournalReader(tmp_path, Position())
    assert rows(reader) == [row(1, 1)]
    path.write_bytes(whole)
    assert rows(reader) == [row(2, 1)]


def test_damage_in_the_middle_costs_what_it_hits(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    append(journal, 1, 1)
    begin = journal.end().offset
    append(journal, 2, 1)
    append(journal, 3, 1)
    path = tmp_path / "0000000001.wal"
    data = bytearray(path.read_bytes())
    data[begin + 20] ^= 0xFF
    path.write_bytes(data)
    assert rows(JournalReader(tmp_path, Position())) == [row(1, 1), row(3, 1)]


def test_pending_bytes_fall_to_nothing(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    append(journal, 1, 1)
    reader = JournalReader(tmp_path, Position())
    assert reader.pending_bytes() > 0
    rows(reader)
    assert reader.pending_bytes() == 0


def test_what_comes_after_closing_goes_nowhere(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.close()
    append(journal, 1, 1)
    assert rows(JournalReader(tmp_path, Position())) == []


def test_a_position_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    file = PositionFile(tmp_path / "p.json")
    assert file.read() is None
    (tmp_path / "p.json").write_text("{")
    assert file.read() is None
