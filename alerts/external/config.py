"""Pydantic models of the section `alerting`: which Alertmanagers get tocsin's alerts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from alerts.config_values import DurationMs, NotYet, Section
from alerts.http_config import HttpConfig


class StaticTargets(Section):
    """Alertmanagers by address."""

    targets: tuple[str, ...]
    labels: NotYet = None

    @field_validator("targets")
    @classmethod
    def _addresses(cls, targets: tuple[str, ...]) -> tuple[str, ...]:
        for target in targets:
            if "/" in target or not target:
                raise ValueError(f"{target!r} is no host:port (scheme and path_prefix stand apart)")
        return targets


class AlertmanagerConfig(HttpConfig):
    """Alertmanagers that are reached alike."""

    scheme: Literal["http", "https"] = "http"
    path_prefix: str = ""
    timeout: DurationMs = Field(default=10_000, gt=0)
    api_version: Literal["v2"] = "v2"
    static_configs: tuple[StaticTargets, ...] = ()
    relabel_configs: NotYet = None
    alert_relabel_configs: NotYet = None
    file_sd_configs: NotYet = None
    http_sd_configs: NotYet = None
    dns_sd_configs: NotYet = None
    kubernetes_sd_configs: NotYet = None
    consul_sd_configs: NotYet = None
    ec2_sd_configs: NotYet = None
    sigv4: NotYet = None

    def urls(self) -> list[str]:
        """Where alerts are posted."""
        prefix = self.path_prefix.strip("/")
        path = f"/{prefix}/api/v2/alerts" if prefix else "/api/v2/alerts"
        targets = (target for group in self.static_configs for target in group.targets)
        return [f"{self.scheme}://{target}{path}" for target in targets]


class AlertingConfig(Section):
    """`alertmanagers` get tocsin's own alerts; without any, tocsin routes them itself."""

    alertmanagers: tuple[AlertmanagerConfig, ...] = ()
    alert_relabel_configs: NotYet = None
