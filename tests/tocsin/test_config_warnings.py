from pathlib import Path

from tocsin.config import load_config
from tocsin.config_warnings import config_warnings


def warned(directory: Path, text: str) -> list[str]:
    file = directory / "tocsin.yaml"
    file.write_text(text)
    return [field for field, _ in config_warnings(load_config(file, {}), 0)]


def test_a_pattern_that_names_no_rule_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "some.yml").write_text("groups: []")
    assert warned(tmp_path, "rule_files: [some.yml, none.yml, rules/*.yml]") == [
        "rule_files[1]",
        "rule_files[2]",
    ]


def test_receivers_beside_alertmanagers_are_told(tmp_path: Path) -> None:
    outside = "alerting: {alertmanagers: [{static_configs: [{targets: ['localhost:9093']}]}]}\n"
    receivers = "route: {receiver: a}\nreceivers: [{name: a}]\n"
    assert warned(tmp_path, outside + receivers) == ["receivers"]
    assert warned(tmp_path, outside) == warned(tmp_path, receivers) == []


def test_what_has_an_effect_is_not(tmp_path: Path) -> None:
    text = "global: {evaluation_interval: 15s, external_labels: {site: a}, scrape_interval: 15s}"
    assert warned(tmp_path, text) == []
