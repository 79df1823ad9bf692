"""TLS with client certificates, proxies and OAuth2, each over real sockets."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from collector.config import ScrapeConfig
from collector.ingest.http.tls import TlsContexts
from collector.ingest.scrape.fetch import Fetched, Fetcher
from collector.model.errors import ConfigError, UnavailableError
from tests.oracles.exposition_server import Answer, ExpositionServer
from tests.oracles.http_peers import Certificates, ProxyServer


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as opened:
        yield opened


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def secure(stack: ExitStack, certificates: Certificates) -> ExpositionServer:
    server = ExpositionServer(Answer(b"a 1\n"), tls=certificates.server_context)
    return stack.enter_context(closing(server))


def get(url: str, times: int = 1, **section: object) -> Fetched:
    config = ScrapeConfig.model_validate({"job_name": "j", **section})
    fetching = Fetcher(config, TlsContexts(config.tls_config, "job 'j'"), url)

    async def ask() -> Fetched:
        try:
            return [await fetching.get(5) for _ in range(times)][-1]
        finally:
            fetching.close()

    return asyncio.run(ask())


def tls(certificates: Certificates, **more: object) -> dict[str, object]:
    return {
        "ca_file": str(certificates.ca),
        "cert_file": str(certificates.cert),
        "key_file": str(certificates.key),
        "server_name": "target.example",
        **more,
    }


def test_both_sides_show_certificates(secure: ExpositionServer, certificates: Certificates) -> None:
    url = f"https://{secure.address}/metrics"
    assert get(url, times=2, tls_config=tls(certificates)).body == b"a 1\n"
    assert secure.connections == 1


def test_certificates_may_be_written_inline(
    secure: ExpositionServer, certificates: Certificates
) -> None:
    inline = {
        "ca": certificates.ca.read_text(),
        "cert": certificates.cert.read_text(),
        "key": certificates.key.read_text(),
        "server_name": "target.example",
    }
    assert get(f"https://{secure.address}/metrics", tls_config=inline).body == b"a 1\n"


def test_the_server_s_name_is_checked(secure: ExpositionServer, certificates: Certificates) -> None:
    with pytest.raises(UnavailableError, match="certificate"):
        get(f"https://{secure.address}/metrics", tls_config=tls(certificates, server_name="other"))


def test_a_server_below_min_version_is_refused(
    secure: ExpositionServer, certificates: Certificates
) -> None:
    url = f"https://{secure.address}/metrics"
    with pytest.raises(UnavailableError):
        get(url, tls_config=tls(certificates, min_version="TLS13"))


def test_a_certificate_that_is_none_is_told_by_the_section(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    with pytest.raises(ConfigError, match="job 'j'"):
        get("https://127.0.0.1:1/", tls_config={"ca_file": str(bad)})


def test_a_proxy_is_asked_for_the_whole_url(stack: ExitStack) -> None:
    target = stack.enter_context(closing(ExpositionServer(Answer(b"a 1\n"))))
    proxy = stack.enter_context(closing(ProxyServer()))
    url = f"http://{target.address}/metrics?x=1"
    assert get(url, proxy_url=f"http://me:secret@{proxy.address}").body == b"a 1\n"
    ((method, asked, headers),) = proxy.asked
    assert (method, asked) == ("GET", url)
    assert headers["Proxy-Authorization"] == "Basic bWU6c2VjcmV0"
    assert "Proxy-Authorization" not in target.requests[0][1]


def test_https_goes_through_a_tunnel(
    stack: ExitStack, secure: ExpositionServer, certificates: Certificates
) -> None:
    proxy = stack.enter_context(closing(ProxyServer()))
    section = {
        "tls_config": tls(certificates),
        "proxy_url": f"http://{proxy.address}",
        "proxy_connect_header": {"X-Team": ["store"]},
    }
    assert get(f"https://{secure.address}/metrics", times=2, **section).body == b"a 1\n"
    ((method, asked, headers),) = proxy.asked
    assert (method, asked, headers["X-Team"]) == ("CONNECT", secure.address, "store")


def test_a_proxy_that_refuses_is_told(stack: ExitStack, certificates: Certificates) -> None:
    proxy = stack.enter_context(closing(ProxyServer(refuse=407)))
    with pytest.raises(UnavailableError, match="answered 407"):
        get("https://127.0.0.1:1/metrics", proxy_url=f"http://{proxy.address}")


class TokenEndpoint:
    """Answers with tokens that are numbered; asks for the id in the form when `form_only`."""

    def __init__(self, expires_in: int, *, form_only: bool = False) -> None:
        self.given = 0
        self._expires_in = expires_in
        self._form_only = form_only
        self.bodies: list[str] = []

    def __call__(self, path: str, body: str, headers: dict[str, str]) -> Answer:
        self.bodies.append(body)
        if self._form_only and "client_secret" not in body:
            return Answer(b"{}", status=401, content_type="application/json")
        assert self._form_only or headers["Authorization"] == "Basic aWQ6cyUyRjE="
        self.given += 1
        token = {"access_token": f"t{self.given}", "expires_in": self._expires_in}
        return Answer(json.dumps(token).encode(), content_type="application/json")


@pytest.mark.parametrize(("expires_in", "form_only", "tokens"), [(3600, False, 1), (1, True, 2)])
def test_client_credentials_become_a_token_that_is_kept_until_its_end(
    stack: ExitStack, expires_in: int, form_only: bool, tokens: int
) -> None:
    endpoint = TokenEndpoint(expires_in, form_only=form_only)
    issuer = stack.enter_context(closing(ExpositionServer(Answer(), on_post=endpoint)))
    target = stack.enter_context(closing(ExpositionServer(Answer(b"a 1\n"))))
    section = {
        "client_id": "id",
        "client_secret": "s/1",
        "scopes": ["read", "metrics"],
        "token_url": f"http://{issuer.address}/token",
        "endpoint_params": {"audience": "tocsin"},
    }
    get(f"http://{target.address}/metrics", times=2, oauth2=section)
    assert endpoint.given == tokens
    assert [headers["Authorization"] for _, headers in target.requests] == [
        "Bearer t1",
        f"Bearer t{tokens}",
    ]
    assert "scope=read+metrics" in endpoint.bodies[0]
    assert "audience=tocsin" in endpoint.bodies[0]


def test_no_token_fails_the_scrape_without_showing_the_secret(stack: ExitStack) -> None:
    issuer = stack.enter_context(closing(ExpositionServer(Answer(status=500))))
    section = {
        "client_id": "id",
        "client_secret": "s3cret",
        "token_url": f"http://{issuer.address}/",
    }
    with pytest.raises(UnavailableError, match="no token from") as caught:
        get("http://127.0.0.1:1/metrics", oauth2=section)
    assert "s3cret" not in str(caught.value)
