"""`Target`: one address to scrape: URL, labels, interval, its place within the interval.

Pure: a scrape section and what discovery found become a target, or nothing when relabelling drops
it. The labels that steer a scrape (`__address__`, `__scheme__`, `__param_x`, …) are Prometheus's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode, urlsplit

from collector.config import ScrapeConfig
from collector.ingest.relabel import Relabel, compile_rules
from collector.ingest.scrape.slots import Slots
from collector.model.durations import format_duration, parse_duration_ms
from collector.model.errors import ConfigError, InputError
from collector.model.labels import Labels

ADDRESS, SCHEME, PATH = "__address__", "__scheme__", "__metrics_path__"
INTERVAL, TIMEOUT, PARAM = "__scrape_interval__", "__scrape_timeout__", "__param_"
_LEGACY_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LEGACY_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
PATH_CHARACTERS = "$&+,/:;=@"
"""Beside letters, digits and `-_.~` a path has these as they are, as in Go's net/url."""
MAX_SNAP_RATIO = 0.01
"""A scrape that begins at most this part of its interval late is dated as if on time."""
MAX_SNAP_MS = 50
FIRST_SCRAPE_WITHIN_MS = 2_000
"""First scrapes are spread over this time, not over the interval."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is scraped; equal targets are the same target across reloads."""

    job: str
    url: str
    labels: Labels
    interval_ms: int
    timeout_ms: int
    discovered: Labels = field(compare=False)
    """As it was before relabelling, at last: what is told of it, no part of what it is."""
    place: int = field(init=False, compare=False)
    """Where within its interval the target is scraped, of 2^64: the same after a restart."""

    def __post_init__(self) -> None:
        identity = Labels({"labels": str(self.labels), "url": self.url})
        object.__setattr__(self, "place", identity.stable_hash())

    @property
    def source(self) -> str:
        """Name of the target for the store: one series of samples, one stripe."""
        return f"scrape/{self.job}/{self.url}#{self.labels.stable_hash():016x}"

    def first_scrape_ms(self, now_ms: int) -> int:
        """Soon after the start, as nobody likes to wait an interval for the first figure."""
        return now_ms + self.place % FIRST_SCRAPE_WITHIN_MS

    def next_scrape_ms(self, now_ms: int, slots: Slots) -> int:
        """The first time on the target's grid that is later than `now_ms`."""
        offset_ms = slots.offset_ms(self.place, self.interval_ms)
        periods = (now_ms - offset_ms) // self.interval_ms + 1
        return periods * self.interval_ms + offset_ms

    def sample_time_ms(self, scheduled_ms: int, now_ms: int) -> int:
        """The timestamp of a scrape's samples: on the grid when it began nearly on time."""
        tolerance_ms = min(self.interval_ms * MAX_SNAP_RATIO, MAX_SNAP_MS)
        return scheduled_ms if abs(now_ms - scheduled_ms) <= tolerance_ms else now_ms


def make_target(config: ScrapeConfig, discovered: Labels, relabel: Relabel) -> Target | None:
    """The target at discovered labels, None when relabelling drops it.

    `config` has its defaults filled in. Raises ConfigError when relabelling made something that
    can't be scraped.
    """
    labels = relabel(discovered_labels(config, discovered))
    if labels is None:
        return None
    if not labels.get(ADDRESS):
        raise ConfigError(
            f"a target of job {config.job_name!r} has no address: {labels}",
            advice="relabel_configs must leave a value in __address__",
        )
    _check_address(config, labels[ADDRESS])
    interval_ms, timeout_ms = _times(config, labels)
    public = Labels(pair for pair in labels.pairs if not pair[0].startswith("__"))
    if "instance" not in public:
        public = public.merged({"instance": labels[ADDRESS]})
    return Target(
        job=config.job_name,
        url=_url(config, labels),
        labels=public,
        interval_ms=interval_ms,
        timeout_ms=timeout_ms,
        discovered=discovered_labels(config, discovered),
    )


def _check_address(config: ScrapeConfig, address: str) -> None:
    if "/" in address:
        raise ConfigError(
            f"a target of job {config.job_name!r} has the address {address!r}, which is no host",
            advice="relabel_configs must move a URL out of __address__, as into __param_target",
        )


