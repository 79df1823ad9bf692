"""The section `alerts` of the configuration: what Alertmanager's own sections have no place for."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from alerts.config_values import MASK, SecretText, Section
from alerts.database import postgres_url
from alerts.on_call.config import OnCallConfig
from alerts.silence_config import SilencesConfig
from collector.model.errors import ConfigError
from collector.model.secrets import Secret


def _postgres_url(secret: Secret) -> Secret:
    if secret.reveal() != MASK:
        try:
            postgres_url(secret)
        except ConfigError as error:
            raise ValueError(str(error)) from None
    return secret


class AlertsSection(Section):
    """`database_url` is PostgreSQL's; without one, the state is a file of the data directory.

    `on_call` holds people, their schedules and escalations; `silences` what Alertmanager's lack.
    """

    database_url: Annotated[SecretText, AfterValidator(_postgres_url)] | None = None
    on_call: OnCallConfig = OnCallConfig()
    silences: SilencesConfig = SilencesConfig()
