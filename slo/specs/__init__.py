"""`READERS`: apiVersion -> reader of that format; `load_objectives` reads files of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from collector.model.errors import ConfigError, Where
from collector.model.text_file import read_text
from collector.model.yaml_document import YamlDocument, read_yaml
from slo.objective import Objective
from slo.specs import native, openslo, openslo_v1alpha, pyrra, sloth
from slo.specs.composites import resolved

READERS: dict[str, Callable[[list[YamlDocument]], list[Objective]]] = {
    native.VERSION: native.read,
    "openslo/v1": openslo.read,
    "openslo/v1alpha": openslo_v1alpha.read,
    "prometheus/v1": sloth.read,
    "sloth.slok.dev/v1": sloth.read_resources,
    "pyrra.dev/v1alpha1": pyrra.read,
}
MAX_FILE_BYTES = 16 * 1024 * 1024
"""A spec file larger than this is a mistake."""


def load_objectives(paths: Iterable[Path]) -> list[Objective]:
    """The objectives of every file, in order.

    Raises ConfigError for a file that can't be read, is wrong, or defines an SLO a second time.
    """
    objectives: list[Objective] = []
    files: dict[str, Path] = {}
    for path in paths:
        for objective in _read(spec_text(path), str(path)):
            if objective.id in files:
                raise ConfigError(
                    f"the SLO {objective.id} is already defined in {files[objective.id]}",
                    where=Where(str(path)),
                    advice="rename one of them",
                )
            files[objective.id] = path
            objectives.append(objective)
    return resolved(objectives)


def objectives_of(text: str, file: str) -> list[Objective]:
    """The objectives of one text of one or more YAML documents; composites of its own alone."""
    return resolved(_read(text, file))


def _read(text: str, file: str) -> list[Objective]:
    by_version: dict[str, list[YamlDocument]] = {}
    for document in read_yaml(text, file):
        by_version.setdefault(_version(document), []).append(document)
    return [one for version, documents in by_version.items() for one in READERS[version](documents)]


def read_all(text: str, file: str) -> tuple[list[Objective], list[ConfigError]]:
    """Every objective that can be read, and an error for each document that can not."""
    try:
        documents = read_yaml(text, file)
    except ConfigError as error:
        return [], [error]
    named = [one for one in documents if _kind(one) == "SLI"]
    objectives: list[Objective] = []
    errors: list[ConfigError] = []
    for document in documents:
        others = [one for one in named if one is not document]
        try:
            version = _version(document)
            openslo_ones = others if version == "openslo/v1" else []
            objectives += READERS[version]([document, *openslo_ones])
        except ConfigError as error:
            errors.append(error)
    try:
        return resolved(objectives), errors
    except ConfigError as error:
        whole = [one for one in objectives if one.composite is None]
        return whole, [*errors, error]


def _kind(document: YamlDocument) -> object:
    return document.data.get("kind") if isinstance(document.data, dict) else None


def _version(document: YamlDocument) -> str:
    data = document.data if isinstance(document.data, dict) else {}
    for field in ("apiVersion", "version"):
        version = data.get(field)
        if version in READERS:
            return str(version)
        if version is not None:
            raise ConfigError(
                f"{field} {version!r} is not read",
                where=document.where((field,)),
                advice=f"known: {', '.join(READERS)}",
            )
    raise ConfigError(
        "the document has no apiVersion (OpenSLO) and no version (Sloth)",
        where=document.where(()),
        advice=f"begin it with one of {', '.join(READERS)}",
    )


def spec_text(path: Path) -> str:
    """The text of a file. Raises ConfigError when it can't be read or is too large."""
    return read_text(path, MAX_FILE_BYTES)
