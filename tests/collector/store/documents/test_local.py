"""The embedded log store: durable, searched, kept by level, bounded, and hard to break."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from collector.model.clock import ManualClock
from collector.model.errors import InputError, LimitError, StorageError
from collector.model.records import LogBatch, LogRecord
from collector.store.documents.interface import DAY_MS, LogQuery, Retention, Written
from collector.store.documents.local import LocalLogStore

Make = Callable[..., Any]
DEBUG, INFO, WARN, ERROR = 5, 9, 13, 17


def bodies(store: LocalLogStore, **query: Any) -> list[str]:
    return [record.body for record in store.search(LogQuery(**query))]


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.glob("*.sqlite"))


def test_what_was_stored_is_found_whole(store: LocalLogStore, record: Make, batch: Make) -> None:
    full = record(
        "no stock – ünï",
        severity=ERROR,
        service="shop",
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        span_id="00f067aa0ba902b7",
        attributes={"item": "7", "note": 'a "quoted" \\ thing'},
    )
    assert store.write(batch(full)) == Written(1, {})
    assert store.search(LogQuery()) == [full]


def test_the_newest_comes_first_over_days_and_levels(
    store: LocalLogStore, record: Make, batch: Make
) -> None:
    store.write(
        batch(
            record("two days", 2 * DAY_MS, INFO),
            record("now", 0, DEBUG),
            record("a second", 1000, ERROR),
            record("yesterday", DAY_MS, ERROR),
        )
    )
    assert bodies(store) == ["now", "a second", "yesterday", "two days"]
    assert bodies(store, limit=2) == ["now", "a second"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"text": "timeout"}, ["timeout of payments"]),
        ({"text": "TIME pay"}, ["timeout of payments"]),
        ({"text": "eu-west"}, ["order placed"]),
        ({"text": "region"}, ["order placed"]),
        ({"text": "ayments"}, []),
        ({"text": "timeout placed"}, []),
        ({"level": "error"}, ["timeout of payments"]),
        ({"level": "info", "service": "web"}, []),
        ({"service": "orders"}, ["order placed"]),
        ({"trace_id": "AB" * 16}, ["order placed"]),
        ({"text": '"; DROP TABLE record; -- NEAR( * ^ AND'}, []),
        ({"text": "!!!"}, ["timeout of payments", "order placed"]),
    ],
)
def test_search_narrows(
    store: LocalLogStore, record: Make, batch: Make, query: dict[str, str], expected: list[str]
) -> None:
    store.write(
        batch(
            record("timeout of payments", 0, ERROR, service="web"),
            record(
                "order placed",
                5,
                INFO,
                service="orders",
                trace_id="ab" * 16,
                attributes={"region": "eu-west"},
            ),
        )
    )
    assert bodies(store, **query) == expected


def test_the_range_holds_both_ends(
    store: LocalLogStore, clock: ManualClock, record: Make, batch: Make
) -> None:
    store.write(batch(*(record(str(age), age) for age in range(5))))
    now = clock.now_ms()
    assert bodies(store, start_ms=now - 3, end_ms=now - 1) == ["1", "2", "3"]
    assert bodies(store, start_ms=now + 1) == []


@pytest.mark.parametrize(
    "query", [LogQuery(level="warn"), LogQuery(limit=0), LogQuery(limit=10**6)]
)
def test_a_search_that_makes_no_sense_is_refused(store: LocalLogStore, query: LogQuery) -> None:
    with pytest.raises(InputError):
        store.search(query)


def test_one_file_a_level_and_day_under_the_day_of_the_record(
    store: LocalLogStore, clock: ManualClock, record: Make, batch: Make, tmp_path: Path
) -> None:
    store.write(batch(record(severity=WARN), record(severity=ERROR), record(age_ms=DAY_MS)))
    days = [
        datetime.fromtimestamp((clock.now_ms() - age) / 1000, UTC).strftime("%Y-%m-%d")
        for age in (0, DAY_MS)
    ]
    assert names(tmp_path / "logs") == sorted(
        [
            f"logs-error-{days[0]}.sqlite",
            f"logs-info-{days[0]}.sqlite",
            f"logs-info-{days[1]}.sqlite",
        ]
    )


def test_each_level_is_kept_for_its_own_time(
    store: LocalLogStore, clock: ManualClock, record: Make, batch: Make, tmp_path: Path
) -> None:
    for severity in (DEBUG, INFO, ERROR):
        store.write(batch(record(f"{severity}", 0, severity)))
    left = []
    for days in (6, 9, 29, 32, 89, 92):
        moved = ManualClock(clock.now_ms())
        clock.advance(days * DAY_MS)
        store.remove_old()
        left.append(sorted(bodies(store)))
        clock.advance(moved.now_ms() - clock.now_ms())
    assert left == [["17", "5", "9"], ["17", "9"], ["17", "9"], ["17"], ["17"], []]
    assert list((tmp_path / "logs").iterdir()) == []


def test_a_day_is_kept_until_its_last_record_has_expired(
    make_store: Make, clock: ManualClock, record: Make, batch: Make
) -> None:
    store = make_store(retention=Retention(debug_ms=DAY_MS))
    clock.advance(DAY_MS - clock.now_ms() % DAY_MS - 1)
    store.write(batch(record("last of the day", 0, DEBUG)))
    clock.advance(DAY_MS)
    assert store.remove_old() == []
    clock.advance(1)
    assert len(store.remove_old()) == 1


def test_what_is_too_old_or_ahead_is_refused_and_told(
    store: LocalLogStore, record: Make, batch: Make
) -> None:
    written = store.write(
        batch(
            record("fine"),
            record("old", 8 * DAY_MS, DEBUG),
            record("old", 91 * DAY_MS, ERROR),
            record("ahead", -2 * DAY_MS),
        )
    )
    assert written == Written(1, {"too_old": 2, "in_the_future": 1})
    assert bodies(store) == ["fine"]


def test_the_oldest_day_goes_when_the_size_is_reached_and_debug_before_error(
    make_store: Make, registry: CollectorRegistry, record: Make, batch: Make, tmp_path: Path
) -> None:
    large = "x y " * 20_000
    make_store().write(
        batch(
            record(large, 2 * DAY_MS, ERROR),
            record(large, 2 * DAY_MS, DEBUG),
            record(large, DAY_MS, INFO),
        )
    )
    used = sum(path.stat().st_size for path in (tmp_path / "logs").iterdir())
    make_store(max_bytes=used - 1).write(batch(record("more")))
    kept = make_store().search(LogQuery())
    assert [(found.level, len(found.body)) for found in kept] == [
        ("info", 4),
        ("info", len(large)),
        ("error", len(large)),
    ]
    removed = registry.get_sample_value("tocsin_log_pieces_removed_total", {"reason": "size"})
    assert removed == 1


def test_todays_logs_are_never_deleted_for_their_size(
    make_store: Make, record: Make, batch: Make
) -> None:
    store = make_store(max_bytes=1)
    store.write(batch(record("kept")))
    with pytest.raises(LimitError, match=r"logs\.max_size"):
        store.write(batch(record("refused")))
    assert bodies(store) == ["kept"]


def test_a_damaged_file_is_set_aside_and_stops_nothing(
    make_store: Make, registry: CollectorRegistry, record: Make, batch: Make, tmp_path: Path
) -> None:
    first = make_store()
    first.write(batch(record("lost", 0, INFO), record("kept", 1, ERROR)))
    first.close()
    (damaged,) = (tmp_path / "logs").glob("logs-info-*.sqlite")
    damaged.write_bytes(b"not a database, " * 1000)
    store = make_store()
    assert bodies(store) == ["kept"]
    damaged.write_bytes(b"not a database, " * 1000)
    store.write(batch(record("fresh", 0, INFO)))
    assert bodies(store) == ["fresh", "kept"]
    assert len(list((tmp_path / "logs").glob("*.damaged"))) >= 1
    count = registry.get_sample_value("tocsin_log_pieces_removed_total", {"reason": "damaged"})
    assert count == 2


def test_other_files_in_the_directory_are_left_alone(
    store: LocalLogStore, clock: ManualClock, tmp_path: Path
) -> None:
    for name in ("notes.txt", "logs-audit-2020-01-01.sqlite", "logs-info-2020-99-99.sqlite"):
        (tmp_path / "logs" / name).write_text("mine")
    assert store.remove_old() == []
    assert bodies(store) == []
    assert len(list((tmp_path / "logs").iterdir())) == 3


def test_an_acknowledged_record_survives_kill_9(tmp_path: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from prometheus_client import CollectorRegistry
        from collector.model.clock import ManualClock
        from collector.model.records import LogBatch, LogRecord
        from collector.store.documents.local import LocalLogStore
        from collector.store.documents.self_metrics import LogMetrics
        clock = ManualClock(1_700_000_000_000)
        store = LocalLogStore(Path(sys.argv[1]), clock, LogMetrics(CollectorRegistry()))
        for number in range(1_000_000):
            store.write(LogBatch((LogRecord(clock.now_ms(), 9 + 8 * (number % 2), str(number)),)))
            print(number, flush=True)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "logs")], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    acknowledged = [int(process.stdout.readline()) for _ in range(50)]
    os.kill(process.pid, signal.SIGKILL)
    acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]
    process.wait()
    process.stdout.close()
    from collector.store.documents.self_metrics import LogMetrics

    clock = ManualClock(1_700_000_000_000)
    store = LocalLogStore(tmp_path / "logs", clock, LogMetrics(CollectorRegistry()))
    found = {int(record.body) for record in store.search(LogQuery(limit=10_000))}
    store.close()
    assert set(acknowledged) <= found
    assert len(found) <= len(acknowledged) + 1


def test_a_batch_into_one_file_is_stored_whole_or_not_at_all(
    store: LocalLogStore, record: Make, batch: Make
) -> None:
    unstorable = record("half of a pair: \ud800")
    with pytest.raises(UnicodeEncodeError):
        store.write(batch(record("first"), unstorable))
    assert bodies(store) == []


def test_many_days_are_written_with_few_open_files(
    store: LocalLogStore, record: Make, batch: Make
) -> None:
    for _ in range(2):
        store.write(batch(*(record(str(day), day * DAY_MS, ERROR) for day in range(40))))
    assert len(bodies(store, limit=1000)) == 80


def test_threads_write_and_search_at_once(store: LocalLogStore, record: Make, batch: Make) -> None:
    errors: list[Exception] = []

    def work(number: int) -> None:
        try:
            for turn in range(10):
                store.write(batch(record(f"{number}-{turn}")))
                store.search(LogQuery(text=str(number)))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(bodies(store, limit=1000)) == 60


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path, clock: ManualClock) -> None:
    from collector.store.documents.self_metrics import LogMetrics

    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can't be made"):
        LocalLogStore(tmp_path / "file" / "logs", clock, LogMetrics(CollectorRegistry()))


words = st.text(alphabet="abcXYZ01é_ -.\"'*", max_size=30)


@given(text=words, body=words)
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_search_text_is_a_syntax_error(store: LocalLogStore, text: str, body: str) -> None:
    store.write(LogBatch((LogRecord(1_700_000_000_000, 9, body),)))
    store.search(LogQuery(text=text))
