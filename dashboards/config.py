"""Pydantic models of the section `dashboards`."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from collector.config_values import SecretText, Section, at_most_one


class GrafanaConfig(Section):
    """The Grafana that `tocsin dashboards push` sends boards to."""

    url: str = ""
    token: SecretText | None = None
    token_file: str = ""
    folder: str = "tocsin"

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        at_most_one(token=self.token, token_file=self.token_file)
        return self


class DatasourceConfig(Section):
    """The Prometheus data source that boards begin with, by Grafana's name and uid of it."""

    name: str = Field(min_length=1)
    uid: str = Field(min_length=1)


class DashboardsConfig(Section):
    """Section `dashboards`."""

    grafana: GrafanaConfig = GrafanaConfig()
    datasource: DatasourceConfig | None = None
