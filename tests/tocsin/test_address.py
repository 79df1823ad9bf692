from __future__ import annotations

import socket

import pytest

from collector.model.errors import ConfigError, UnavailableError
from tocsin.address import bound_address, listener, read_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:9900", ("127.0.0.1", 9900)),
        ("[::1]:0", ("::1", 0)),
        ("a.b:65535", ("a.b", 65535)),
    ],
)
def test_host_and_port_are_read(text: str, address: tuple[str, int]) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize(
    "text",
    ["", "9900", "localhost", ":9900", "a:", "a:b", "a:-1", "a:65536", "a:\N{SUPERSCRIPT TWO}"],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ConfigError, match=r"write host:port, like 127\.0\.0\.1:9900"):
        read_address(text)


def test_port_0_is_any_free_one() -> None:
    with listener("127.0.0.1:0") as held:
        assert bound_address("127.0.0.1:0", held) == f"127.0.0.1:{held.getsockname()[1]}"


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(UnavailableError, match="Address already in use"):
            listener(taken)


def test_a_host_that_is_not_here_is_told() -> None:
    with pytest.raises(UnavailableError, match=r"can't listen on 192\.0\.2\.1:1"):
        listener("192.0.2.1:1")
