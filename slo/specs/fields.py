"""`Fields`: a mapping of a YAML document whose every read checks the type and knows its line.

Readers of spec formats are written with it; errors are ConfigErrors with file, line, field and, for
a name that is nearly right, what was probably meant.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import date, datetime, time
from fractions import Fraction
from types import MappingProxyType
from typing import TypeVar

from collector.model.durations import parse_duration_ms
from collector.model.errors import ConfigError, InputError, Where
from collector.model.yaml_document import Path, YamlDocument

Made = TypeVar("Made")


class Fields:
    """The mapping at `path` of a document."""

    def __init__(
        self,
        document: YamlDocument,
        path: Path = (),
        known: Collection[str] = (),
        spelling: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """`spelling` says how this document writes a name that readers know by another.

        Raises ConfigError when the place holds no mapping, or has a name outside of `known`.
        """
        self._spelling = spelling
        value: object = document.data
        for part in path:
            value = value[part]  # type: ignore[index] # the path was walked on the way here
        self._document = document
        self._path = path
        if not isinstance(value, dict):
            raise ConfigError("a mapping is expected here", where=document.where(path))
        self._values: Mapping[str, object] = value
        if known:
            self._refuse_unknown(known)

    def __contains__(self, name: str) -> bool:
        return self._values.get(self._spelled(name)) is not None

    def where(self, name: str = "") -> Where:
        """The place of one field, or of the mapping."""
        return self._document.where((*self._path, self._spelled(name)) if name else self._path)

    def error(self, name: str, message: str, advice: str = "") -> ConfigError:
        """An error about one field."""
        return ConfigError(message, where=self.where(name), advice=advice)

    def text(self, name: str, default: str | None = None) -> str:
        """A text; numbers are taken as they print. Raises ConfigError when it is missing."""
        value = self._get(name, default)
        if isinstance(value, bool | dict | list):
            raise self.error(name, f"{name} must be text")
        return str(value).strip()

    def flag(self, name: str) -> bool:
        """true or false; false when it is not written."""
        value = self._values.get(self._spelled(name), False)
        if not isinstance(value, bool):
            raise self.error(name, f"{name} must be true or false")
        return value

    def number(self, name: str) -> Fraction:
        """A number exactly as it is written in decimals."""
        value = self._get(name, None)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(name, f"{name} must be a number, not {value!r}")
        try:
            return Fraction(str(value))
        except ValueError as error:
            raise self.error(name, f"{name} must be a finite number") from error

    def duration_ms(self, name: str) -> int:
        """A duration such as `30d`, in milliseconds."""
        try:
            return parse_duration_ms(self.text(name))
        except InputError as error:
            raise self.error(name, error.message, error.advice) from error

    def moment(self, name: str) -> datetime:
        """A local time without a zone: `2026-01-01 00:00:00`, or a day alone."""
        value = self._get(name, None)
        if isinstance(value, date) and not isinstance(value, datetime):
            return datetime.combine(value, time())
        try:
            found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
        except ValueError as error:
            raise self.error(
                name, f"{value!r} is not a time", "write it as 2026-01-31 00:00:00"
            ) from error
        return found.replace(tzinfo=None)

    def texts(self, name: str) -> dict[str, str]:
        """A mapping of names to texts; {} when it is not written."""
        inner = self.mapping(name) if name in self else None
        return {key: inner.text(key) for key in inner.names()} if inner else {}

    def words(self, name: str) -> list[str]:
        """A list of texts; [] when it is not written."""
        value = self._values.get(self._spelled(name))
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self.error(name, f"{name} must be a list of texts")
        return list(value)

    def whole(self, name: str, default: int) -> int:
        """A whole number over 0."""
        value = self._values.get(self._spelled(name), default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.error(name, f"{name} must be a whole number over 0")
        return value

    def mapping(self, name: str, known: Collection[str] = ()) -> Fields:
        """The mapping under a name. Raises ConfigError when it is missing."""
        self._get(name, None)
        path = (*self._path, self._spelled(name))
        return Fields(self._document, path, known, self._spelling)

    def items(self, name: str, known: Collection[str] = ()) -> Iterator[Fields]:
        """The mappings of a list."""
        value = self._get(name, None)
        if not isinstance(value, list):
            raise self.error(name, f"{name} must be a list")
        for position in range(len(value)):
            path = (*self._path, self._spelled(name), position)
            yield Fields(self._document, path, known, self._spelling)

    def is_mapping(self, name: str) -> bool:
        """Whether a mapping stands under a name."""
        return isinstance(self._values.get(self._spelled(name)), dict)

    def names(self) -> list[str]:
        """Names that are written and not null."""
        return [name for name, value in self._values.items() if value is not None]

    def made(self, name: str, make: Callable[[], Made]) -> Made:
        """What `make` returns; its ConfigError is told with this field's place."""
        try:
            return make()
        except ConfigError as error:
            if str(error.where):
                raise
            raise self.error(name, error.message, error.advice) from error

    def _get(self, name: str, default: object) -> object:
        value = self._values.get(self._spelled(name))
        if value is not None:
            return value
        if default is None:
            spelled = self._spelled(name)
            raise ConfigError(f"{spelled} is missing", where=self.where(), advice=f"add {spelled}")
        return default

    def _spelled(self, name: str) -> str:
        return self._spelling.get(name, name)

    def _refuse_unknown(self, known: Collection[str]) -> None:
        known = [self._spelled(name) for name in known]
        for name in self._values:
            if name not in known:
                near = difflib.get_close_matches(name, sorted(known), n=1)
                advice = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
                raise self.error(name, f"no such field: {name!r}", advice)
