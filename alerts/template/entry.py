"""`EntryTemplates`: the texts of one receiver's entry, compiled at load, filled per notification.

A text without `{{` stays as it is written, unless it says that it is Jinja. A text that fails on
its data must not keep anybody from being told: its field is left unset, so that the channel's own
layout takes its place, and the problem goes along. Only an address that fails is an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel

from alerts.config_values import GO_TEMPLATE
from alerts.notification import Notification, Reason
from alerts.template.book import TemplateBook
from alerts.template.data import data_of
from alerts.template.functions import functions
from alerts.template.jinja import Escaping, JinjaTemplate, is_jinja
from collector.gotemplate import Template
from collector.model.errors import InputError, LimitError, TemplateError, Where
from collector.model.secrets import Secret

Entry = TypeVar("Entry", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class TemplatedFields:
    """Which fields of a kind of entry are templates.

    `addresses` must not fail; `html` is escaped for HTML; a text of `structured` that comes out as
    JSON becomes its value, as Alertmanager's details do. `mrkdwn` names those of `texts` in which
    Jinja's values are escaped for Slack; of Go templates, Alertmanager's escape nothing there.
    """

    texts: tuple[str, ...]
    addresses: tuple[str, ...] = ()
    html: tuple[str, ...] = ()
    structured: tuple[str, ...] = ()
    mrkdwn: tuple[str, ...] = ()

    def escaping(self, name: str) -> Escaping:
        """What Jinja makes values harmless for in a field."""
        if name in self.html:
            return Escaping.HTML
        return Escaping.SLACK if name in self.mrkdwn else Escaping.NONE

    def names(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.addresses, *self.texts, *self.html, *self.structured)


@dataclass(frozen=True, slots=True)
class Filled(Generic[Entry]):
    """An entry with its texts filled in; `problems` name the fields that were left unset."""

    entry: Entry
    problems: tuple[str, ...] = ()


AnyTemplate = Template | JinjaTemplate
Render = Callable[[AnyTemplate], object]


class EntryTemplates(Generic[Entry]):
    """One entry of a receiver, as it is written, and the templates in it."""

    def __init__(self, entry: Entry, fields: TemplatedFields, book: TemplateBook) -> None:
        """Raises InputError, its `where` naming the field, for a template that is wrong."""
        self.entry = entry
        self._fields = fields
        self._compiled = {
            name: compiled
            for name in fields.names()
            if (compiled := _compiled(getattr(entry, name), _alias(entry, name), book)) is not None
        }

    def fill(self, notification: Notification) -> Filled[Entry]:
        """The entry for one notification; raises TemplateError for an address that fails."""
        if not self._compiled:
            return Filled(self.entry)
        update: dict[str, object] = {}
        problems = []
        for name, value in self._compiled.items():
            if notification.reason is Reason.DIGEST and name not in self._fields.addresses:
                # it was written for one group: of a storm our own layout tells
                update[name] = self._unset(name)
                continue
            try:
                update[name] = _filled(value, self._renderer(name, notification))
            except (TemplateError, LimitError) as error:
                if name in self._fields.addresses:
                    raise TemplateError(_told(getattr(self.entry, name), error)) from None
                problems.append(f"{_alias(self.entry, name)}: {error.message}")
                update[name] = self._unset(name)
        return Filled(self.entry.model_copy(update=update), tuple(problems))

    def _unset(self, name: str) -> object:
        field = type(self.entry).model_fields[name]
        return field.get_default(call_default_factory=True)

    def _renderer(self, name: str, notification: Notification) -> Render:
        fields = self._fields

        def render(template: AnyTemplate) -> object:
            if isinstance(template, JinjaTemplate):
                text = template.render(notification, fields.escaping(name))
            else:
                known = functions(notification.at_ms)
                text = template.render(data_of(notification), known, html=name in fields.html)
            return _structure(text) if name in fields.structured else text

        return render


def _alias(entry: BaseModel, name: str) -> str:
    return type(entry).model_fields[name].alias or name


def _has_template(value: object) -> bool:
    match value:
        case Secret():
            return _has_template(value.reveal())
        case str():
            return GO_TEMPLATE in value or is_jinja(value)
        case Mapping():
            return any(_has_template(key) or _has_template(one) for key, one in value.items())
        case list() | tuple():
            return any(map(_has_template, value))
    return False


@dataclass(frozen=True, slots=True)
class _Hidden:
    """The template of a secret."""

    template: AnyTemplate


def _compiled(value: object, place: str, book: TemplateBook) -> object:
    """The value with a Template for each text that is one; None when it holds none."""
    return _compile(value, place, book) if _has_template(value) else None


def _compile(value: object, place: str, book: TemplateBook) -> object:
    match value:
        case Secret() if _has_template(value):
            return _Hidden(_template(value.reveal(), place, book, hidden=True))
        case str() if _has_template(value):
            return _template(value, place, book)
        case Mapping():
            return [
                (_compile(key, place, book), _compile(one, f"{place}.{key}", book))
                for key, one in value.items()
            ]
        case list() | tuple():
            return tuple(_compile(one, f"{place}[{i}]", book) for i, one in enumerate(value))
    return value


def _template(text: str, place: str, book: TemplateBook, *, hidden: bool = False) -> AnyTemplate:
    try:
        return book.compile_either(text, place)
    except TemplateError as error:
        message = f"template: {place}:{error.line}:{error.column}" if hidden else error.message
        raise InputError(message, where=Where(field=place), advice=error.advice) from None


def _filled(value: object, render: Render) -> object:
    match value:
        case Template() | JinjaTemplate():
            return render(value)
        case _Hidden(template=template):
            return Secret(str(render(template)))
        case list():
            return {str(_filled(key, render)): _filled(one, render) for key, one in value}
        case tuple():
            return [_filled(one, render) for one in value]
    return value


def _structure(text: str) -> object:
    """The value of a text that is JSON, else the text."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text


def _no_number(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _told(value: object, error: TemplateError | LimitError) -> str:
    """What may be said of an address that failed: of a secret one only where."""
    if not isinstance(value, Secret):
        return error.message
    place = f"{error.line}:{error.column}: " if isinstance(error, TemplateError) else ""
    return f"{place}the template of a secret fails on its data"
