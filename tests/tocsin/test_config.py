"""Every error of a configuration is found in one run, each with file, line, field and advice."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from collector.config_errors import ManyConfigErrors
from collector.model.errors import ConfigError
from tocsin.__main__ import command_line
from tocsin.config import Config, load_config
from tocsin.packs import EMBEDDED_CONFIG

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"TOCSIN_ADDRESS": "127.0.0.1:9900", "SLACK_URL": "https://hooks.example.net/x"}


def loaded(directory: Path, text: str) -> Config:
    file = directory / "tocsin.yaml"
    file.write_text(text)
    return load_config(file, ENVIRONMENT)


def errors(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(directory, text)
    found = caught.value
    many = found.errors if isinstance(found, ManyConfigErrors) else [found]
    return [str(one).removeprefix(f"{directory}/") for one in many]


def test_an_empty_file_is_a_configuration(tmp_path: Path) -> None:
    config = loaded(tmp_path, "")
    assert config.scrape_configs == []
    assert config.web.listen_address == "127.0.0.1:9900"


@pytest.mark.parametrize("file", [EMBEDDED_CONFIG, ROOT / "examples" / "shop" / "tocsin.yaml"])
def test_the_files_that_are_shipped_are_right(file: Path) -> None:
    config = load_config(file, ENVIRONMENT)
    assert config.objectives
    assert config.scrape_configs


def test_files_of_prometheus_and_alertmanager_paste_in(tmp_path: Path) -> None:
    config = loaded(
        tmp_path,
        """
global:
  scrape_interval: 15s
  external_labels: {site: a}
  resolve_timeout: 5m
  slack_api_url: ${SLACK_URL}
scrape_configs:
  - job_name: node
    static_configs: [{targets: ["10.0.0.1:9100"]}]
    relabel_configs:
      - {source_labels: [__address__], regex: '(.+):\\d+', replacement: '${1}', target_label: host}
route: {receiver: team, group_by: [job], routes: [{matchers: [severity="page"], receiver: team}]}
receivers: [{name: team, slack_configs: [{channel: '#a'}]}]
""",
    )
    assert config.global_.scrape_interval == 15_000
    assert config.scrape_configs[0].relabel_configs[0].replacement == "${1}"
    assert config.alerts_global.slack_api_url is not None
    assert "hooks.example" not in repr(config)


def test_every_section_s_errors_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = errors(
        tmp_path,
        """
global:
  scrape_intervall: 15s
scrape_configs:
  - job_name: a
    scrape_interval: 15 seconds
    consul_sd_configs: [{role: pod}]
slos:
  tick: 15
