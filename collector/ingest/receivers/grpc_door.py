"""`Door`: a port whose server is begun by the first who comes, and stands behind a Unix socket.

gRPC's threads look around some ten times a second each, and its library takes ten megabytes: most
services send OTLP over HTTP or are scraped, and an idle process shall cost nothing. Knows nothing
of gRPC but that bytes go to and fro.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Callable
from contextlib import suppress

BACKLOG = 128
"""Connections that wait while the server begins."""
CHUNK_BYTES = 256 * 1024
STOP_PATIENCE_SECONDS = 5.0
_log = logging.getLogger(__name__)


class Door:
    """Owns a bound socket; `begin` starts the server and answers the path of its Unix socket."""

    def __init__(self, held: socket.socket, begin: Callable[[], str]) -> None:
        self._held = held
        self._begin = begin
        self._thread = threading.Thread(target=self._run, name="tocsin-grpc-door", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing = threading.Event()
        self._closed = asyncio.Event()

    def open(self) -> None:
        """Let connections come."""
        self._held.listen(BACKLOG)
        self._thread.start()

    def shut(self) -> None:
        """Let nobody in any more."""
        self._closing.set()

    def close(self) -> None:
        """The same, and end the connections that there are."""
        self.shut()
        if self._loop is None:
            with suppress(OSError):
                self._held.shutdown(socket.SHUT_RDWR)  # ends the waiting for the first
        else:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._closed.set)
        if self._thread.is_alive():
            self._thread.join(STOP_PATIENCE_SECONDS)
        self._held.close()

    def _run(self) -> None:
        try:
            first, _ = self._held.accept()
        except OSError:
            return  # closed before anybody came
        try:
            asyncio.run(self._serve(first, self._begin()))
        except Exception:
            _log.exception("nobody is let in to the gRPC server any more")
            self._held.close()

    async def _serve(self, first: socket.socket, path: str) -> None:
        async def let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if self._closing.is_set():
                writer.close()
            else:
                await _join(reader, writer, path)

        self._loop = asyncio.get_running_loop()
        if self._closing.is_set():
            first.close()
            return
        entering = asyncio.create_task(let_in(*await asyncio.open_connection(sock=first)))
        server = await asyncio.start_server(let_in, sock=self._held)
        await self._closed.wait()
        server.close()
        entering.cancel()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> None:
    """Pass bytes on in both directions until either side ends."""
    try:
        inner_reader, inner_writer = await asyncio.open_unix_connection(path)
    except OSError as error:
        _log.error("a gRPC connection is refused: %s", error)
        writer.close()
        return
    await asyncio.gather(_pass_on(reader, inner_writer), _pass_on(inner_reader, writer))


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while part := await source.read(CHUNK_BYTES):
            sink.write(part)
            await sink.drain()
    except OSError:
        pass  # the other direction ends by itself
    finally:
        sink.close()
