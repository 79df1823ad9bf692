"""`targets`, `targets/metadata`, `scrape_pools`: what is scraped and how that goes.

Source: web/api/v1/api.go of Prometheus 3.14.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Annotated, Protocol
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Response

from collector.api import envelope
from collector.api.go_texts import rfc3339
from collector.api.parameters import Parameters, invalid, parameters
from collector.ingest.scrape.loop import TargetStatus
from collector.model.durations import format_duration
from collector.model.errors import InputError
from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all
from collector.model.metadata import Metadata
from collector.query.parser import parse_selector

Json = dict[str, object]
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_Given = Annotated[Parameters, Depends(parameters)]


class Targets(Protocol):
    """What the routes need to know of a scrape pool."""

    def targets(self) -> list[TargetStatus]:
        """Every target that is scraped."""
        ...

    def dropped(self) -> dict[str, list[Labels]]:
        """Discovered labels of the targets that relabelling dropped, by job."""
        ...

    def jobs(self) -> list[str]:
        """Names of the scrape sections."""
        ...


FamiliesOf = Callable[[Labels], Mapping[str, Metadata]]
"""What the families say of themselves of which a target with these labels has series."""


def router(pool: Targets, families_of: FamiliesOf, external_url: str) -> APIRouter:
    """The routes over a scrape pool; `external_url` is how others reach this process."""
    routes = _Routes(pool, families_of, external_url)
    api = envelope.api_router()
    envelope.add_routes(
        api,
        {
            "/targets": (routes.targets, "GET"),
            "/targets/metadata": (routes.metadata, "GET"),
            "/scrape_pools": (routes.scrape_pools, "GET"),
        },
    )
    return api


class _Routes:
    def __init__(self, pool: Targets, families_of: FamiliesOf, external_url: str) -> None:
        self._pool = pool
        self._families_of = families_of
        self._external_url = external_url

    def targets(self, given: _Given) -> Response:
        """Active and dropped targets."""
        state, pool = given.text("state").lower(), given.text("scrapePool")
        active = self._active(pool) if state in ("", "any", "active") else []
        shows_dropped = state in ("", "any", "dropped")
        dropped = {
            job: found
            for job, found in self._pool.dropped().items()
            if shows_dropped and pool in ("", job)
        }
        labels = [
            {"discoveredLabels": dict(one.pairs), "scrapePool": job}
            for job, found in sorted(dropped.items())
            for one in found
        ]
        counts = {job: len(found) for job, found in dropped.items()}
        return envelope.answer(
            {
                "activeTargets": [target_json(one, self._external_url) for one in active],
                "droppedTargets": labels,
                "droppedTargetCounts": counts if shows_dropped else None,
            }
        )

    def metadata(self, given: _Given) -> Response:
        """What each target says of its metrics."""
        limit = given.count("limit")
        matchers = _matchers(given.text("match_target"))
        entries = self._entries(matchers, given.text("metric"))
        return envelope.answer(list(islice(entries, limit if limit >= 0 else None)))

    def scrape_pools(self) -> Response:
        """Names of the scrape sections."""
        return envelope.answer({"scrapePools": self._pool.jobs()})

    def _active(self, pool: str) -> list[TargetStatus]:
        return [one for one in self._pool.targets() if pool in ("", one.target.job)]

    def _entries(self, matchers: Sequence[Matcher], metric: str) -> Iterator[Json]:
        for status in self._pool.targets():
            labels = status.target.labels
            if not matches_all(matchers, labels):
                continue
            known = self._families_of(labels)
            for name in sorted(known) if not metric else [metric] * (metric in known):
                told = known[name]
                yield {
                    "target": dict(labels.pairs),
                    **({} if metric else {"metric": name}),
                    "type": told.type,
                    "help": told.help,
                    "unit": told.unit,
                }


def _matchers(selector: str) -> Sequence[Matcher]:
    try:
        return parse_selector(selector) if selector else ()
    except InputError as error:
        raise invalid("match_target", error.message) from error


def global_url(url: str, external_url: str) -> str:
    """A loopback URL as it can be reached from elsewhere: by the host that `external_url` names.

    With the same port it is this process itself, so scheme and port are the outside's too.
    """
    target, outside = urlsplit(url), urlsplit(external_url)
    if target.hostname not in _LOOPBACK or not outside.hostname:
        return url
    try:
        number = target.port
    except ValueError:  # no port but something else stands there: nobody reaches that
        return url
    if number == outside.port:
        return target._replace(scheme=outside.scheme, netloc=outside.netloc).geturl()
    port = f":{number}" if number else ""
    return target._replace(netloc=f"{outside.hostname}{port}").geturl()


def target_json(status: TargetStatus, external_url: str) -> Json:
    """One active target in Prometheus's form."""
    target = status.target
    return {
        "discoveredLabels": dict(target.discovered.pairs),
        "labels": dict(target.labels.pairs),
        "scrapePool": target.job,
        "scrapeUrl": target.url,
        "globalUrl": global_url(target.url, external_url),
        "lastError": status.last_error,
        "lastScrape": rfc3339(status.last_scrape_ms),
        "lastScrapeDuration": status.last_duration_seconds,
        "health": status.health,
        "scrapeInterval": format_duration(target.interval_ms),
        "scrapeTimeout": format_duration(target.timeout_ms),
    }
