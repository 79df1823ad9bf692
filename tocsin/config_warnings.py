"""What a configuration says that has no effect yet: read without an error, so it must be told."""

from __future__ import annotations

from alerts.config import warnings as alert_warnings
from tocsin.config import Config


def config_warnings(config: Config) -> list[tuple[str, str]]:
    """(field, text) of each setting that changes nothing."""
    found = []
    if "evaluation_interval" in config.global_.model_fields_set:
        text = "no effect: recording and alerting rules are not served yet; SLOs have slos.tick"
        found.append(("global.evaluation_interval", text))
    if config.global_.external_labels:
        found.append(
            ("global.external_labels", "no effect: samples and alerts are not sent on yet")
        )
    return [*found, *alert_warnings(config.alerts)]
