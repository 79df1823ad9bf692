"""`INDICATORS`: kind -> how to make an `Indicator` from what a spec says; one file an entry."""

from collections.abc import Callable

from slo.indicators.latency import latency
from slo.indicators.native_latency import native_latency
from slo.indicators.ratio import ratio
from slo.indicators.sampled import sampled
from slo.objective import Indicator, SampledIndicator

INDICATORS: dict[str, Callable[..., Indicator | SampledIndicator]] = {
    "ratio": ratio,
    "latency": latency,
    "native_latency": native_latency,
    "sampled": sampled,
}
