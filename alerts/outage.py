"""`OutageMemory`: what receivers were told, remembered for the time in which no database says it.

A page that is new is decided from this memory once the database has failed for long, and sent
although nothing durable knows of it: whoever is on call would rather be told twice than not. What
can wait (repeats, resolves, changes) waits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from alerts.dedup import Told
from alerts.delivery_log import Decision
from alerts.notification import Reason

PAGES = frozenset({Reason.FIRST, Reason.NEW_ALERTS})
"""That something is wrong which nobody knows of yet."""
Key = tuple[str, str]


class OutageMemory:
    """Told by (group key, integration). Not safe for threads: the service holds its lock."""

    def __init__(self, owes_marks: Callable[[str], bool]) -> None:
        """`owes_marks`: whether an integration has sent what the database does not know yet."""
        self._owes_marks = owes_marks
        self._known: dict[Key, Told] = {}
        self._unsaved: dict[Key, Told] = {}

    def remember(self, told: Mapping[Key, Told], decisions: Iterable[Decision]) -> None:
        """Note what the database said, and what it took."""
        self._known.update(told)
        self._known.update(((one.group_key, one.integration), one.told) for one in decisions)

    def over(self, told: Mapping[Key, Told]) -> dict[Key, Told]:
        """What the database said, with what was told since and is not in it yet."""
        self._unsaved = {k: v for k, v in self._unsaved.items() if self._owes_marks(k[1])}
        return {**told, **self._unsaved}

    def told(self) -> Mapping[Key, Told]:
        """What was told, as far as this process knows."""
        return {**self._known, **self._unsaved}

    def pages(self, decisions: Iterable[Decision]) -> Sequence[Decision]:
        """Those decisions that can't wait; they count as told from now on."""
        found = [one for one in decisions if one.notification and one.notification.reason in PAGES]
        self._unsaved.update(((one.group_key, one.integration), one.told) for one in found)
        return found

    def forget(self, group_keys: Iterable[str]) -> None:
        """Let go of groups that are gone."""
        gone = set(group_keys)
        if gone:
            self._known = {key: told for key, told in self._known.items() if key[0] not in gone}
