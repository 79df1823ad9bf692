"""`host:port` as text, and the socket that it stands for: taken before anything else starts."""

from __future__ import annotations

import socket

from collector.model.errors import ConfigError, UnavailableError

MAX_PORT = 65_535
ADVICE = "write host:port, like 127.0.0.1:9900; port 0 takes any that is free"


def read_address(text: str) -> tuple[str, int]:
    """Host and port; raises ConfigError. An IPv6 host stands in brackets, `[::1]:9900`."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    known = bool(colon and host) and port.isascii() and port.isdecimal() and len(port) < 6
    if not known or int(port) > MAX_PORT:
        raise ConfigError(f"not an address to listen on: {text!r}", advice=ADVICE)
    return host, int(port)


def listener(address: str) -> socket.socket:
    """A socket that holds the address; the web server begins to listen on it when it is ready.

    Raises ConfigError for what is no address, UnavailableError for one that can't be had.
    """
    host, port = read_address(address)
    try:
        family, kind, _, _, place = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        held = socket.socket(family, kind)
        try:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind(place)
        except OSError:
            held.close()
            raise
    except OSError as error:
        raise UnavailableError(
            f"can't listen on {address}: {error.strerror or error}",
            advice="stop what listens there, or give another address with --listen",
        ) from error
    return held


def bound_address(address: str, held: socket.socket) -> str:
    """The address with the port that the socket really has."""
    host = address.rpartition(":")[0]
    return f"{host}:{held.getsockname()[1]}"
