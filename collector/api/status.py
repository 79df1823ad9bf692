"""`status/*` and `notifications`: what the server is, how it runs and how full it is.

Source: web/api/v1/api.go of Prometheus 3.14. What exists in Go only (`GOGC`, goroutines) has its
nearest equal here, so that clients find every key.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from collector.api import envelope
from collector.api.go_texts import rfc3339
from collector.api.parameters import Parameters, invalid, parameters
from collector.api.process_status import ProcessStatus
from collector.ingest.series_gate import Offenders
from collector.model.clock import Clock
from collector.store.cardinality import Cardinality, Counts

DEFAULT_TOP = 10
MAX_TOP = 10_000
"""As in Prometheus: a longer list of offenders is asked for with PromQL."""
RELOAD_FAILED = "Configuration reload has failed."

Json = dict[str, object]
OffendersOf = Callable[[int], Offenders]
"""What ingest's guards kept out, with lists of at most so many."""
CardinalityOf = Callable[[int], Cardinality]
"""How full the store is, with lists of at most so many."""
_Given = Annotated[Parameters, Depends(parameters)]


def router(
    process: ProcessStatus,
    cardinality: CardinalityOf,
    version: str,
    clock: Clock,
    offenders: OffendersOf | None = None,
) -> APIRouter:
    """The routes over what the application, the store and ingest's guards say of themselves."""
    routes = _Routes(process, cardinality, version, clock, offenders)
    api = envelope.api_router()
    envelope.add_routes(
        api,
        {
            "/status/config": (routes.config, "GET"),
            "/status/flags": (routes.flags, "GET"),
            "/status/runtimeinfo": (routes.runtime_info, "GET"),
            "/status/buildinfo": (routes.build_info, "GET"),
            "/status/tsdb": (routes.tsdb, "GET"),
            "/status/walreplay": (routes.wal_replay, "GET"),
            "/notifications": (routes.notifications, "GET"),
        },
    )
    return api


class _Routes:
    def __init__(
        self,
        process: ProcessStatus,
        cardinality: CardinalityOf,
        version: str,
        clock: Clock,
        offenders: OffendersOf | None,
    ) -> None:
        self._offenders = offenders
        self._process = process
        self._cardinality = cardinality
        self._version = version
        self._clock = clock

    def config(self) -> Response:
        """The configuration that holds."""
        return envelope.answer({"yaml": self._process.config_yaml()})

    def flags(self) -> Response:
        """Settings by the names of Prometheus's flags."""
        return envelope.answer(dict(self._process.flags()))

    def runtime_info(self) -> Response:
        """How the process runs."""
        status = self._process.runtime()
        return envelope.answer(
            {
                "startTime": rfc3339(status.started_ms),
                "CWD": os.getcwd(),
                "hostname": socket.gethostname(),
                "serverTime": rfc3339(self._clock.now_ms()),
                "reloadConfigSuccess": status.reload_succeeded,
                "lastConfigTime": rfc3339(status.config_read_ms),
                "corruptionCount": status.corruptions,
                "goroutineCount": threading.active_count(),
                "GOMAXPROCS": os.cpu_count() or 1,
                "GOMEMLIMIT": 2**63 - 1,
                "GOGC": "",
                "GODEBUG": "",
                "storageRetention": status.retention,
            }
        )

    def build_info(self) -> Response:
        """What Grafana asks to learn which Prometheus it talks to."""
        unknown = ("revision", "branch", "buildUser", "buildDate", "goVersion")
        return envelope.answer({"version": self._version, **dict.fromkeys(unknown, "")})

    def tsdb(self, given: _Given) -> Response:
        """How many series there are, and which names, labels and pairs have the most."""
        limit = given.count("limit")
        if limit < 0:
            limit = DEFAULT_TOP
        if not 0 < limit <= MAX_TOP:
            raise invalid("limit", f"limit must be a positive number of at most {MAX_TOP}")
        refused = _refused(self._offenders(limit)) if self._offenders is not None else {}
        return envelope.answer({**_tsdb(self._cardinality(limit)), **refused})

    def wal_replay(self) -> Response:
        """The log is read before the first request is taken, so it is always done."""
        return envelope.answer({"min": 0, "max": 0, "current": 0})

    def notifications(self) -> Response:
        """What whoever looks at the server should know."""
        status = self._process.runtime()
        failed = {
            "text": RELOAD_FAILED,
            "date": rfc3339(status.config_read_ms),
            "active": True,
        }
        return envelope.answer([] if status.reload_succeeded else [failed])


def _refused(found: Offenders) -> Json:
    """What Prometheus lacks: who was kept out by which guard; nothing while nobody was."""
    told: Json = {}
    if found.refused:
        told["seriesRefusedByReasonAndMetric"] = [
            {"reason": reason, "name": name, "value": count}
            for (reason, name), count in found.refused
        ]
    if found.overflown:
        told["seriesOverflownByMetricAndLabel"] = [
            {"name": metric, "label": label, "value": count}
            for (metric, label), count in found.overflown
        ]
    return told


def _tsdb(found: Cardinality) -> Json:
    return {
        "headStats": {
            "numSeries": found.series,
            "numLabelPairs": found.label_pairs,
            "chunkCount": found.chunks,
            "minTime": found.first_ms,
            "maxTime": found.last_ms,
        },
        "seriesCountByMetricName": _counts(found.series_by_metric),
        "labelValueCountByLabelName": _counts(found.values_by_label),
        "memoryInBytesByLabelName": _counts(found.bytes_by_label),
        "seriesCountByLabelValuePair": _counts(found.series_by_pair),
    }


def _counts(counts: Counts) -> list[Json]:
    return [{"name": name, "value": value} for name, value in counts]
