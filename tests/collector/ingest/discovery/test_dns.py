import asyncio
from collections.abc import Iterator
from pathlib import Path

import dns.asyncresolver
import pytest

from collector.discovery_config import DnsSdConfig
from collector.ingest.discovery.dns import look_up, targets_of
from collector.model.errors import UnavailableError
from collector.model.labels import Labels
from tests.oracles.dns_server import DnsServer

RECORDS = {
    ("_http._tcp.shop.example.", "SRV"): ["0 1 8080 a.shop.example.", "0 1 8081 b.shop.example."],
    ("shop.example.", "A"): ["192.0.2.7", "192.0.2.8"],
    ("shop.example.", "AAAA"): ["2001:db8::1"],
    ("shop.example.", "MX"): ["10 mail.shop.example."],
    ("shop.example.", "NS"): ["ns1.shop.example."],
    ("empty.example.", "TXT"): ['"only text"'],
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[DnsServer]:
    made = DnsServer(RECORDS)
    resolver = dns.asyncresolver.Resolver(configure=False)
    resolver.nameservers, resolver.port = ["127.0.0.1"], made.port
    monkeypatch.setattr(dns.asyncresolver, "default_resolver", resolver)
    yield made
    made.close()


def ask(name: str, kind: str = "SRV", port: int | None = None) -> list[Labels]:
    section = DnsSdConfig(names=(name,), type=kind, port=port)  # type: ignore[arg-type]
    return asyncio.run(look_up(name, section))


def test_srv_records_bring_their_port(server: DnsServer) -> None:
    assert ask("_http._tcp.shop.example") == [
        Labels(
            {
                "__address__": f"{host}.shop.example:{port}",
                "__meta_dns_name": "_http._tcp.shop.example",
                "__meta_dns_srv_record_target": f"{host}.shop.example.",
                "__meta_dns_srv_record_port": port,
            }
        )
        for host, port in (("a", "8080"), ("b", "8081"))
    ]


@pytest.mark.parametrize(
    ("kind", "addresses", "more"),
    [
        ("A", ["192.0.2.7:9100", "192.0.2.8:9100"], {}),
        ("AAAA", ["[2001:db8::1]:9100"], {}),
        (
            "MX",
            ["mail.shop.example:9100"],
            {"__meta_dns_mx_record_target": "mail.shop.example."},
        ),
        ("NS", ["ns1.shop.example:9100"], {"__meta_dns_ns_record_target": "ns1.shop.example."}),
    ],
)
def test_other_records_take_the_section_s_port(
    server: DnsServer, kind: str, addresses: list[str], more: dict[str, str]
) -> None:
    name = {"__meta_dns_name": "shop.example"}
    assert ask("shop.example", kind, 9100) == [
        Labels({"__address__": address, **name, **more}) for address in addresses
    ]


def test_a_name_without_records_has_no_targets(server: DnsServer) -> None:
    assert ask("nobody.example", "A", 1) == []
    assert ask("empty.example", "A", 1) == []


def test_a_server_that_fails_is_an_error_not_an_empty_answer(server: DnsServer) -> None:
    server.failing = True
    with pytest.raises(UnavailableError, match="can't be had"):
        ask("shop.example", "A", 1)


def test_types_are_read_in_any_case() -> None:
    section = DnsSdConfig(names=("x",), type="a", port=1)  # type: ignore[arg-type]
    assert targets_of("x", section, ["192.0.2.7"])[0]["__address__"] == "192.0.2.7:1"
