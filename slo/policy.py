"""`PolicyStep`: what an error-budget policy does when so little of the budget is left. Values."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from collector.model.errors import ConfigError

PREFIX = "policy "


@dataclass(frozen=True, slots=True)
class PolicyStep:
    """At `left_ratio` of the budget or less: an alert to the owner, a POST to `webhook`, a freeze.

    Raises ConfigError for a share that can't be, or a step that does nothing.
    """

    left_ratio: Fraction
    notify: bool = False
    freeze: bool = False
    webhook: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.left_ratio < 1:
            raise ConfigError("a share of the budget is from 0 to below 100 %")
        if not (self.notify or self.freeze or self.webhook):
            raise ConfigError("the step does nothing", advice="write notify, freeze or webhook")

    @property
    def percent(self) -> str:
        """`25%`."""
        return f"{float(self.left_ratio * 100):g}%"

    @property
    def condition(self) -> str:
        """`policy 25%`: the condition that it is in force."""
        return f"{PREFIX}{self.percent}"

    @property
    def text(self) -> str:
        """What it does, in words."""
        said = {
            "notifies the owner": self.notify,
            f"tells {self.webhook}": bool(self.webhook),
            "freezes changes": self.freeze,
        }
        return ", ".join(text for text, is_done in said.items() if is_done)
