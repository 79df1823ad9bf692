"""`Figure`: one measured number, with the peer it was measured beside."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`value` in `unit`; `peer` and `peer_value` when a peer ran beside it in the same call.

    `ratio` is how many times better than the peer: above 1, tocsin wins, whichever way the unit
    counts.
    """

    name: str
    value: float
    unit: str
    peer: str = ""
    peer_value: float | None = None
    ratio: float | None = None

    def to_json(self) -> dict[str, object]:
        """The form in `results.json`, without the name."""
        fields = asdict(self)
        del fields["name"]
        return {key: value for key, value in fields.items() if value not in (None, "")}
