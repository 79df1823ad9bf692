"""The section `alerts`: PostgreSQL's URL is checked when it is read, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from alerts.section import AlertsSection
from collector.config_errors import ManyConfigErrors
from tocsin.config import load_config
from tocsin.config_text import config_text

PASSWORD = "sesame-7f3a9c"


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://tocsin:{PASSWORD}@db/tocsin",
        f"postgresql://tocsin:{PASSWORD}@db:port/tocsin",
        f"postgresql://tocsin:{PASSWORD}@db",
        f"postgresql+asyncpg://tocsin:{PASSWORD}@db/tocsin",
        f"tocsin:{PASSWORD}",
    ],
)
def test_a_url_that_is_none_of_postgresql_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(ValidationError, match="write postgresql://") as refused:
        AlertsSection(database_url=url)  # type: ignore[arg-type]
    assert PASSWORD not in str(refused.value) + repr(refused.value)


def test_the_configuration_that_is_shown_hides_the_url(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yml"
    file.write_text("alerts: {database_url: 'postgresql://tocsin:${PASSWORD}@db/tocsin'}\n")
    config = load_config(file, {"PASSWORD": PASSWORD})
    assert config.alerts_section.database_url is not None
    assert PASSWORD in config.alerts_section.database_url.reveal()
    assert "database_url: <secret>" in config_text(config)
    assert PASSWORD not in repr(config) + config_text(config)


SILENCES = """
alerts:
  silences:
    remind_after: 2d
    policy: {max_duration: 1w, forbidden_matchers: ['severity="critical"'], authors: 'ana|bo'}
    recurring:
      - name: nightly
        matchers: ['service="batch"']
        rrule: FREQ=DAILY
        start: 2026-01-05T02:00
        duration: 1h
        time_zone: Europe/Berlin
"""


def test_silences_are_read_and_written_back(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yml"
    file.write_text(SILENCES)
    config = load_config(file, {})
    silences = config.alerts_section.silences
    assert (silences.remind_after, silences.recurring[0].name) == (2 * 86_400_000, "nightly")
    file.write_text(config_text(config))
    assert load_config(file, {}).alerts_section.silences == silences


@pytest.mark.parametrize(
    ("written", "instead", "line", "field", "message"),
    [
        ("rrule: FREQ=DAILY", "rrule: nightly", 9, "recurring[0].rrule", "no recurrence rule"),
        ("Europe/Berlin", "Mars", 12, "recurring[0].time_zone", "Mars"),
        ("duration: 1h", "duration: soon", 11, "recurring[0].duration", "soon"),
        ("'ana|bo'", "'('", 5, "policy.authors", "regular expression"),
        ("2d", "two days", 4, "remind_after", "two days"),
        ("max_duration", "max_lenght", 5, "policy.max_lenght", "no such field"),
    ],
)
def test_an_error_in_silences_has_its_line_and_field(
    tmp_path: Path, written: str, instead: str, line: int, field: str, message: str
) -> None:
    file = tmp_path / "tocsin.yml"
    file.write_text(SILENCES.replace(written, instead))
    with pytest.raises(ManyConfigErrors) as refused:
        load_config(file, {})
    (error,) = refused.value.errors
    assert error.where.field.startswith(f"alerts.silences.{field}"), error.where
    assert message in error.message
    assert error.where.line == line, error.where
