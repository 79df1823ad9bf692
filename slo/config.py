"""Pydantic models of the section `slos`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import Field, field_validator, model_validator

from collector.config_values import DurationMs, Section
from collector.model.errors import ConfigError
from slo.burn_rate import Tier
from slo.config_maintenance import MaintenanceConfig
from slo.config_policies import PolicyWebhookConfig
from slo.objective import Objective, Severity
from slo.window import DAY_MS

DEFAULT_TICK_MS = 15_000
DEFAULT_MAX_EXCLUDED_RATIO = 0.05
"""A day and a half of a month."""


DEFAULT_FORECAST_MS = 3 * DAY_MS
"""Long enough to do something about it in working hours."""
MAX_FORECAST_MS = 30 * DAY_MS


class TierConfig(Section):
    """One entry of `slos.burn_rate_tiers`."""

    severity: Severity
    long: DurationMs = Field(ge=1000)
    short: DurationMs = Field(ge=1000)
    factor: float = Field(gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _short_is_shorter(self) -> TierConfig:
        if self.short > self.long:
            raise ValueError("short must not be longer than long")
        return self

    def tier(self) -> Tier:
        """The tier as it is judged."""
        return Tier(self.severity, self.long, self.short, self.factor)


class SloConfig(Section):
    """Section `slos`: where objectives are written, how often they are judged, and by what tiers.

    Without `burn_rate_tiers` each budget window has the SRE workbook's. `budget_alerts` are shares
    of the budget, such as 0.1: a ticket when no more than that is left. `budget_forecast` is how
    far ahead a budget's end is a ticket; 0s for never. `max_excluded_ratio` of the window may be
    left out by corrections before a warning says so. Error-budget policies post to `webhooks`.
    """

    files: list[str] = Field(default_factory=list)
    tick: DurationMs = Field(default=DEFAULT_TICK_MS, ge=100, le=60_000)
    burn_rate_tiers: list[TierConfig] = Field(default_factory=list, max_length=16)
    no_data_alert: bool = True
    sloth_names: bool = False
    budget_alerts: list[float] = Field(default_factory=list, max_length=8)
    budget_forecast: DurationMs = Field(default=DEFAULT_FORECAST_MS, ge=0, le=MAX_FORECAST_MS)
    maintenance: list[MaintenanceConfig] = Field(default_factory=list, max_length=200)
    webhooks: list[PolicyWebhookConfig] = Field(default_factory=list, max_length=50)
    max_excluded_ratio: float = Field(default=DEFAULT_MAX_EXCLUDED_RATIO, ge=0, le=1)

    @field_validator("files")
    @classmethod
    def _no_empty_pattern(cls, files: list[str]) -> list[str]:
        if not all(files):
            raise ValueError("a file name is empty")
        return files

    @field_validator("maintenance")
    @classmethod
    def _names_differ(cls, found: list[MaintenanceConfig]) -> list[MaintenanceConfig]:
        if len({one.name for one in found}) < len(found):
            raise ValueError("two maintenance windows have one name")
        return found

    @field_validator("webhooks")
    @classmethod
    def _webhooks_differ(cls, found: list[PolicyWebhookConfig]) -> list[PolicyWebhookConfig]:
        if len({one.name for one in found}) < len(found):
            raise ValueError("two webhooks have one name")
        return found

    @field_validator("budget_alerts")
    @classmethod
    def _are_shares(cls, levels: list[float]) -> list[float]:
        if not all(0 <= level < 1 for level in levels):
            raise ValueError("a share of the budget is from 0 to below 1: 0.1 is a tenth")
        return levels

    def paths(self, base: Path) -> list[Path]:
        """The files that the patterns name, relative to `base`, sorted within each pattern.

        Raises ConfigError for a pattern that names no file.
        """
        found: dict[Path, None] = {}
        for pattern in self.files:
            matches = sorted(_matches(base, pattern))
            if not matches:
                raise ConfigError(
                    f"slos.files: no file matches {pattern!r}",
                    advice=f"patterns are relative to {base.absolute()}",
                )
            found.update(dict.fromkeys(matches))
        return list(found)

    def check_policies(self, objectives: Sequence[Objective]) -> None:
        """Raises ConfigError for a policy that posts to a webhook that is not there."""
        known = {one.name for one in self.webhooks}
        for one in objectives:
            for step in one.policy:
                if step.webhook and step.webhook not in known:
                    raise ConfigError(
                        f"the policy of {one.id} posts to {step.webhook!r}, which is no webhook",
                        where=one.where,
                        advice="add it to slos.webhooks",
                    )

    def tiers(self) -> tuple[Tier, ...]:
        """The tiers that replace the workbook's; empty to keep those."""
        return tuple(config.tier() for config in self.burn_rate_tiers)


def _matches(base: Path, pattern: str) -> list[Path]:
    path = Path(pattern)
    if path.is_absolute():
        root = Path(path.anchor)
        return [one for one in root.glob(str(path.relative_to(root))) if one.is_file()]
    return [one for one in base.glob(pattern) if one.is_file()]
