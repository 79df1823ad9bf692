"""How much a template may do: rules and notifications come from configuration, their data doesn't.

Reaching a limit is a LimitError that names it; nothing is cut silently.
"""

from __future__ import annotations

from collector.model.errors import LimitError

MAX_OUTPUT_CHARS = 1_000_000
"""Text of one rendering, and of any string made on the way; mails of 1 MB are read by nobody."""
MAX_STEPS = 250_000
"""Nodes evaluated in one rendering: about a second."""
MAX_CALL_DEPTH = 100
"""Templates that call each other; one that calls itself without an end stops here."""


def output_limit() -> LimitError:
    """The error for text past MAX_OUTPUT_CHARS."""
    return LimitError(
        f"the template makes more than {MAX_OUTPUT_CHARS:,} characters",
        advice="range over less, or print fewer fields",
    )
