"""`Labels`: an immutable sorted label set with a stable 64-bit hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

METRIC_NAME = "__name__"


class Labels(Mapping[str, str]):
    """An immutable label set, sorted by name; a label with an empty value does not exist.

    Equality and order are those of the sorted (name, value) pairs, as in Prometheus.
    """

    __slots__ = ("_hash", "_pairs")
    _pairs: tuple[tuple[str, str], ...]
    _hash: int

    def __init__(self, labels: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        pairs = labels.items() if isinstance(labels, Mapping) else labels
        self._pairs = tuple(sorted((name, value) for name, value in pairs if value))
        self._hash = hash(self._pairs)

    @classmethod
    def of(cls, name: str = "", /, **labels: str) -> Labels:
        """`Labels.of("up", job="x")`: a metric name and labels as keywords."""
        return cls({METRIC_NAME: name, **labels})

    @property
    def metric_name(self) -> str:
        """The value of `__name__`, or ""."""
        return self.get(METRIC_NAME, "")

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Sorted (name, value) pairs."""
        return self._pairs

    def __getitem__(self, name: str) -> str:
        for key, value in self._pairs:
            if key == name:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._pairs)

    def __len__(self) -> int:
        return len(self._pairs)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Labels):
            return self._pairs == other._pairs
        return NotImplemented

    def __lt__(self, other: Labels) -> bool:
        return self._pairs < other._pairs

    def with_labels(self, **labels: str) -> Labels:
        """A copy with these labels set (an empty value removes)."""
        return Labels({**dict(self._pairs), **labels})

    def merged(self, labels: Mapping[str, str]) -> Labels:
        """A copy with all of `labels` set (an empty value removes)."""
        return Labels({**dict(self._pairs), **labels})

    def without(self, *names: str) -> Labels:
        """A copy that lacks these labels."""
        return Labels(pair for pair in self._pairs if pair[0] not in names)

    def only(self, *names: str) -> Labels:
        """A copy that has no other labels than these."""
        return Labels(pair for pair in self._pairs if pair[0] in names)

    def sharing(self, pool: dict[tuple[str, str], tuple[str, str]]) -> Labels:
        """An equal label set whose pairs are those of `pool`, which learns the ones it lacks.

        For who keeps very many: a set costs its tuple, not its strings.
        """
        other = Labels.__new__(Labels)
        other._pairs = tuple(pool.setdefault(pair, pair) for pair in self._pairs)
        other._hash = self._hash
        return other

    def stable_hash(self) -> int:
        """An unsigned 64-bit hash, equal in every process and on every machine."""
        text = "\xff".join(f"{name}\xff{value}" for name, value in self._pairs)
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")

    def __repr__(self) -> str:
        inner = ", ".join(
            f"{name}={quote(value)}" for name, value in self._pairs if name != METRIC_NAME
        )
        return f"{self.metric_name}{{{inner}}}"

    __str__ = __repr__


class LabelList(list[Labels]):
    """Label sets that come again as the same object, which is never changed.

    So what was found out about all of them may be remembered by the object.
    """


def quote(value: str) -> str:
    r"""A label value in double quotes; `\`, `"` and newline are escaped as in the text format."""
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'


NO_LABELS = Labels()
