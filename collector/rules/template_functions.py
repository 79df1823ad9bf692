"""What a rule's templates may call: Prometheus's functions and `$labels`, `$value`, ….

Source: https://prometheus.io/docs/prometheus/latest/configuration/template_reference/ and
template/template.go of Prometheus 3.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus, urlsplit

from collector.gotemplate import Html, StringMap, Typed
from collector.gotemplate import humanize as human
from collector.gotemplate.regex import match, re_replace_all
from collector.gotemplate.values import plain
from collector.model.durations import parse_duration_ms
from collector.model.labels import Labels

VARIABLES = ("$labels", "$externalLabels", "$externalURL", "$value")
_WORD_START = re.compile(r"(?<![\w])(\w)")


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One series of a template's `query`; a value is a float or a `Typed` histogram."""

    labels: Labels
    value: object


Query = Callable[[str], Sequence[QueryResult]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What templates of one evaluation share; `query` answers at that evaluation's time."""

    query: Query
    now_ms: int
    external_labels: Mapping[str, str]
    external_url: str


def functions(around: Surroundings) -> dict[str, Callable[..., object]]:
    """The functions by name; `tmpl` is for consoles only, as in Prometheus."""
    return {
        **_CONSTANT,
        "query": lambda text: _samples(around.query(text)),
        "now": lambda: around.now_ms / 1000,
        "externalURL": lambda: around.external_url,
        "pathPrefix": lambda: urlsplit(around.external_url).path.rstrip("/"),
    }


def _samples(found: Sequence[QueryResult]) -> list[Typed]:
    return [
        Typed(
            "template.sample",
            fields={"Labels": StringMap(one.labels), "Value": one.value},
        )
        for one in found
    ]


def _field(sample: object, name: str) -> object:
    fields = sample.fields if isinstance(sample, Typed) else None
    if fields is None or name not in fields:
        raise ValueError("not a sample of a query")
    return fields[name]


def first(vector: object) -> object:
    """The first sample of a query."""
    found = plain(vector)
    if isinstance(found, Sequence) and found:
        return found[0]
    raise ValueError("first() called on vector with no elements")


def label(name: str, sample: object) -> str:
    """One label of a sample."""
    labels = _field(sample, "Labels")
    return labels.get(name, "") if isinstance(labels, StringMap) else ""


def value(sample: object) -> object:
    """The value of a sample."""
    return _field(sample, "Value")


def strvalue(sample: object) -> str:
    """The value of a string query, which travels as a label."""
    return label("__value__", sample)


def sort_by_label(name: str, vector: object) -> list[object]:
    """The samples of a query in the order of one label."""
    found = plain(vector)
    return sorted(found if isinstance(found, Sequence) else (), key=lambda one: label(name, one))


def args(*values: object) -> dict[str, object]:
    """Several values as one: arg0, arg1, …"""
    return {f"arg{number}": one for number, one in enumerate(values)}


def title(text: str) -> str:
    """Every word's first letter as a capital; the rest stays."""
    return _WORD_START.sub(lambda letter: letter[1].upper(), text)


def strip_port(address: str) -> str:
    """`host:port` without the port; anything else stays."""
    split = _host_port(address)
    return split[0] if split else address


def strip_domain(address: str) -> str:
    """The host's first name, with the port; an IP address stays."""
    host, port = _host_port(address) or (address, "")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        name = host.split(".", 1)[0]
        return f"{name}:{port}" if port else name
    return address


def _host_port(address: str) -> tuple[str, str] | None:
    if address.startswith("["):
        host, bracket, rest = address[1:].partition("]")
        return (host, rest[1:]) if bracket and rest.startswith(":") else None
    if address.count(":") != 1:
        return None
    host, _, port = address.partition(":")
    return host, port


def graph_link(expression: str) -> str:
    """The path of a page that draws an expression."""
    return f"/graph?g0.expr={quote_plus(expression)}&g0.tab=0"


def table_link(expression: str) -> str:
    """The path of a page that shows an expression as a table."""
    return f"/graph?g0.expr={quote_plus(expression)}&g0.tab=1"


def parse_duration(text: str) -> float:
    """Seconds of a Prometheus duration."""
    return parse_duration_ms(text) / 1000


def safe_html(text: str) -> Html:
    """Text that is HTML already."""
    return Html(text)


def to_upper(text: str) -> str:
    """Capitals."""
    return text.upper()


def to_lower(text: str) -> str:
    """Small letters."""
    return text.lower()


def url_query_escape(text: str) -> str:
    """Text for inside a URL's query."""
    return quote_plus(text)


_CONSTANT: Mapping[str, Callable[..., object]] = {
    "args": args,
    "first": first,
    "graphLink": graph_link,
    "humanize": human.humanize,
    "humanize1024": human.humanize1024,
    "humanizeDuration": human.humanize_duration,
    "humanizePercentage": human.humanize_percentage,
    "humanizeTimestamp": human.humanize_timestamp,
    "label": label,
    "match": match,
    "parseDuration": parse_duration,
    "reReplaceAll": re_replace_all,
    "safeHtml": safe_html,
    "sortByLabel": sort_by_label,
    "stripDomain": strip_domain,
    "stripPort": strip_port,
    "strvalue": strvalue,
    "tableLink": table_link,
    "title": title,
    "toDuration": human.to_duration,
    "toLower": to_lower,
    "toTime": human.to_time,
    "toUpper": to_upper,
    "urlQueryEscape": url_query_escape,
    "value": value,
}
FUNCTION_NAMES = frozenset((*_CONSTANT, "query", "now", "externalURL", "pathPrefix"))
