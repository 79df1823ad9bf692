"""`${NAME}` in the configuration: values, mostly secrets, that come from the environment.

Only upper-case names are references, so that `$1`, `${1}` and named groups of relabelling, and Go
templates, stay as they are written. `$${NAME}` is the text `${NAME}`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from collector.model.errors import ConfigError
from collector.model.yaml_document import Path, YamlDocument

_REFERENCE = re.compile(r"(\$?)\$\{([A-Z_][A-Z0-9_]*)\}")


def fill_references(document: YamlDocument, environment: Mapping[str, str]) -> object:
    """The document's data with every reference replaced.

    Raises ConfigError, with its line, for a variable that is not set.
    """

    def fill(value: object, path: Path) -> object:
        if isinstance(value, dict):
            return {key: fill(child, (*path, key)) for key, child in value.items()}
        if isinstance(value, list):
            return [fill(child, (*path, i)) for i, child in enumerate(value)]
        if isinstance(value, str):
            return _REFERENCE.sub(lambda match: look_up(match, path), value)
        return value

    def look_up(match: re.Match[str], path: Path) -> str:
        escaped, name = match.groups()
        if escaped:
            return f"${{{name}}}"
        if name not in environment:
            raise ConfigError(
                f"the environment variable {name} is not set",
                where=document.where(path),
                advice=f"export {name}=…, or write $${{{name}}} for the text itself",
            )
        return environment[name]

    return fill(document.data, ())
