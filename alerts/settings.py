"""`Settings`: a configuration of alerts as rounds and views need it; a reload makes another one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from alerts.config import AlertmanagerGlobal, AlertsConfig
from alerts.dispatch import Hiding
from alerts.inhibit import Inhibitor, InhibitRule, build_rules
from alerts.mute_times import TimeInterval
from alerts.silence import Silence
from collector.model.labels import Labels


@dataclass(frozen=True, slots=True)
class Settings:
    """Routes, defaults and rules, checked and compiled."""

    config: AlertsConfig
    global_: AlertmanagerGlobal
    inhibit: tuple[InhibitRule, ...]
    intervals: Mapping[str, tuple[TimeInterval, ...]]

    def inhibitor(self, firing: Iterable[Labels]) -> Inhibitor:
        """What hides alerts while these fire."""
        return Inhibitor(self.inhibit, firing)

    def hiding(self, inhibitor: Inhibitor, silences: Sequence[Silence], now_ms: int) -> Hiding:
        """All that holds alerts back at a moment."""
        return Hiding(inhibitor, silences, self.intervals, now_ms)


def settings_of(config: AlertsConfig, global_: AlertmanagerGlobal) -> Settings:
    """The settings of a checked configuration."""
    named = (*config.time_intervals, *config.mute_time_intervals)
    intervals = {
        entry.name: tuple(spec.interval() for spec in entry.time_intervals) for entry in named
    }
    return Settings(config, global_, build_rules(config.inhibit_rules), intervals)
