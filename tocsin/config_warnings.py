"""What a configuration says that has no effect, or leaves open: no error, so it must be told."""

from __future__ import annotations

from alerts.on_call.gap_report import roster_warnings
from alerts.on_call.roster import build_roster
from alerts.rehearsal import failing_templates
from collector.rules.file import rule_paths
from tocsin.config import Config


def config_warnings(config: Config, now_ms: int) -> list[tuple[str, str]]:
    """(field, text) of each setting that changes nothing, and of hours that nobody covers."""
    found = []
    for number, pattern in enumerate(config.rule_files):
        if not rule_paths([pattern], config.file.parent):
            found.append((f"rule_files[{number}]", f"no effect: {pattern} names no file"))
    if config.alerting.alertmanagers and config.alerts.receivers:
        text = "no effect: alerts go to the Alertmanagers of alerting instead; remove one of both"
        found.append(("receivers", text))
    failing = failing_templates(config.alerts, config.alerts_global, config.alert_templates)
    on_call = config.alerts_section.on_call
    return [*found, *failing, *roster_warnings(on_call, build_roster(on_call), now_ms)]
