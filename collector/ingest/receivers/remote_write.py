"""Remote write: one HTTP body to an answer; the route is in `collector.api.remote_write`.

The statuses are Prometheus's: a sender tries 5xx and 429 again and drops what gets any other 4xx.
So what can't be stored is answered with 400 after the rest of the request was stored.
Sources: https://prometheus.io/docs/specs/prw/remote_write_spec_2_0/ and Prometheus's
storage/remote/write_handler.go
"""

from __future__ import annotations

from dataclasses import dataclass, field

from collector.ingest.formats import remote_write
from collector.ingest.formats.remote_write import Version
from collector.ingest.limits import MAX_REMOTE_WRITE_BODY_BYTES
from collector.ingest.remote_writer import Outcome, RemoteWriter
from collector.model.errors import InputError, LimitError, StorageError, TocsinError
from collector.self_metrics import IngestMetrics

MEDIA_TYPE = "application/x-protobuf"
VERSIONS: dict[str, Version] = {
    "": 1,
    "prometheus.WriteRequest": 1,
    "io.prometheus.write.v2.Request": 2,
}
"""Message of the Content-Type's parameter `proto` -> version."""
RETRY_AFTER_SECONDS = 5
MAX_MESSAGE_CHARACTERS = 1_000


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer: status, text, headers."""

    status: int
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)


class UnsupportedMediaError(InputError):
    """A content type or encoding that remote write does not have (HTTP 415)."""


class RemoteWriteReceiver:
    """Takes whole requests; blocking, so call it from a thread."""

    max_wire_bytes = MAX_REMOTE_WRITE_BODY_BYTES

    def __init__(self, writer: RemoteWriter, metrics: IngestMetrics) -> None:
        self._writer = writer
        self._metrics = metrics

    def receive(self, body: bytes, content_type: str, content_encoding: str) -> Answer:
        """Store what the body says; every error becomes an answer that says what is wrong."""
        version: Version | None = None
        try:
            version = version_of(content_type)
            _check_encoding(content_encoding)
            request = remote_write.scan(remote_write.unpacked(body), version)
            answer = _answer(self._writer.write(request), version)
        except TocsinError as error:
            answer = _refusal(error)
        return self._counted(version, answer)

    def refuse_oversize(self) -> Answer:
        """The answer to a body that is not even read to its end."""
        text = f"the body is larger than {self.max_wire_bytes:,} bytes"
        return self._counted(None, Answer(413, text))

    def _counted(self, version: Version | None, answer: Answer) -> Answer:
        told = "unknown" if version is None else f"{version}.0"
        self._metrics.remote_write_requests.labels(told, str(answer.status)).inc()
        return answer


def version_of(content_type: str) -> Version:
    """The version that a Content-Type says; none is 1.0. Raises UnsupportedMediaError."""
    media_type, *parameters = [part.strip() for part in content_type.split(";")]
    if media_type.lower() not in ("", MEDIA_TYPE):
        raise UnsupportedMediaError(
            f"the Content-Type {content_type!r} is not remote write", advice=f"send {MEDIA_TYPE}"
        )
    named = [text.partition("=") for text in parameters if text]
    messages = [value.strip('"') for name, _, value in named if name.strip().lower() == "proto"]
    message = messages[0] if messages else ""
    if message not in VERSIONS:
        raise UnsupportedMediaError(
            f"unknown remote-write message {message!r}",
            advice=f"one of {', '.join(filter(None, VERSIONS))}",
        )
    return VERSIONS[message]


def _check_encoding(content_encoding: str) -> None:
    if content_encoding.strip().lower() not in ("", "snappy"):
        raise UnsupportedMediaError(
            f"the Content-Encoding {content_encoding!r} is not supported", advice="send snappy"
        )


def _answer(outcome: Outcome, version: Version) -> Answer:
    headers = {}
    if version == 2:
        for name in ("samples", "histograms", "exemplars"):
            written = f"X-Prometheus-Remote-Write-{name.capitalize()}-Written"
            headers[written] = str(getattr(outcome, name))
    if sum(outcome.refused.values()):
        return Answer(400, outcome.message()[:MAX_MESSAGE_CHARACTERS], headers)
    return Answer(204, "", headers)


def _refusal(error: TocsinError) -> Answer:
    """The answer to a request of which nothing was stored."""
    text = str(error)[:MAX_MESSAGE_CHARACTERS]
    if isinstance(error, UnsupportedMediaError):
        return Answer(415, text)
    if isinstance(error, StorageError):
        return Answer(503, text, {"Retry-After": str(RETRY_AFTER_SECONDS)})
    if isinstance(error, InputError | LimitError):
        return Answer(400, text)
    return Answer(500, text)