def _times(config: ScrapeConfig, labels: Labels) -> tuple[int, int]:
    """Interval and timeout in ms, which relabelling may have set."""
    try:
        interval_ms = parse_duration_ms(labels.get(INTERVAL, ""))
        timeout_ms = parse_duration_ms(labels.get(TIMEOUT, ""))
    except InputError as error:
        raise ConfigError(
            f"a target of job {config.job_name!r}: {error.message}",
            advice=f"relabel_configs must leave durations in {INTERVAL} and {TIMEOUT}",
        ) from error
    if not 0 < timeout_ms <= interval_ms:
        raise ConfigError(
            f"a target of job {config.job_name!r}: the timeout of {timeout_ms} ms must be above 0 "
            f"and at most the interval of {interval_ms} ms"
        )
    return interval_ms, timeout_ms


def discovered_labels(config: ScrapeConfig, found: Labels) -> Labels:
    """What discovery found, with the labels that the scrape section adds before relabelling."""
    added = {
        "job": config.job_name,
        SCHEME: config.scheme,
        PATH: config.metrics_path,
        INTERVAL: format_duration(config.scrape_interval or 0),
        TIMEOUT: format_duration(config.scrape_timeout or 0),
    }
    params = {PARAM + name: values[0] for name, values in config.params.items() if values}
    return Labels({**added, **dict(found.pairs), **params})


def _url(config: ScrapeConfig, labels: Labels) -> str:
    params = {name: list(values) for name, values in config.params.items()}
    for name, value in labels.pairs:
        if name.startswith(PARAM):
            params[name.removeprefix(PARAM)] = [
                value,
                *params.get(name.removeprefix(PARAM), [])[1:],
            ]
    path = labels.get(PATH, "/metrics")
    path = quote(path if path.startswith("/") else f"/{path}", safe=PATH_CHARACTERS)
    query = urlencode(sorted(params.items()), doseq=True)
    url = f"{labels.get(SCHEME, 'http')}://{labels[ADDRESS]}{path}{'?' + query if query else ''}"
    try:
        urlsplit(url)
    except ValueError as error:
        raise ConfigError(
            f"a target of job {config.job_name!r} has the address {labels[ADDRESS]!r}: {error}",
            advice="relabel_configs must leave host:port in __address__",
        ) from error
    return url


def sample_relabel(config: ScrapeConfig, target_labels: Labels) -> Relabel:
    """Labels as exposed to labels as stored: the target's labels, then metric_relabel_configs."""
    relabel = compile_rules(step.rule() for step in config.metric_relabel_configs)
    attach = _honoring if config.honor_labels else _overriding

    def admit(labels: Labels) -> Labels | None:
        return relabel(attach(labels, target_labels))

    def admit_legacy(labels: Labels) -> Labels | None:
        admitted = admit(labels)
        return None if admitted is None else _with_legacy_names(admitted)

    return admit_legacy if config.metric_name_validation_scheme == "legacy" else admit


def _with_legacy_names(labels: Labels) -> Labels:
    """The labels as they are; raises InputError for a name that only UTF-8 allows."""
    names = [name for name in labels if not _LEGACY_LABEL.fullmatch(name)]
    if names or not _LEGACY_NAME.fullmatch(labels.metric_name):
        raise InputError(
            f"{labels} has a name that metric_name_validation_scheme: legacy forbids",
            advice="set it to utf8, or rename with metric_relabel_configs",
        )
    return labels


def _honoring(exposed: Labels, target: Labels) -> Labels:
    return target.merged(dict(exposed.pairs))


def _overriding(exposed: Labels, target: Labels) -> Labels:
    """An exposed label that the target has too is kept as `exported_…`."""
    labels = dict(exposed.pairs)
    for name in target:
        if name not in labels:
            continue
        value, moved = labels.pop(name), f"exported_{name}"
        while moved in labels or moved in target:
            moved = f"exported_{moved}"
        labels[moved] = value
    return Labels({**labels, **dict(target.pairs)})
