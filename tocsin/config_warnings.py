"""What a configuration says that has no effect yet: read without an error, so it must be told."""

from __future__ import annotations

from alerts.rehearsal import failing_templates
from collector.rules.file import rule_paths
from tocsin.config import Config


def config_warnings(config: Config) -> list[tuple[str, str]]:
    """(field, text) of each setting that changes nothing."""
    found = []
    for number, pattern in enumerate(config.rule_files):
        if not rule_paths([pattern], config.file.parent):
            found.append((f"rule_files[{number}]", f"no effect: {pattern} names no file"))
    failing = failing_templates(config.alerts, config.alerts_global, config.alert_templates)
    return [*found, *failing]
