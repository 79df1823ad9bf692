"""Answers of the API, key by key, from a real Prometheus and from tocsin on the same samples.

Debian's Prometheus is 2.42, tocsin answers as 3.14 does. What differs by that is in `SINCE_2_42`;
nothing else may differ.
"""

from __future__ import annotations

import gzip
import json
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

pytestmark = pytest.mark.peer

SINCE_2_42: Mapping[str, str] = {
    "left-open": "ranges leave out their oldest bound since 3.0: no sample lies on one here",
    "empty groups": "rules leaves out groups whose rules are all filtered since 2.52",
    "page not found": "an unknown path is plain text in Prometheus, ours is in the envelope",
    "native histograms": "arithmetic, exponential interpolation and remote reads came after 2.42",
    "positions": "errors of the parser name their parts in other words since 3.0",
    "keepFiringFor": "rules say keep_firing_for since 2.43",
    "hostname": "runtimeinfo says it since 3.0",
    "serverTime": "runtimeinfo says it since 3.0",
    "GOMEMLIMIT": "runtimeinfo says it since 2.44",
    "scrapePool": "dropped targets say their pool since 3.5",
    "droppedTargetCounts": "targets says it since 2.47",
    "labels": "a recording rule without labels says so since 3.0",
    "infos": "annotations are told apart from warnings since 3.0",
}
OWN = ("tocsin_", "slo:", "sloth_")
"""tocsin writes series of its own beside those that both were given."""

Query = Mapping[str, object]


def encoded(given: Query) -> str:
    return urllib.parse.urlencode(given, doseq=True)


def decoded(body: bytes) -> Any:
    return json.loads(body)


def queries(start: int, end: int) -> list[tuple[str, Query]]:
    """Path and parameters of requests whose answers must be equal to the last byte of JSON."""
    at = {"time": end}
    span = {"start": start, "end": end, "step": 60}
    at_once = {"start": start, "end": start + 500}
    instant = [
        "requests_total",
        "sum by (job) (rate(requests_total[5m]))",
        "histogram_quantile(0.9, sum by (le) (rate(latency_bucket[5m])))",
        "odd",
        "heat > 5",
        'nothing{job="x"}',
        "1 + 1",
        '"text"',
        'requests_total{job="api",code="200"}[59s]',
        "topk(2, requests_total)",
        "requests_total offset 5m",
        "vector(1) + on() group_left() requests_total",
        "sum(",
        "requests_total{",
        "rate(requests_total)",
        "foo(1)",
        "requests_total + on() requests_total",
        "sum(requests_total[5m])",
        'requests_total{job=~"("}',
        "",
    ]
    found: list[tuple[str, Query]] = [("query", {"query": one, **at}) for one in instant]
    found += [("query_range", {"query": one, **span}) for one in instant[:7]]
    wrong_ranges: list[Query] = [
        {**span, "step": 0},
        {**span, "step": -1},
        {**span, "step": "x"},
        {**span, "start": "x"},
        {**span, "end": "x"},
        {**span, "end": start - 1},
        {**span, "end": start + 12_000, "step": 1},
        {"query": "up"},
        {**span, "timeout": "x"},
    ]
    found += [("query_range", {"query": "heat", **one}) for one in wrong_ranges]
    found += [
        ("query", {"query": "heat", "time": "x"}),
        ("query", {"query": "heat", "time": "2023-11-14T22:13:20.123Z"}),
        ("query", {"query": "heat", **at, "timeout": "nonsense"}),
        ("series", {"match[]": ["requests_total", 'heat{job="web"}']}),
        ("series", {"match[]": 'requests_total{job=~"a.*"}', "start": start, "end": end}),
        ("series", {"match[]": "brief", "start": end - 60, "end": end}),
        ("series", {"match[]": "nothing"}),
        ("series", {"match[]": '{job=~".*"}'}),
        ("series", {"match[]": "{"}),
        ("series", {}),
        ("labels", {"match[]": ["requests_total", "odd"]}),
        ("labels", {"match[]": "nothing"}),
        ("labels", {"match[]": "{"}),
        ("labels", {"start": "x"}),
        ("label/job/values", {"match[]": "heat"}),
        ("label/le/values", {}),
        ("label/path/values", {}),
        ("label/nothing/values", {}),
        ("label/job/values", {"match[]": '{job=~".*"}'}),
        ("metadata", {}),
        ("metadata", {"metric": "shop_open"}),
        ("metadata", {"metric": "nothing"}),
        ("metadata", {"limit": "x"}),
        ("metadata", {"limit": 0}),
        ("targets/metadata", {"metric": "shop_open"}),
        ("targets/metadata", {"match_target": '{zone="b"}'}),
        ("targets/metadata", {"match_target": "{"}),
        ("targets/metadata", {"limit": 0}),
        ("query_exemplars", {"query": "heat"}),
        ("query_exemplars", {"query": "requests_total", "start": start, "end": end}),
        ("query_exemplars", {"query": 'rate(requests_total{code="500"}[5m]) + heat', **at_once}),
        ("query", {"query": "latency_native", **at}),
        ("query", {"query": "latency_native[59s]", **at}),
        ("query", {"query": "sum(rate(latency_native[5m]))", **at}),
        ("query", {"query": "latency_fine", **at}),
        ("query", {"query": "histogram_count(latency_native)", **at}),
        ("query_range", {"query": "latency_native", **span}),
        ("query_exemplars", {"query": "heat", "start": 2, "end": 1}),
        ("format_query", {"query": "sum(heat)by(job)/2"}),
        ("format_query", {"query": "sum("}),
        ("rules", {"type": "nonsense"}),
    ]
    return found


