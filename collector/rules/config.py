"""The key `rule_files` of the configuration."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator

from collector.config_values import Section
from collector.model.errors import InputError
from collector.rules.file import check_pattern


def _pattern(text: str) -> str:
    try:
        check_pattern(text)
    except InputError as error:
        raise ValueError(str(error)) from error
    return text


class RulesConfig(Section):
    """Where the rules are: paths relative to the configuration; a * in the last part only."""

    rule_files: tuple[Annotated[str, AfterValidator(_pattern)], ...] = ()
