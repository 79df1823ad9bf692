"""Which rule groups one answer shows, and the token that asks for the next ones.

Source: `rules` and `getRuleGroupNextToken` in web/api/v1/api.go of Prometheus 3.14.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from collector.api.parameters import Parameters, invalid
from collector.rules.state import GroupState


def token_of(group: GroupState) -> str:
    """What stands for a group in `group_next_token`."""
    text = f"{group.file};{group.name}"
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def from_token(groups: Sequence[GroupState], given: Parameters) -> Sequence[GroupState]:
    """The groups from that of `group_next_token` on. Raises InputError for an unknown one."""
    token = given.text("group_next_token")
    if not token:
        return groups
    if not group_limit(given):
        raise invalid(
            "group_limit", "group_limit needs to be present in order to paginate over the groups"
        )
    for index, group in enumerate(groups):
        if token_of(group) == token:
            return groups[index:]
    raise invalid(
        "group_next_token", f"invalid group_next_token '{token}'. were rule groups changed?"
    )


def group_limit(given: Parameters) -> int:
    """How many groups at most; 0 where it is not given. Raises InputError below 1."""
    text = given.text("group_limit")
    if not text:
        return 0
    try:
        limit = int(text)
    except ValueError as error:
        raise invalid("group_limit", f"group_limit needs to be a valid number: {text}") from error
    if limit <= 0:
        raise invalid("group_limit", "group_limit needs to be greater than 0")
    return limit
