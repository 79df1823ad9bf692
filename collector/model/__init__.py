"""The shared vocabulary: the only names that every other package may count on."""

from collector.model.alert import Alert, AlertSink
from collector.model.clock import Clock, ManualClock, SystemClock
from collector.model.errors import TocsinError
from collector.model.labels import Labels
from collector.model.matchers import Matcher
from collector.model.samples import SampleBatch
from collector.model.secrets import Secret

__all__ = [
    "Alert",
    "AlertSink",
    "Clock",
    "Labels",
    "ManualClock",
    "Matcher",
    "SampleBatch",
    "Secret",
    "SystemClock",
    "TocsinError",
]