def without_positions(text: str) -> str:
    """3.x tells positions and some reasons otherwise: the sense of an error is its first clause."""
    text = re.sub(r'invalid parameter \\?"(query|match\[\])\\?": ', "", text)
    text = re.sub(r"\d+:\d+: ", "", text)
    return text.split(":")[0]


def without_own(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in data.items() if not name.startswith(OWN)}


def test_data_and_errors_are_equal(pair: Any) -> None:
    start, end = pair.start_ms // 1000 + 1, pair.end_ms // 1000 + 1
    differing = []
    for path, given in queries(start, end):
        theirs, ours = pair.both(f"/api/v1/{path}?{encoded(given)}")
        wanted, found = decoded(theirs.body), decoded(ours.body)
        if theirs.status != 200:
            wanted["error"], found["error"] = map(
                without_positions, (wanted["error"], found.get("error", ""))
            )
        found.pop("infos", None)
        if path == "metadata" and "data" in found:
            found["data"] = without_own(found["data"])
        same = (theirs.status, wanted) == (ours.status, found)
        same &= theirs.headers["content-type"] == ours.headers["content-type"]
        if not same:
            differing.append((path, given, theirs.body[:400], ours.status, ours.body[:400]))
    assert not differing, "\n".join(map(str, differing))


def test_forms_are_read_as_urls_are(pair: Any) -> None:
    form = "application/x-www-form-urlencoded"
    for path, given in (
        ("query", {"query": "sum(heat)", "time": pair.end_ms / 1000}),
        ("query_range", {"query": "heat", "start": 1, "end": 2, "step": 1}),
        ("series", {"match[]": ["heat", "odd"]}),
        ("labels", {"match[]": "heat"}),
        ("format_query", {"query": "heat+1"}),
    ):
        theirs, ours = pair.both(f"/api/v1/{path}", encoded(given).encode(), Content_Type=form)
        assert (theirs.status, decoded(theirs.body)) == (ours.status, decoded(ours.body)), path


