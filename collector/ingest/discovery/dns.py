"""Targets from DNS: SRV, A, AAAA, MX and NS records.

Source: https://prometheus.io/docs/prometheus/latest/configuration/configuration/#dns_sd_config
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from collector.config import ScrapeConfig
from collector.discovery_config import DnsSdConfig
from collector.ingest.discovery.interface import Fail, Publish
from collector.ingest.discovery.refresh import Source, refresh
from collector.model.errors import UnavailableError
from collector.model.labels import Labels

LIFETIME_SECONDS = 20.0
"""All tries for one name."""


class DnsDiscovery:
    """Follows the names of `dns_sd_configs`."""

    def __init__(self, config: ScrapeConfig) -> None:
        self._sections = config.dns_sd_configs

    async def run(self, publish: Publish, fail: Fail) -> None:
        """Publish whenever a name's records change; a name that fails keeps its targets."""
        sources = [
            Source(partial(look_up, name, section), section.refresh_interval)
            for section in self._sections
            for name in section.names
        ]
        await refresh(sources, publish, fail)


async def look_up(name: str, section: DnsSdConfig) -> list[Labels]:
    """The targets of one name."""
    return targets_of(name, section, await records_of(name, section.type))


async def records_of(name: str, kind: str) -> list[str]:
    """Texts of a name's records, sorted; a name that does not exist has none.

    Raises UnavailableError when no name server answers.
    """
    # dnspython takes a while to import, and most installations never need it
    import dns.asyncresolver
    import dns.exception
    import dns.resolver

    try:
        answer = await dns.asyncresolver.resolve(
            name, kind, search=True, raise_on_no_answer=False, lifetime=LIFETIME_SECONDS
        )
    except dns.resolver.NXDOMAIN:
        return []
    except (dns.exception.DNSException, OSError) as error:
        raise UnavailableError(
            f"{kind} records of {name!r} can't be had: {error}",
            advice="check the name servers in /etc/resolv.conf",
        ) from error
    return sorted(record.to_text() for record in answer.rrset or ())


def targets_of(name: str, section: DnsSdConfig, records: Iterable[str]) -> list[Labels]:
    """A target for each record's text; meta labels keep a name's last dot. Pure."""
    return [Labels({"__meta_dns_name": name, **_target(section, text)}) for text in records]


def _target(section: DnsSdConfig, text: str) -> dict[str, str]:
    fields = text.split(" ")
    name, port = fields[-1], str(section.port)
    host = name.rstrip(".")
    if section.type == "SRV":
        port = fields[2]
        told = {"__meta_dns_srv_record_target": name, "__meta_dns_srv_record_port": port}
    else:
        kind = section.type.lower()
        told = {f"__meta_dns_{kind}_record_target": name} if kind in ("mx", "ns") else {}
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return {"__address__": address, **told}
