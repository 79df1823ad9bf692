"""One target asked over a real socket: redirects, credentials, connections that go away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.config import ScrapeConfig
from collector.ingest.http.tls import TlsContexts
from collector.ingest.scrape.fetch import Fetched, Fetcher
from collector.model.errors import ConfigError, InputError, UnavailableError
from tests.oracles.exposition_server import Answer, ExpositionServer


@pytest.fixture
def servers() -> Iterator[list[ExpositionServer]]:
    made: list[ExpositionServer] = []
    yield made
    for server in made:
        server.close()


def fetcher(server: ExpositionServer, path: str = "/metrics", **section: object) -> Fetcher:
    config = ScrapeConfig.model_validate({"job_name": "j", **section})
    return Fetcher(
        config, TlsContexts(config.tls_config, "job 'j'"), f"http://{server.address}{path}"
    )


def get(fetching: Fetcher, times: int = 1) -> Fetched:
    async def ask() -> Fetched:
        try:
            return [await fetching.get(5) for _ in range(times)][-1]
        finally:
            fetching.close()

    return asyncio.run(ask())


def test_one_connection_serves_many_scrapes(servers: list[ExpositionServer]) -> None:
    servers.append(ExpositionServer(Answer(b"a 1\n")))
    assert get(fetcher(servers[0], "/m?x=1"), times=3).body == b"a 1\n"
    assert [path for path, _ in servers[0].requests] == ["/m?x=1"] * 3
    assert servers[0].connections == 1


def test_a_connection_that_the_server_closed_is_opened_again(
    servers: list[ExpositionServer],
) -> None:
    servers.append(ExpositionServer(Answer(b"a 1\n"), silent_close=True))
    assert get(fetcher(servers[0]), times=3).body == b"a 1\n"
    assert servers[0].connections == 3


def test_redirects_are_followed_and_credentials_stay_with_their_host(
    servers: list[ExpositionServer],
) -> None:
    servers.append(ExpositionServer(Answer(b"a 1\n")))
    there = f"http://{servers[0].address}/elsewhere"
    servers.append(ExpositionServer(Answer(status=302, headers={"Location": there})))
    assert get(fetcher(servers[1], bearer_token="s3cret")).body == b"a 1\n"
    assert servers[1].requests[0][1]["Authorization"] == "Bearer s3cret"
    path, headers = servers[0].requests[0]
    assert path == "/elsewhere"
    assert "Authorization" not in headers


def test_redirects_end(servers: list[ExpositionServer]) -> None:
    servers.append(ExpositionServer(Answer(status=302, headers={"Location": "/again"})))
    with pytest.raises(InputError, match="more than 5 redirects"):
        get(fetcher(servers[0]))
    with pytest.raises(UnavailableError, match="HTTP 302"):
        get(fetcher(servers[0], follow_redirects=False))


def test_a_redirect_to_a_file_is_refused(servers: list[ExpositionServer]) -> None:
    servers.append(ExpositionServer(Answer(status=302, headers={"Location": "file:///etc/x"})))
    with pytest.raises(InputError, match="redirected to"):
        get(fetcher(servers[0]))


def test_an_answer_that_is_cut_short_is_no_answer(servers: list[ExpositionServer]) -> None:
    servers.append(ExpositionServer(Answer(b"a 1\n", promised_bytes=100)))
    with pytest.raises(UnavailableError, match="can't reach"):
        get(fetcher(servers[0]))


def test_an_unknown_encoding_is_told(servers: list[ExpositionServer]) -> None:
    servers.append(ExpositionServer(Answer(b"a 1\n", headers={"Content-Encoding": "br"})))
    with pytest.raises(InputError, match="'br'"):
        get(fetcher(servers[0]))


@pytest.mark.parametrize(
    ("section", "header"),
    [
        ({"basic_auth": {"username": "u", "password": "p"}}, "Basic dTpw"),
        ({"authorization": {"type": "Token", "credentials": "c"}}, "Token c"),
        ({"bearer_token": "b"}, "Bearer b"),
    ],
)
def test_credentials(
    servers: list[ExpositionServer], section: dict[str, object], header: str
) -> None:
    servers.append(ExpositionServer(Answer()))
    get(fetcher(servers[0], http_headers={"X-Tenant": {"values": ["t"]}}, **section))
    headers = servers[0].requests[0][1]
    assert headers["Authorization"] == header
    assert headers["X-Tenant"] == "t"


def test_credentials_in_files_are_read_each_time(
    servers: list[ExpositionServer], tmp_path: Path
) -> None:
    servers.append(ExpositionServer(Answer()))
    file = tmp_path / "token"
    for token in ("one", "two"):
        file.write_text(f"{token}\n")
        get(fetcher(servers[0], authorization={"credentials_file": str(file)}))
        assert servers[0].requests[-1][1]["Authorization"] == f"Bearer {token}"
    file.unlink()
    with pytest.raises(ConfigError, match="can't be read"):
        get(fetcher(servers[0], authorization={"credentials_file": str(file)}))


def test_certificates_that_are_none_are_told(tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_text("nothing")
    config = ScrapeConfig.model_validate({"job_name": "j", "tls_config": {"ca_file": str(file)}})
    with pytest.raises(ConfigError, match="tls_config of job 'j'"):
        TlsContexts(config.tls_config, "job 'j'")
