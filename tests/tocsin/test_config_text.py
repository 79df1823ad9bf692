from pathlib import Path

from tocsin.config import load_config
from tocsin.config_text import config_text

YAML = """\
global: {scrape_interval: 15s, external_labels: {site: x}}
web: {external_url: "https://tocsin.example"}
storage: {retention_time: 30d}
scrape_configs:
- job_name: shop
  body_size_limit: 64MB
  basic_auth: {username: bob, password: hunter2}
  static_configs: [{targets: ["a:1"]}]
- job_name: bearer
  authorization: {credentials: hunter2}
rule_files: ["rules/*.yml"]
remote_write:
- url: "https://far.example/api/v1/write"
  basic_auth: {username: bob, password: hunter2}
route: {receiver: team}
receivers:
- name: team
  webhook_configs: [{url: "https://bob:hunter2@hooks.example/x"}]
"""


def text_of(tmp_path: Path, yaml: str) -> str:
    file = tmp_path / "tocsin.yaml"
    file.write_text(yaml)
    return config_text(load_config(file, {}))


def test_no_secret_is_written_back(tmp_path: Path) -> None:
    text = text_of(tmp_path, YAML)
    assert "hunter2" not in text
    assert text.count("<secret>") >= 3


def test_what_was_set_is_written_back_as_it_was(tmp_path: Path) -> None:
    text = text_of(tmp_path, YAML)
    for line in (
        "scrape_interval: 15s",
        "retention_time: 30d",
        "body_size_limit: 64MB",
        "- rules/*.yml",
    ):
        assert line in text
    assert "metrics_path" not in text


def test_it_can_be_read_again(tmp_path: Path) -> None:
    first = text_of(tmp_path, YAML.replace("https://bob:hunter2@", "https://"))
    assert text_of(tmp_path, first) == first


def test_nothing_set_is_nothing_told(tmp_path: Path) -> None:
    assert text_of(tmp_path, "") == ""
