"""OTLP over gRPC: each call's bytes to the receivers that take OTLP/HTTP's; answers likewise.

Source: https://opentelemetry.io/docs/specs/otlp/#otlpgrpc
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from collector.ingest.receivers.grpc_door import Door
from collector.ingest.receivers.otlp_exchange import PROTOBUF, RETRY_AFTER_SECONDS, Reply

if TYPE_CHECKING:
    import grpc

METRICS_METHOD = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
TRACES_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS_METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
THREADS = 4
"""Calls at work at once: the writers let one in at a time, the others are read meanwhile."""
MAX_WAITING = 64
"""Calls that may wait beside; more are told to come again."""
DRAIN_SECONDS = 2.0

Receive = Callable[[bytes, str, str], Reply]
"""Body, content type and encoding to an answer, as the HTTP receivers have it."""


class OtlpGrpc:
    """A gRPC server in this process, begun when somebody comes."""

    def __init__(self, receivers: Mapping[str, Receive], max_body_bytes: int) -> None:
        """`receivers`: full method name -> what takes its requests."""
        self._receivers = dict(receivers)
        self._max_body_bytes = max_body_bytes
        self._server: grpc.Server | None = None
        self._door: Door | None = None
        self._directory: tempfile.TemporaryDirectory[str] | None = None

    def start(self, held: socket.socket) -> None:
        """Listen on a bound socket, which is owned from now on."""
        self._door = Door(held, self._begin)
        self._door.open()

    def stop(self) -> None:
        """Answer what is under way and stop."""
        if self._door is not None:
            self._door.shut()
        if self._server is not None:
            self._server.stop(DRAIN_SECONDS).wait()
        if self._door is not None:
            self._door.close()
        if self._directory is not None:
            self._directory.cleanup()
        self._server = self._door = self._directory = None

    def _begin(self) -> str:
        import grpc  # most processes never need it

        server = grpc.server(
            ThreadPoolExecutor(THREADS, thread_name_prefix="otlp-grpc"),
            options=(("grpc.max_receive_message_length", self._max_body_bytes),),
            maximum_concurrent_rpcs=THREADS + MAX_WAITING,
        )
        server.add_generic_rpc_handlers((_handlers(self._receivers),))
        self._directory = tempfile.TemporaryDirectory(prefix="tocsin-")  # only its owner may enter
        path = f"{self._directory.name}/grpc"
        server.add_insecure_port(f"unix:{path}")
        server.start()
        self._server = server
        return path


def _handlers(receivers: Mapping[str, Receive]) -> grpc.GenericRpcHandler:
    import grpc

    class Handlers(grpc.GenericRpcHandler):
        """Methods by their full names; bytes are passed as they are."""

        def service(self, details: grpc.HandlerCallDetails) -> Any:
            receive = receivers.get(str(details.method))
            if receive is None:
                return None

            def call(body: bytes, context: grpc.ServicerContext) -> bytes:
                reply = receive(body, PROTOBUF, "")
                if reply.status == 200:
                    return reply.body
                _refuse(context, reply)
                return b""

            return grpc.unary_unary_rpc_method_handler(call)

    return Handlers()


def _refuse(context: grpc.ServicerContext, reply: Reply) -> None:
    """The status of an HTTP answer as gRPC's; who may come again is told when."""
    import grpc

    codes = {
        400: grpc.StatusCode.INVALID_ARGUMENT,
        413: grpc.StatusCode.RESOURCE_EXHAUSTED,
        429: grpc.StatusCode.UNAVAILABLE,
        503: grpc.StatusCode.UNAVAILABLE,
    }
    code = codes.get(reply.status, grpc.StatusCode.INTERNAL)
    if code is grpc.StatusCode.UNAVAILABLE:
        delay = str(RETRY_AFTER_SECONDS * 1000)
        context.set_trailing_metadata((("grpc-retry-pushback-ms", delay),))
    context.abort(code, _message(reply.body))


def _message(status: bytes) -> str:
    """The text of a google.rpc.Status: its field 2, after the code."""
    if len(status) < 4 or status[2] != 0x12:
        return ""
    at = 3
    while at < len(status) and status[at] & 0x80:
        at += 1
    return status[at + 1 :].decode(errors="replace")
