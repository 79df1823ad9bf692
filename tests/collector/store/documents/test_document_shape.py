"""Records as Elasticsearch documents; templates and queries. No server here: see tests/peers."""

import json
from collections.abc import Callable

from collector.model.records import LogRecord
from collector.store.documents.document_shape import (
    PROPERTIES,
    document_of,
    policy_of,
    record_of,
    search_body,
    template_of,
)
from collector.store.documents.elasticsearch import BULK_BYTES, BULK_RECORDS, in_bulks
from collector.store.documents.interface import LEVELS, LogQuery, Retention


def test_a_document_comes_back_as_its_record_and_has_only_mapped_fields(
    record: Callable[..., LogRecord],
) -> None:
    full = record("x", service="s", trace_id="a", span_id="b", attributes={"a.b": "c"})
    document = json.loads(json.dumps(document_of(full)))
    assert record_of(document) == full
    assert set(document) == set(PROPERTIES)


def test_a_policy_deletes_no_earlier_than_retention() -> None:
    ages = {level: policy_of(level, Retention())["phases"]["delete"]["min_age"] for level in LEVELS}
    assert ages == {"debug": "8d", "info": "31d", "error": "91d"}


def test_a_template_names_its_policy_only_where_there_is_ilm() -> None:
    assert "index.lifecycle.name" in template_of("info", has_ilm=True)["template"]["settings"]
    assert "index.lifecycle.name" not in template_of("info", has_ilm=False)["template"]["settings"]


def test_every_word_of_the_text_is_a_filter() -> None:
    filters = search_body(LogQuery(text="time out", service="s", trace_id="AB"))["bool"]["filter"]
    assert len(filters) == 5
    assert {"term": {"trace_id": "ab"}} in filters


def test_bulks_are_bounded_by_count_and_by_bytes(record: Callable[..., LogRecord]) -> None:
    small = [record(str(number)) for number in range(2 * BULK_RECORDS + 1)]
    assert [len(bulk) for bulk in in_bulks(small)] == [BULK_RECORDS, BULK_RECORDS, 1]
    large = [record("x" * (BULK_BYTES // 4)) for _ in range(5)]
    assert [len(bulk) for bulk in in_bulks(large)] == [2, 2, 1]
    assert list(in_bulks([])) == []
