"""Maintenance windows of the configuration become corrections when they begin."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path

import pytest
from pydantic import ValidationError

from collector.model.errors import UnavailableError
from slo.config import SloConfig
from slo.config_maintenance import MaintenanceConfig
from slo.corrections import Act, Corrections
from slo.maintenance import READ_EVERY_MS, Maintenance

HOUR = 3_600_000
DAY = 24 * HOUR
SUNDAY = 1_767_492_000_000
"""2026-01-04T02:00:00Z."""
WEEKLY = {
    "name": "patch",
    "service": "shop",
    "start": "2026-01-04T03:00:00",
    "timezone": "Europe/Berlin",
    "duration": "2h",
    "rrule": "FREQ=WEEKLY",
}
CALENDAR = (
    "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260104T020000Z\nDURATION:PT1H\nEND:VEVENT\n"
    "END:VCALENDAR\n"
)


def maintenance(*configs: dict) -> Maintenance:
    return Maintenance([MaintenanceConfig.model_validate(one) for one in configs])


def spans(corrections: Corrections) -> list[tuple[int, int]]:
    return [(one.start_ms - SUNDAY, one.end_ms - SUNDAY) for one in corrections.in_force]


def test_a_window_is_recorded_when_it_begins_and_once(tmp_path: Path) -> None:
    windows, corrections = maintenance(WEEKLY), Corrections(tmp_path)
    since_ms = SUNDAY - HOUR
    for now_ms in range(SUNDAY - HOUR, SUNDAY + 8 * DAY, HOUR // 2):
        windows.record(corrections, since_ms, now_ms)
        since_ms = now_ms
        begun = 1 + (now_ms - SUNDAY) // (7 * DAY)
        assert len(corrections.in_force) == begun
    assert spans(corrections) == [(0, 2 * HOUR), (7 * DAY, 7 * DAY + 2 * HOUR)]
    made = corrections.all[0].made
    assert (made.author, made.reason) == ("configuration", "maintenance patch")


def test_what_began_while_nobody_looked_is_made_up_for(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path)
    maintenance(WEEKLY).record(corrections, SUNDAY - HOUR, SUNDAY + DAY)
    assert spans(corrections) == [(0, 2 * HOUR)]


def test_what_was_over_before_it_was_configured_is_left_alone(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path)
    maintenance(WEEKLY).record(corrections, SUNDAY + DAY - 15_000, SUNDAY + DAY)
    assert not corrections.all


def test_a_revoked_window_stays_revoked(tmp_path: Path) -> None:
    corrections = Corrections(tmp_path)
    maintenance(WEEKLY).record(corrections, SUNDAY, SUNDAY + 1)
    corrections.revoke(corrections.all[0].id, Act("ann", "it was none", SUNDAY + 2))
    maintenance(WEEKLY).record(Corrections(tmp_path), SUNDAY, SUNDAY + HOUR)
    again = Corrections(tmp_path)
    assert not again.in_force
    assert len(again.all) == 1


def test_a_calendar_file_is_read_again_and_its_errors_keep_what_was_read(tmp_path: Path) -> None:
    file = tmp_path / "patch.ics"
    windows = maintenance({"name": "patch", "slo": "*", "ical_file": str(file)})
    with pytest.raises(UnavailableError):
        windows.read(0)
    file.write_text(CALENDAR)
    windows.read(1)  # too soon to look again
    corrections = Corrections(tmp_path)
    windows.record(corrections, SUNDAY, SUNDAY + 1)
    assert not corrections.all
    windows.read(READ_EVERY_MS)
    file.unlink()
    with pytest.raises(UnavailableError):
        windows.read(2 * READ_EVERY_MS)
    windows.record(corrections, SUNDAY, SUNDAY + 2)
    assert spans(corrections) == [(0, HOUR)]


def test_a_calendar_from_a_url_and_no_word_of_the_url_in_errors(tmp_path: Path) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/token-5f3a/patch.ics"
            self.send_response(200 if found else 404)
            self.end_headers()
            self.wfile.write(CALENDAR.encode() if found else b"")

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}/token-5f3a"
        good = {"name": "patch", "slo": "*", "ical_url": f"{base}/patch.ics"}
        bad = {"name": "gone", "slo": "*", "ical_url": f"{base}/gone.ics"}
        windows = maintenance(good, bad)
        with pytest.raises(UnavailableError, match="404") as failed:
            windows.read(0)
        assert "token-5f3a" not in str(failed.value)
        assert "token-5f3a" not in repr(MaintenanceConfig.model_validate(good))
        corrections = Corrections(tmp_path)
        windows.record(corrections, SUNDAY, SUNDAY + 1)
        assert spans(corrections) == [(0, HOUR)]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"service": ""}, "no objective is named"),
        ({"duration": None}, "one of end and duration"),
        ({"end": "2026-01-04T05:00:00"}, "one of end and duration"),
        ({"start": None}, "write one of start"),
        ({"ical_file": "/a.ics"}, "write one of start"),
        ({"start": None, "ical_file": "a.ics"}, "absolute path"),
        ({"start": None, "ical_file": "/a.ics"}, "go with start"),
        ({"timezone": "Mars"}, "no time zone"),
        ({"rrule": "weekly"}, "no recurrence rule"),
        ({"duration": None, "end": "2026-01-04T02:00:00"}, "ends after it begins"),
        ({"name": "a b"}, "pattern"),
    ],
)
def test_what_no_window_can_be(change: dict, part: str) -> None:
    with pytest.raises(ValidationError, match=part):
        MaintenanceConfig.model_validate({**WEEKLY, **change})


def test_names_are_unique() -> None:
    with pytest.raises(ValidationError, match="have one name"):
        SloConfig.model_validate({"maintenance": [WEEKLY, WEEKLY]})
