"""`TemplateBook`: the named templates that a notification's texts may call.

The default ones come first and the user's files after them, so that a file may say one anew. A
wrong file is a ConfigError with file, line and column.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from alerts.template.functions import FUNCTION_NAMES
from collector.gotemplate import Template, compile_template
from collector.gotemplate.nodes import Definition
from collector.model.errors import ConfigError, TemplateError, Where

DEFAULTS_FILE = Path(__file__).with_name("default.tmpl")
MAX_FILES = 1_000
"""More files than a glob should find: it points at the wrong place."""
MAX_FILE_BYTES = 4 * 1024 * 1024
"""A larger file is no template that somebody wrote."""


@dataclass(frozen=True, slots=True)
class TemplateBook:
    """Templates by name; `files` are those of the user that were read."""

    defined: Mapping[str, Definition] = field(repr=False)
    files: tuple[str, ...] = ()

    def compile(self, text: str, name: str) -> Template:
        """A text that may call the book's templates; raises TemplateError with line and column."""
        return compile_template(text, name, functions=FUNCTION_NAMES, defined=self.defined)

    def with_file(self, text: str, name: str) -> TemplateBook:
        """The book with one file more; raises TemplateError."""
        return TemplateBook(self.compile(text, name).defined, (*self.files, name))


@cache
def default_book() -> TemplateBook:
    """The templates that are always there, under Alertmanager's names."""
    text = DEFAULTS_FILE.read_text(encoding="utf-8")
    return TemplateBook(TemplateBook({}).with_file(text, DEFAULTS_FILE.name).defined)


def load_book(patterns: Sequence[str], base: Path) -> tuple[TemplateBook, list[ConfigError]]:
    """The default templates and those of all files that the globs name, relative to `base`.

    A glob that names no file is no error, as in Alertmanager. The errors are one for each file
    that can't be read or is wrong; the book then lacks it.
    """
    book, errors = default_book(), []
    for path in _paths(patterns, base):
        try:
            book = book.with_file(_read(path), path.name)
        except TemplateError as error:
            where = Where(str(path), error.line)
            message = f"column {error.column}: {error.message}"
            errors.append(ConfigError(message, where=where, advice=error.advice))
        except ConfigError as error:
            errors.append(error)
    return book, errors


def _paths(patterns: Sequence[str], base: Path) -> list[Path]:
    found = [
        Path(name)
        for pattern in patterns
        for name in sorted(glob.glob(str(base / pattern)))
        if Path(name).is_file()
    ]
    if len(found) > MAX_FILES:
        raise ConfigError(
            f"{len(found):,} template files, over the limit of {MAX_FILES:,}",
            where=Where(field="templates"),
            advice="narrow the globs",
        )
    return list(dict.fromkeys(found))


def _read(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise ConfigError(f"larger than {MAX_FILE_BYTES:,} bytes", where=Where(str(path)))
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"can't be read: {error.strerror or error}",
            where=Where(str(path)),
            advice="check the path and its mode",
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            "not UTF-8", where=Where(str(path)), advice="save the file as UTF-8"
        ) from error
