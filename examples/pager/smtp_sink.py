"""A mail server that keeps what it gets: enough of RFC 5321 for a client that sends one mail."""

from __future__ import annotations

import asyncio
import email
import email.policy
from dataclasses import dataclass

from examples.pager.record import Record

NEEDED_HEADERS = ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type")


@dataclass(frozen=True, slots=True)
class SmtpSink:
    """The listening server and its port."""

    server: asyncio.Server
    port: int

    def close(self) -> None:
        """Listen no more."""
        self.server.close()


async def serve_smtp(host: str, port: int, record: Record) -> SmtpSink:
    """Listen on `port` (0: a free one) and record each mail under the service `smtp`."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await _converse(reader, writer, record)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, host, port)
    return SmtpSink(server, server.sockets[0].getsockname()[1])


async def _converse(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, record: Record
) -> None:
    async def say(line: str) -> None:
        writer.write(line.encode() + b"\r\n")
        await writer.drain()

    recipients: list[str] = []
    await say("220 pager ESMTP")
    while line := (await reader.readline()).decode("utf-8", "replace").strip():
        verb = line.split(" ", 1)[0].upper()
        if verb == "EHLO":
            await say("250-pager")
            await say("250 8BITMIME")
        elif verb == "RCPT":
            recipients.append(line.partition(":")[2].strip("<> "))
            await say("250 ok")
        elif verb == "DATA":
            await say("354 go on")
            body, problems = _read_mail(await _data(reader), recipients)
            record.add("smtp", "DATA", 250, problems, body=body)
            await say("250 taken")
            recipients = []
        elif verb == "QUIT":
            await say("221 bye")
            return
        else:
            await say("250 ok" if verb in ("HELO", "MAIL", "RSET", "NOOP") else "500 what?")


def _read_mail(raw: bytes, recipients: list[str]) -> tuple[dict[str, object], list[str]]:
    """The mail as JSON holds it, and what RFC 5322 misses in it."""
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    parts = {
        part.get_content_type(): part.get_content()
        for part in mail.walk()
        if part.get_content_maintype() == "text"
    }
    problems = [f"{name} is missing" for name in NEEDED_HEADERS if name not in mail]
    problems += [f"{kind} is missing" for kind in ("text/plain", "text/html") if kind not in parts]
    if not recipients:
        problems.append("no recipient")
    headers = {name: str(value) for name, value in mail.items()}
    return {"headers": headers, "recipients": recipients, "parts": parts}, problems


async def _data(reader: asyncio.StreamReader) -> bytes:
    lines = []
    while (line := await reader.readline()) not in (b".\r\n", b""):
        lines.append(line[1:] if line.startswith(b"..") else line)
    return b"".join(lines)
