"""`DISCOVERERS`: key of the scrape section -> its discoverer; adding one is a file and a line."""

from collections.abc import Callable, Mapping

from collector.config import ScrapeConfig
from collector.ingest.discovery.dns import DnsDiscovery
from collector.ingest.discovery.file import FileDiscovery
from collector.ingest.discovery.http import HttpDiscovery
from collector.ingest.discovery.interface import Discoverer
from collector.ingest.discovery.kubernetes import KubernetesDiscovery
from collector.ingest.discovery.static import StaticDiscovery

DISCOVERERS: Mapping[str, Callable[[ScrapeConfig], Discoverer]] = {
    "static_configs": StaticDiscovery,
    "file_sd_configs": FileDiscovery,
    "http_sd_configs": HttpDiscovery,
    "dns_sd_configs": DnsDiscovery,
    "kubernetes_sd_configs": KubernetesDiscovery,
}
