"""What Prometheus's API tells of the process: its settings by the names that Prometheus gave them.

A `collector.api.process_status.ProcessStatus`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collector.api.process_status import RuntimeStatus
from collector.model.durations import format_duration
from tocsin.config_text import config_text
from tocsin.query_wiring import engine_options
from tocsin.wiring import Parts


@dataclass(slots=True)
class ConfigReadings:
    """When the configuration was last read with success, and whether the last try was one."""

    started_ms: int
    read_ms: int
    succeeded: bool = True


class RunningProcess:
    """The parts and the readings, as the API asks for them."""

    def __init__(self, parts: Parts, readings: Callable[[], ConfigReadings]) -> None:
        self._parts = parts
        self._readings = readings

    def runtime(self) -> RuntimeStatus:
        """How it runs."""
        readings = self._readings()
        status = self._parts.store.status()
        return RuntimeStatus(
            started_ms=readings.started_ms,
            config_read_ms=readings.read_ms,
            reload_succeeded=readings.succeeded,
            corruptions=status.damaged_records,
            retention=format_duration(self._parts.config.storage.retention_time),
        )

    def config_yaml(self) -> str:
        """The configuration that holds, as YAML, secrets masked."""
        return config_text(self._parts.config)

    def flags(self) -> Mapping[str, str]:
        """Settings by the names of Prometheus's flags."""
        config = self._parts.config
        query = engine_options(config.query)
        return {
            "config.file": str(config.file),
            "query.lookback-delta": format_duration(query.lookback_ms),
            "query.max-concurrency": str(query.max_concurrency),
            "query.max-samples": str(query.max_samples),
            "query.timeout": format_duration(round(query.timeout_seconds * 1000)),
            "storage.tsdb.path": str(self._parts.directory),
            "storage.tsdb.retention.time": format_duration(config.storage.retention_time),
            "web.cors.origin": config.web.cors_origin,
            "web.enable-admin-api": _flag(config.web.enable_admin_api),
            "web.enable-lifecycle": _flag(True),
            "web.enable-remote-write-receiver": _flag(True),
            "web.external-url": self._parts.external_url,
            "web.listen-address": config.web.listen_address,
        }


def _flag(value: bool) -> str:
    return "true" if value else "false"