tracing: {endpoint: x}
""",
    )
    assert [line.split(":")[1] for line in found] == ["3", "6", "7", "9", "10"]
    assert "did you mean 'scrape_interval'" in found[0]
    assert "not a valid duration" in found[1]
    assert "consul_sd_configs is not supported yet" in found[2]
    assert "slos.tick" in found[3]
    assert "tracing is not supported yet" in found[4]


def test_a_receiver_that_does_not_exist_is_told(tmp_path: Path) -> None:
    (only,) = errors(tmp_path, "route: {receiver: nobody}\nreceivers: [{name: team}]\n")
    assert "nobody" in only


def test_a_receiver_that_lacks_its_address_is_told_with_its_line(tmp_path: Path) -> None:
    text = "route: {receiver: a}\nreceivers:\n  - name: a\n    slack_configs:\n      - channel: x\n"
    (only,) = errors(tmp_path, text)
    assert only.startswith("tocsin.yaml:5: receivers[0].slack_configs[0]")


def test_two_sections_of_one_name_are_told(tmp_path: Path) -> None:
    (only,) = errors(tmp_path, "scrape_configs:\n  - job_name: a\n  - job_name: a\n")
    assert only.startswith("tocsin.yaml:3: scrape_configs[1].job_name: two scrape sections")


def test_an_objective_s_error_is_placed_in_its_own_file(tmp_path: Path) -> None:
    (tmp_path / "slos.yaml").write_text(
        "version: prometheus/v1\nservice: a\nslos:\n  - name: b\n    objective: 100\n"
        "    sli: {events: {error_query: x, total_query: y}}\n    alerting: {}\n"
    )
    (only,) = errors(tmp_path, "slos: {files: [slos.yaml]}\n")
    assert only.startswith("slos.yaml:5")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[1, 2]", "must be a mapping"),
        ("a: 1\n---\nb: 2\n", "more than one YAML document"),
        ("global: [", "not YAML"),
        ("route:\n  receiver: ${NOT_SET}\n", "NOT_SET is not set"),
        ("slos: {files: [nothing-*.yaml]}", "no file matches"),
    ],
)
def test_a_file_that_is_no_configuration_is_told(tmp_path: Path, text: str, part: str) -> None:
    (only,) = errors(tmp_path, text)
    assert only.startswith("tocsin.yaml") or "slos" in only
    assert part in only


def test_a_directory_and_a_missing_file_are_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.yaml"):
        with pytest.raises(ConfigError, match="can't be read"):
            load_config(path, {})


def test_the_command_prints_every_error_and_exits_with_2(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text("webb: {}\nstorage: {retention_time: x}\n")
    run = CliRunner().invoke(command_line(), ["check", str(file)])
    assert run.exit_code == 2
    assert f"{file}:1: webb" in run.output
    assert "did you mean 'web'?" in run.output
    assert "2 errors" in run.output
    as_json = CliRunner().invoke(command_line(), ["check", str(file), "--output", "json"])
    assert as_json.exit_code == 2
    assert '"line": 2' in as_json.output


def test_the_command_says_that_a_file_is_right() -> None:
    run = CliRunner().invoke(command_line(), ["check", str(EMBEDDED_CONFIG)])
    assert run.exit_code == 0
    assert "4 objectives" in run.output


def test_sections_whose_lines_are_all_commented_out_are_empty(tmp_path: Path) -> None:
    config = loaded(tmp_path, "scrape_configs:\nroute:\nreceivers:\nglobal:\nslos:\nweb:\n")
    assert config.scrape_configs == []


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("web: false\n", 1, "web: must be a mapping of fields"),
        ("global: 3\n", 1, "global: must be a mapping of fields"),
        ("\nscrape_configs: x\n", 2, "scrape_configs: must be a list"),
        ("web:\n  external_url: 3\n", 2, "web.external_url: must be text (put it in quotes)"),
        ("web:\n  external_url: 'javascript:x'\n", 2, "not an http or https URL"),
        ("web:\n  listen_address: nonsense\n", 2, "not an address to listen on"),
        ("web:\n  listen_address: '127.0.0.1:70000'\n", 2, "not an address to listen on"),
        ("web:\n  external_url: 2001-99-99\n", 2, "month must be in 1..12"),
        ("web:\n  external_url: !!int 'x'\n", 2, "invalid literal"),
        ("storage:\n  max_series: " + "9" * 5000 + "\n", 2, "4300 digits"),
        ("a: " + "[" * 5000 + "]" * 5000 + "\n", 1, "levels deep"),
        ("a: 1\nb: '\x00'\n", 2, "U+0000 is not allowed"),
        ("web: {}\n---\nslos: {}\n", 3, "more than one YAML document"),
        ("slos:\n  files: [none.yaml]\n", 2, "no file matches"),
    ],
)
def test_every_mistake_has_its_line_and_an_advice(
    tmp_path: Path, text: str, line: int, part: str
) -> None:
    (only,) = errors(tmp_path, text)
    assert only.startswith(f"tocsin.yaml:{line}: ")
    assert part in only
    assert only.endswith(")")


def test_a_file_in_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_bytes(b"web:\n  external_url: '\xff'\n")
    with pytest.raises(ConfigError, match=r"tocsin.yaml:2: not UTF-8: the byte 0xff"):
        load_config(file, {})


def test_a_directory_in_the_place_of_the_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load_config(tmp_path, {})
