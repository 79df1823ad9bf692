"""Silences by the configuration: recurring ones, the policy, reminders through the alert sink."""

from __future__ import annotations

from dataclasses import dataclass

from alerts.service import AlertService
from alerts.silence_book import SilenceRules
from alerts.silence_config import SilencesConfig
from alerts.silence_recurring import RecurringSilences
from alerts.silence_reminders import SilenceReminders
from collector.model.alert import AlertSink
from collector.model.labels import Labels


@dataclass(slots=True)
class SilenceParts:
    """The parts beside the service; `tick` is called every few seconds."""

    service: AlertService
    reminders: SilenceReminders

    def apply(self, config: SilencesConfig) -> None:
        """Take a configuration over."""
        self.service.silences.apply(rules_of(config, self.service))
        self.reminders.after_ms = config.remind_after

    def tick(self, now_ms: int) -> None:
        """Remind of long silences, where this instance is the one that acts."""
        self.reminders.tick(now_ms, self.service.leadership.epoch > 0)


def build_silences(service: AlertService, sink: AlertSink, config: SilencesConfig) -> SilenceParts:
    """The parts over a service that has not started."""
    reminders = SilenceReminders(service.silences, service.alerts, sink, config.remind_after)
    parts = SilenceParts(service, reminders)
    parts.apply(config)
    return parts


def rules_of(config: SilencesConfig, service: AlertService) -> SilenceRules:
    """The rules as the book of silences asks them."""

    def firing() -> list[Labels]:
        return [view.stored.alert.labels for view in service.alerts()]

    return SilenceRules(RecurringSilences(config.recurring), config.policy.policy(), firing)
