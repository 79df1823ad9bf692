"""`DISCOVERERS`: key of the scrape section -> its discoverer; adding one is a file and a line."""

from collections.abc import Callable, Mapping

from collector.config import ScrapeConfig
from collector.ingest.discovery.file import FileDiscovery
from collector.ingest.discovery.interface import Discoverer
from collector.ingest.discovery.static import StaticDiscovery

DISCOVERERS: Mapping[str, Callable[[ScrapeConfig], Discoverer]] = {
    "static_configs": StaticDiscovery,
    "file_sd_configs": FileDiscovery,
}
