"""Pydantic models of the section `dashboards`."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from collector.config_values import SecretText, at_most_one


class GrafanaConfig(BaseModel):
    """The Grafana that `tocsin dashboards push` sends boards to."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    url: str = ""
    token: SecretText | None = None
    token_file: str = ""
    folder: str = "tocsin"

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        at_most_one(token=self.token, token_file=self.token_file)
        return self


class DatasourceConfig(BaseModel):
    """The Prometheus data source that boards begin with, by Grafana's name and uid of it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    uid: str = Field(min_length=1)


class DashboardsConfig(BaseModel):
    """Section `dashboards`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grafana: GrafanaConfig = GrafanaConfig()
    datasource: DatasourceConfig | None = None
