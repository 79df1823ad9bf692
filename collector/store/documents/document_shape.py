"""Log records as Elasticsearch documents and back; templates, policies and queries. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from collector.model.records import LogRecord
from collector.store.documents.interface import DAY_MS, LogQuery, Retention, words_of

INDEX = "tocsin-logs-{level}-{date:%Y.%m.%d}"
TEMPLATE = "tocsin-logs-{level}"
"""Name of a level's index template and of its lifecycle policy."""
PRIORITY = 300
"""Over Elastic's own templates, which go to 200."""

_KEYWORD = {"type": "keyword", "ignore_above": 1024}
PROPERTIES: Mapping[str, Any] = {
    "@timestamp": {"type": "date", "format": "epoch_millis"},
    "severity": {"type": "byte"},
    "level": _KEYWORD,
    "service": _KEYWORD,
    "trace_id": _KEYWORD,
    "span_id": _KEYWORD,
    "body": {"type": "text"},
    "attributes": {"type": "object", "enabled": False},
    "attribute_text": {"type": "text"},
}
"""Attributes are kept as they are and searched as one text: a field of the index for each attribute
that any service ever names would reach Elasticsearch's limit of 1,000 fields."""


def document_of(record: LogRecord) -> dict[str, Any]:
    """The document of a record."""
    return {
        "@timestamp": record.timestamp_ms,
        "severity": record.severity,
        "level": record.level,
        "service": record.service,
        "trace_id": record.trace_id,
        "span_id": record.span_id,
        "body": record.body,
        "attributes": dict(record.attributes),
        "attribute_text": [f"{key} {value}" for key, value in record.attributes.items()],
    }


def record_of(document: Mapping[str, Any]) -> LogRecord:
    """The record of a document."""
    return LogRecord(
        timestamp_ms=int(document["@timestamp"]),
        severity=int(document["severity"]),
        body=document["body"],
        service=document["service"],
        trace_id=document["trace_id"],
        span_id=document["span_id"],
        attributes=document["attributes"],
    )


def search_body(query: LogQuery) -> dict[str, Any]:
    """The query of a search: filters, and a prefix for every word of the text."""
    until = {"gte": query.start_ms, "lte": query.end_ms, "format": "epoch_millis"}
    filters: list[dict[str, Any]] = [{"range": {"@timestamp": until}}]
    for field, value in (("service", query.service), ("trace_id", query.trace_id.lower())):
        if value:
            filters.append({"term": {field: value}})
    for word in words_of(query.text):
        fields = ["body", "attribute_text"]
        matching = {"query": word, "type": "phrase_prefix", "fields": fields}
        filters.append({"multi_match": matching})
    return {"bool": {"filter": filters}}


def template_of(level: str, *, has_ilm: bool) -> dict[str, Any]:
    """Arguments of `put_index_template` for one level."""
    name = TEMPLATE.format(level=level)
    settings: dict[str, Any] = {"index.number_of_shards": 1, "index.auto_expand_replicas": "0-1"}
    if has_ilm:
        settings["index.lifecycle.name"] = name
    return {
        "name": name,
        "index_patterns": [f"{name}-*"],
        "priority": PRIORITY,
        "template": {
            "settings": settings,
            "mappings": {"dynamic": False, "properties": dict(PROPERTIES)},
        },
    }


def policy_of(level: str, retention: Retention) -> dict[str, Any]:
    """The lifecycle policy of one level: delete a day after the newest record has expired."""
    days = -(-retention.of(level) // DAY_MS) + 1
    return {"phases": {"hot": {"actions": {}}, "delete": _delete_after(days)}}


def _delete_after(days: int) -> dict[str, Any]:
    return {"min_age": f"{days}d", "actions": {"delete": {}}}
