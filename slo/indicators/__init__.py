"""`INDICATORS`: kind -> how to make an `Indicator` from what a spec says; one file an entry."""

from collections.abc import Callable

from slo.indicators.latency import latency
from slo.indicators.ratio import ratio
from slo.objective import Indicator

INDICATORS: dict[str, Callable[..., Indicator]] = {
    "ratio": ratio,
    "latency": latency,
}
