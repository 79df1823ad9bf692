from pathlib import Path

from tocsin.config import load_config
from tocsin.config_warnings import config_warnings


def warned(directory: Path, text: str) -> list[str]:
    file = directory / "tocsin.yaml"
    file.write_text(text)
    return [field for field, _ in config_warnings(load_config(file, {}))]


def test_settings_of_prometheus_without_effect_are_told(tmp_path: Path) -> None:
    text = "global: {evaluation_interval: 15s, external_labels: {site: a}, scrape_interval: 15s}"
    assert warned(tmp_path, text) == ["global.evaluation_interval", "global.external_labels"]


def test_what_has_an_effect_is_not(tmp_path: Path) -> None:
    assert warned(tmp_path, "global: {scrape_interval: 15s}") == []
