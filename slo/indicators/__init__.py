"""`INDICATORS`: kind -> how to make an `Indicator` from what a spec says; one file an entry."""

from collections.abc import Callable
from functools import partial

from slo.indicators.availability import availability
from slo.indicators.freshness import freshness
from slo.indicators.latency import latency
from slo.indicators.native_latency import native_latency
from slo.indicators.ratio import ratio
from slo.indicators.records import records
from slo.indicators.sampled import sampled
from slo.indicators.saturation import saturation
from slo.indicators.throughput import throughput
from slo.objective import Indicator, SampledIndicator

INDICATORS: dict[str, Callable[..., Indicator | SampledIndicator]] = {
    "ratio": ratio,
    "latency": latency,
    "native_latency": native_latency,
    "availability": availability,
    "freshness": freshness,
    "throughput": throughput,
    "saturation": saturation,
    "spans": partial(records, "spans"),
    "logs": partial(records, "logs"),
    "sampled": sampled,
}