def shape(value: Any) -> Any:
    """Names and types, without values; of a list, its first element's."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in sorted(value.items())}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    if isinstance(value, bool) or value is None:
        return str(value.__class__.__name__)
    return "number" if isinstance(value, int | float) else "text"


def without(value: Any, names: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {k: without(v, names) for k, v in value.items() if k not in names}
    return [without(one, names) for one in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("rules", ["keepFiringFor"]),
        ("rules?type=alert", ["keepFiringFor"]),
        ("alerts", []),
        ("targets", ["scrapePool", "droppedTargetCounts", "discoveredLabels"]),
        ("targets?state=active", ["droppedTargetCounts", "discoveredLabels"]),
        ("targets?state=dropped", ["scrapePool", "droppedTargetCounts", "discoveredLabels"]),
        ("status/runtimeinfo", ["hostname", "serverTime", "GOMEMLIMIT"]),
        ("status/buildinfo", []),
        ("status/tsdb", []),
        ("status/walreplay", []),
        ("status/config", []),
        ("targets/metadata", []),
        ("metadata?metric=shop_open", []),
    ],
)
def test_keys_and_types_are_equal(pair: Any, path: str, ignored: list[str]) -> None:
    theirs, ours = pair.both(f"/api/v1/{path}")
    wanted, found = decoded(theirs.body), decoded(ours.body)
    assert shape(without(found, ignored)) == shape(without(wanted, ignored))


def test_rules_and_alerts_are_judged_alike(pair: Any) -> None:
    times = ["lastEvaluation", "evaluationTime", "activeAt", "keepFiringFor", "file"]
    for path in ("rules", "alerts"):
        theirs, ours = (decoded(one.body)["data"] for one in pair.both(f"/api/v1/{path}"))
        assert without(ours, times) == without(theirs, times)


def test_rules_of_one_type(pair: Any) -> None:
    times = ["lastEvaluation", "evaluationTime", "file"]
    theirs, ours = (decoded(one.body)["data"] for one in pair.both("/api/v1/rules?type=record"))
    theirs["groups"] = [group for group in theirs["groups"] if group["rules"]]
    assert without(ours, times) == without(theirs, times)


def test_targets_are_told_alike(pair: Any) -> None:
    ignored = ["lastScrape", "lastScrapeDuration", "droppedTargetCounts"]
    theirs, ours = (decoded(one.body)["data"] for one in pair.both("/api/v1/targets"))
    assert [one.pop("scrapePool") for one in ours["droppedTargets"]] == ["dropped"]
    assert without(ours, ignored) == without(theirs, ignored)


def test_paths_and_methods_that_are_not_there(pair: Any) -> None:
    for path, method in (
        ("/api/v1/nothing", "GET"),
        ("/api/v1/rules/test/test", "GET"),
        ("/api/v1/query", "DELETE"),
        ("/api/v1/label/job/values", "POST"),
        ("/api/v1/write", "GET"),
        ("/api/v1/read", "GET"),
    ):
        theirs, ours = pair.both(path, method=method)
        assert theirs.status == ours.status, path
        if theirs.status == 404:
            # Prometheus answers with that text alone; ours has it in the envelope of all errors
            assert theirs.body.strip() in ours.body
            assert decoded(ours.body)["errorType"] == "not_found"


def test_answers_are_compressed_for_who_asks(pair: Any) -> None:
    path = "/api/v1/query_range?" + encoded(
        {"query": "heat", "start": pair.start_ms / 1000, "end": pair.end_ms / 1000, "step": 15}
    )
    replies = pair.both(path, Accept_Encoding="gzip")
    assert [one.headers["content-encoding"] for one in replies] == ["gzip", "gzip"]
    theirs, ours = (decoded(gzip.decompress(one.body)) for one in replies)
    assert theirs == ours


def test_preflights_are_answered(pair: Any) -> None:
    theirs, ours = pair.both("/api/v1/query", method="OPTIONS", Origin="http://x.example")
    assert (theirs.status, ours.status) == (204, 204)
    # closed unless web.cors_origin opens it, where Prometheus is open to any page
    assert theirs.headers["access-control-allow-origin"] == "*"
    assert ours.headers["access-control-allow-origin"] is None


def test_federation_tells_the_same_samples(pair: Any) -> None:
    given = encoded({"match[]": ["shop_open", "shop_orders_total", '{__name__="nothing"}']})

    def lines(body: bytes) -> list[tuple[str, list[str], str]]:
        found = []
        for line in body.decode().splitlines():
            if line.startswith("#"):
                continue
            name, _, rest = line.partition("{")
            labels, _, tail = rest.rpartition("}")
            found.append((name, sorted(labels.split(",")), tail.split()[0]))
        return found

    theirs, ours = pair.both(f"/federate?{given}")
    assert lines(ours.body) == lines(theirs.body)
    assert len(lines(ours.body)) == 2
    assert ours.headers["content-type"].startswith(theirs.headers["content-type"])


def test_administration_does_the_same(pair: Any) -> None:
    def count(reply: Callable[[str], Any]) -> list[Any]:
        return [
            decoded(one.body)["data"]["result"]
            for one in reply(f"/api/v1/query?query=brief&time={pair.start_ms // 1000 + 60}")
        ]

    assert all(count(pair.both))
    admin = "/api/v1/admin/tsdb"
    for path, method in (
        (f"{admin}/delete_series?match[]=brief", "POST"),
        (f"{admin}/delete_series", "POST"),
        (f"{admin}/delete_series?match[]=(", "PUT"),
        (f"{admin}/snapshot?skip_head=nonsense", "POST"),
        (f"{admin}/clean_tombstones", "POST"),
    ):
        theirs, ours = pair.both(path, method=method)
        assert theirs.status == ours.status, path
    assert count(pair.both) == [[], []]
    for reply in pair.both(f"{admin}/snapshot", method="POST"):
        name = decoded(reply.body)["data"]["name"]
        assert re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{16}", name)
