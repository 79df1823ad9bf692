"""Rules about a dashboard's variables, and that it is not edited by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator

from collector.model.errors import TocsinError
from collector.query.parser import parse
from dashboards.lint.document import Document, Json
from dashboards.lint.finding import Finding

ON_TIME_RANGE_CHANGE = 2
_LABEL_VALUES = re.compile(r"\s*label_values\((?:(?P<expr>.+),)?\s*[a-zA-Z_]\w*\s*\)\s*")
_OTHER_QUERY = re.compile(r"\s*(label_names|metrics|query_result)\((?P<expr>.*)\)\s*")


def template_datasource(document: Document) -> Iterator[Finding]:
    """The data source is a choice, named and labelled so that people find it."""
    chosen = [one for one in document.variables if one.get("type") == "datasource"]
    if not chosen:
        yield document.found("does not have a variable for its data source")
    for variable in chosen:
        kind = str(variable.get("query", ""))
        names = {f"{kind}_datasource"} | ({"datasource"} if len(chosen) == 1 else set())
        labels = {f"{kind.title()} data source"} | ({"Data source"} if len(chosen) == 1 else set())
        if variable.get("name") not in names:
            yield document.found(f"names a data source {variable.get('name')!r}, not {names}")
        if variable.get("label") not in labels:
            yield document.found(f"labels a data source {variable.get('label')!r}, not {labels}")


def template_job(document: Document) -> Iterator[Finding]:
    """The job is a choice."""
    return _has_choice(document, "job")


def template_instance(document: Document) -> Iterator[Finding]:
    """The instance is a choice."""
    return _has_choice(document, "instance")


def label_promql(document: Document) -> Iterator[Finding]:
    """Queries of variables are of a known form, with PromQL that parses in it."""
    if not document.asks_prometheus:
        return
    for variable in document.variables:
        if variable.get("type") == "query" and (wrong := _wrong_query(document, variable)):
            yield document.found(f"variable {variable.get('name')!r}: {wrong}")


def on_time_change_reload(document: Document) -> Iterator[Finding]:
    """Choices follow the range that is shown."""
    for variable in document.variables:
        if variable.get("type") == "query" and variable.get("refresh") != ON_TIME_RANGE_CHANGE:
            yield document.found(
                f"variable {variable.get('name')!r} is not refreshed on time range change "
                f"({ON_TIME_RANGE_CHANGE}), but {variable.get('refresh')}"
            )


def uneditable(document: Document) -> Iterator[Finding]:
    """What is generated is not changed by hand."""
    if document.json.get("editable") is not False:
        yield document.found("can be edited: set editable to false")


def _has_choice(document: Document, name: str) -> Iterator[Finding]:
    if not document.asks_prometheus:
        return
    found = next((one for one in document.variables if one.get("name") == name), None)
    if found is None:
        yield document.found(f"is missing the variable {name!r}")
        return
    wanted = {
        "type": found.get("type") == "query",
        "label": str(found.get("label", "")).lower() == name,
        "datasource": _uid(found) in ("$datasource", "${datasource}"),
        "multi": found.get("multi") is True,
        "allValue": found.get("allValue") == ".+",
    }
    for key, is_right in wanted.items():
        if not is_right:
            yield document.found(f"variable {name!r} has a wrong {key}: {found.get(key)!r}")


def _uid(variable: Json) -> str:
    datasource = variable.get("datasource")
    return str(datasource.get("uid") if isinstance(datasource, dict) else datasource)


def _wrong_query(document: Document, variable: Json) -> str:
    query = variable.get("query")
    text = str(query.get("query", "") if isinstance(query, dict) else query)
    match = _LABEL_VALUES.fullmatch(text) or _OTHER_QUERY.fullmatch(text)
    if match is None:
        return f"{text!r} is not label_values, label_names, metrics or query_result"
    expr = match["expr"]
    if not expr or text.lstrip().startswith("metrics"):
        return ""
    try:
        parse(document.expand(expr))
    except TocsinError as error:
        return f"{expr!r}: {error}"
    return ""
