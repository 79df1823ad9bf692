"""The section `alerts`: PostgreSQL's URL is checked when it is read, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from alerts.section import AlertsSection
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
