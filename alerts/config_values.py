"""Types of the values in Alertmanager's configuration: durations, secrets, URLs, matchers.

Each is written as text and is written back as text, with secrets as `<secret>`, because amtool
reads the configuration back from the API. No error ever repeats what might be a secret.
"""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationInfo,
)

from alerts.matchers import parse_matchers
from collector.model.durations import format_duration, parse_duration_ms
from collector.model.errors import InputError
from collector.model.matchers import Matcher
from collector.model.secrets import Secret

MASK = "<secret>"
"""How Alertmanager writes a secret back; amtool accepts it in place of any secret."""
MASK_URL = "https://secret.invalid/"
"""The same for a webhook's `url`, which was no secret up to Alertmanager 0.25."""
GO_TEMPLATE = "{{"
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")


class Section(BaseModel):
    """A mapping in the file: unknown keys are errors, values can't change, inputs stay hidden."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, arbitrary_types_allowed=True, hide_input_in_errors=True
    )


def _duration(value: object) -> object:
    if isinstance(value, bool | float) or (isinstance(value, int) and value != 0):
        raise ValueError(f"not a duration: {value!r}; write a unit, like 30s or 4h")
    try:
        return parse_duration_ms(str(value))
    except InputError as error:
        raise ValueError(str(error)) from error


def _positive(milliseconds: int, info: ValidationInfo) -> int:
    if milliseconds <= 0:
        raise ValueError(f"{info.field_name} cannot be zero")
    return milliseconds


def _secret(value: object) -> Secret:
    if isinstance(value, Secret):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("a secret must be text that is not empty")
    return Secret(value)


def is_http_url(text: str) -> bool:
    """Whether the text is an http(s) URL with a host."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _secret_url(secret: Secret) -> Secret:
    text = secret.reveal()
    if text != MASK and GO_TEMPLATE not in text and not is_http_url(text):
        raise ValueError("not an http or https URL with a host (not shown: it is a secret)")
    return secret


def _url(text: str) -> str:
    if not is_http_url(text):
        raise ValueError(f"not an http or https URL with a host: {text!r}")
    return text


def _address(text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdigit():
        raise ValueError(f"not host:port: {text!r}")
    return text


def _matchers(texts: tuple[str, ...]) -> tuple[str, ...]:
    for text in texts:
        try:
            parse_matchers(text)
        except InputError as error:
            raise ValueError(str(error)) from error
    return texts


def _label_name(name: str) -> str:
    if not name:
        raise ValueError("a label name cannot be empty")
    return name


def _classic_label_name(name: str) -> str:
    if not _LABEL_NAME.fullmatch(name):
        raise ValueError(f"invalid label name {name!r}")
    return name


def _regex(text: str) -> str:
    try:
        Matcher("=~", "x", text)
    except InputError as error:
        raise ValueError(str(error)) from error
    return text


INSTEAD = {
    "msteams_configs": "Microsoft ended its connectors; use msteamsv2_configs with a workflow",
    "jira_configs": "use webhook_configs with an automation of Jira's",
    "sns_configs": "use apprise_configs with sns://",
    "wechat_configs": "use apprise_configs with wecombot://",
}
"""What serves in place of a receiver that is not served."""


def _refuse(value: object, info: ValidationInfo) -> None:
    if value:
        instead = INSTEAD.get(str(info.field_name), "remove it")
        raise ValueError(f"{info.field_name} is not supported yet; {instead}")


DurationMs = Annotated[
    int, BeforeValidator(_duration), PlainSerializer(format_duration, return_type=str)
]
"""Written as `1h30m`, held in milliseconds."""
PositiveMs = Annotated[DurationMs, AfterValidator(_positive)]
SecretText = Annotated[
    Secret, BeforeValidator(_secret), PlainSerializer(lambda _: MASK, return_type=str)
]
SecretUrl = Annotated[SecretText, AfterValidator(_secret_url)]
HiddenUrl = Annotated[
    Secret,
    BeforeValidator(_secret),
    AfterValidator(_secret_url),
    PlainSerializer(lambda _: MASK_URL, return_type=str),
]
"""A secret where an older amtool reads nothing but a URL."""
HttpUrl = Annotated[str, AfterValidator(_url)]
HostPort = Annotated[str, AfterValidator(_address)]
MatcherTexts = Annotated[tuple[str, ...], AfterValidator(_matchers)]
"""Matchers as they were written; `alerts.matchers` reads them."""
Text = Annotated[str, BeforeValidator(str)]
LabelName = Annotated[str, AfterValidator(_label_name)]
ClassicLabelName = Annotated[str, AfterValidator(_classic_label_name)]
Regex = Annotated[Text, AfterValidator(_regex)]
NotYet = Annotated[object, AfterValidator(_refuse)]
"""A key that Alertmanager has and tocsin does not serve: an error that says so."""
Unused = Annotated[None, BeforeValidator(lambda _: None)]
"""A default for channels that tocsin does not serve: harmless, so it may stay in the file."""


def at_most_one(**fields: object) -> None:
    """Raises ValueError when more than one of the fields is given."""
    given = [name for name, value in fields.items() if value]
    if len(given) > 1:
        raise ValueError(f"at most one of {' & '.join(given)} must be configured")
