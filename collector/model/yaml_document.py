"""YAML whose every value knows its line, so that an error can say where it is.

Reads the safe subset only (no tags that make objects). Duplicate keys are errors, as silent
overwriting hides mistakes; aliases work, with a limit on how far they may unfold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml

from collector.model.errors import ConfigError, Where

Path = tuple[str | int, ...]

MAX_VALUES = 1_000_000
"""Values in one document after aliases are unfolded: an alias bomb stops here."""
MAX_DEPTH = 100
MAX_DEPTH_SHOWN = 5
_NULL = "tag:yaml.org,2002:null"
ADVICE = "write it as plain YAML: mappings, lists, text in quotes"


@dataclass(frozen=True, slots=True)
class YamlDocument:
    """One document: `data` as plain Python values, `lines` from a path to its 1-based line."""

    file: str
    data: object
    lines: Mapping[Path, int]

    def where(self, path: Path) -> Where:
        """The place of a path, or of its nearest ancestor that is written in the file."""
        known = path
        while known not in self.lines and known:
            known = known[:-1]
        return Where(self.file, self.lines.get(known, 1), dotted(path))


def dotted(path: Path) -> str:
    """`("route", "routes", 0, "receiver")` as `route.routes[0].receiver`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def path_of(field: str) -> Path:
    """What `dotted` wrote, as a path again."""
    parts = re.findall(r"\[(\d+)\]|([^.\[\]]+)", field)
    return tuple(int(index) if index else name for index, name in parts)


def read_yaml(text: str, file: str, *, scalars_as_text: bool = False) -> list[YamlDocument]:
    """Every document of `text`; empty ones are left out.

    `scalars_as_text`: what is not null stays the text that was written (`1.50`, `yes`), for who
    knows better than YAML which values are numbers.
    Raises ConfigError with file and line for a text that is not YAML.
    """
    try:
        nodes = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
        documents = [
            _Reader(file, scalars_as_text).document(node) for node in nodes if node is not None
        ]
        return [document for document in documents if document.data is not None]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError(
            f"not YAML: {error.problem}", where=Where(file, line), advice="mend the syntax there"
        ) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ConfigError(
            f"not YAML: the character U+{ord(text[error.position]):04X} is not allowed",
            where=Where(file, line),
            advice="write it as an escape in double quotes, or remove it",
        ) from error
    except RecursionError as error:
        raise ConfigError(
            f"over {MAX_DEPTH} levels deep", where=Where(file, 1), advice="flatten it"
        ) from error


def only_document(text: str, file: str, *, scalars_as_text: bool = False) -> YamlDocument | None:
    """The same for a file that has one document; None for an empty one."""
    documents = read_yaml(text, file, scalars_as_text=scalars_as_text)
    if len(documents) > 1:
        raise ConfigError(
            "more than one YAML document",
            where=Where(file, documents[1].lines[()]),
            advice="remove the `---` lines",
        )
    return documents[0] if documents else None


class _Reader:
    def __init__(self, file: str, scalars_as_text: bool) -> None:
        self._file = file
        self._scalars_as_text = scalars_as_text
        self._lines: dict[Path, int] = {}
        self._construct = yaml.SafeLoader("").construct_object

    def document(self, node: yaml.Node) -> YamlDocument:
        data = self._value(node, ())
        return YamlDocument(self._file, data, self._lines)

    def _value(self, node: yaml.Node, path: Path) -> object:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if len(self._lines) > MAX_VALUES or len(path) > MAX_DEPTH:
            raise self._error(node, f"over {MAX_VALUES:,} values or {MAX_DEPTH} levels deep", path)
        if isinstance(node, yaml.MappingNode):
            return dict(self._entries(node, path))
        if isinstance(node, yaml.SequenceNode):
            return [self._value(child, (*path, i)) for i, child in enumerate(node.value)]
        if self._scalars_as_text and node.tag != _NULL:
            return str(node.value)
        try:
            value: object = self._construct(node)
        except (yaml.constructor.ConstructorError, ValueError) as error:
            reason = getattr(error, "problem", error)
            raise self._error(node, f"no such value: {reason}", path) from error
        return value

    def _entries(self, node: yaml.MappingNode, path: Path) -> Iterator[tuple[str, object]]:
        seen: set[str] = set()
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key must be plain text", path)
            key = str(key_node.value)
            if key in seen:
                raise self._error(key_node, f"the key {key!r} stands twice in this mapping", path)
            seen.add(key)
            child = (*path, key)
            self._lines[child] = key_node.start_mark.line + 1
            yield key, self._value(value_node, child)

    def _error(self, node: yaml.Node, message: str, path: Path) -> ConfigError:
        field = dotted(path[:MAX_DEPTH_SHOWN])
        where = Where(self._file, node.start_mark.line + 1, field)
        return ConfigError(message, where=where, advice=ADVICE)
