"""`TemplateBook`: the named templates that a notification's texts may call.

The default ones come first and the user's files after them, so that a file may say one anew. A
wrong file is a ConfigError with file, line and column.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path

from alerts.template.functions import FUNCTION_NAMES
from alerts.template.jinja import JINJA_SUFFIX, JinjaTemplate, compile_jinja, is_jinja
from collector.gotemplate import Template, compile_template
from collector.gotemplate.nodes import Definition
from collector.model.errors import ConfigError, TemplateError, Where
from collector.model.text_file import read_text

DEFAULTS_FILE = Path(__file__).with_name("default.tmpl")
MAX_FILES = 1_000
"""More files than a glob should find: it points at the wrong place."""
MAX_FILE_BYTES = 4 * 1024 * 1024
"""A larger file is no template that somebody wrote."""


@dataclass(frozen=True, slots=True)
class TemplateBook:
    """Templates by name; `files` are those of the user that were read.

    `jinja` holds the texts of Jinja files by the names under which others include them.
    """

    defined: Mapping[str, Definition] = field(repr=False)
    files: tuple[str, ...] = ()
    jinja: Mapping[str, str] = field(default_factory=dict, repr=False)

    def compile_either(self, text: str, name: str) -> Template | JinjaTemplate:
        """A text in the language that it is written in; raises TemplateError."""
        return compile_jinja(text, name, self.jinja) if is_jinja(text) else self.compile(text, name)

    def compile(self, text: str, name: str) -> Template:
        """A text that may call the book's templates; raises TemplateError with line and column."""
        return compile_template(text, name, functions=FUNCTION_NAMES, defined=self.defined)

    def with_file(self, text: str, name: str) -> TemplateBook:
        """The book with one file more; raises TemplateError."""
        return replace(self, defined=self.compile(text, name).defined, files=(*self.files, name))

    def with_jinja(self, texts: Mapping[str, str]) -> TemplateBook:
        """The book with files of Jinja, which may include each other."""
        return replace(self, files=(*self.files, *texts), jinja={**self.jinja, **texts})


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
    book, errors, jinja = default_book(), [], dict[Path, str]()
    for path in _paths(patterns, base):
        try:
            text = read_text(path, MAX_FILE_BYTES)
            if path.suffix == JINJA_SUFFIX:
                jinja[path] = text
            else:
                book = book.with_file(text, path.name)
        except TemplateError as error:
            errors.append(_in_file(path, error))
        except ConfigError as error:
            errors.append(error)
    book = book.with_jinja({path.name: text for path, text in jinja.items()})
    for path, text in jinja.items():
        try:
            compile_jinja(text, path.name, book.jinja)
        except TemplateError as error:
            errors.append(_in_file(path, error))
    return book, errors


def _in_file(path: Path, error: TemplateError) -> ConfigError:
    where = Where(str(path), error.line)
    message = f"column {error.column}: {error.message}" if error.column else error.message
    return ConfigError(message, where=where, advice=error.advice)


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
