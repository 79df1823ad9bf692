"""Metrics, traces, logs and health endpoints for a Python service, in one call: `instrument(app)`.

Importing has no effect. `tocsin_instrument.testing` helps the tests of applications,
`tocsin_instrument.names` has the names of all series.
"""

from tocsin_instrument.health import Check
from tocsin_instrument.indicators import bad, good
from tocsin_instrument.log_json import JsonFormatter
from tocsin_instrument.red import measured
from tocsin_instrument.request_context import outgoing_headers
from tocsin_instrument.setup import Endpoints, Instrumentation, instrument

__all__ = [
    "Check",
    "Endpoints",
    "Instrumentation",
    "JsonFormatter",
    "bad",
    "good",
    "instrument",
    "measured",
    "outgoing_headers",
]
