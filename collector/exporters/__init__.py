"""`EXPORTERS`: name -> exporter; adding one is one file and one line."""

from collections.abc import Callable, Mapping

from collector.exporters.host import HostExporter
from collector.exporters.interface import Exporter

EXPORTERS: Mapping[str, Callable[[], Exporter]] = {
    "host": HostExporter,
}
