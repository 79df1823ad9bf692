"""`Figure`: one measured number, with the peer it was measured beside."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`; `peer` and `peer_value` when a peer ran beside it in the same call.

    `ratio` is how many times better than the peer: above 1, tocsin wins, whichever way the unit
    counts. `at_most` is the goal where there is one.
    """

    name: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None
    at_most: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the goal is met; nothing without one."""
        if self.at_most is None:
            return ""
        return "met" if self.value <= self.at_most else "missed"

    def to_json(self) -> dict[str, object]:
        """The form in `results.json`, without the name."""
        fields = asdict(self)
        del fields["name"]
        return {key: value for key, value in fields.items() if value not in (None, "")}
