"""The configuration chooses the log store; secrets come from their files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from collector.logs_config import LogsConfig
from collector.model.clock import ManualClock
from collector.model.errors import ConfigError
from collector.store.documents.elasticsearch import ElasticsearchLogStore
from collector.store.documents.local import LocalLogStore
from tocsin.logs_wiring import Logs, build_logs


def built(section: dict[str, object], directory: Path) -> Logs:
    config = LogsConfig.model_validate(section)
    return build_logs(config, directory, ManualClock(), CollectorRegistry())


def test_without_a_url_logs_are_kept_in_files(tmp_path: Path) -> None:
    logs = built({}, tmp_path)
    assert isinstance(logs.store, LocalLogStore)
    logs.store.close()


def test_with_a_url_logs_go_to_elasticsearch(tmp_path: Path) -> None:
    logs = built({"elasticsearch": {"url": "http://127.0.0.1:9"}}, tmp_path)
    assert isinstance(logs.store, ElasticsearchLogStore)
    logs.store.close()


def test_a_secret_whose_file_is_absent_is_told(tmp_path: Path) -> None:
    section = {"url": "http://127.0.0.1:9", "api_key_file": str(tmp_path / "key")}
    with pytest.raises(ConfigError, match="can't be read"):
        built({"elasticsearch": section}, tmp_path)
    (tmp_path / "key").write_text("hunter2\n")
    built({"elasticsearch": section}, tmp_path).store.close()


def test_the_client_is_not_imported_for_local_files() -> None:
    code = "import sys, tocsin.logs_wiring; sys.exit('elasticsearch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
