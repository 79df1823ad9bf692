"""`python -m examples.pager --port N --smtp-port M --record FILE`."""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import uvicorn

from examples.pager.app import build_app
from examples.pager.record import Record
from examples.pager.smtp_sink import serve_smtp


async def serve(arguments: argparse.Namespace) -> None:
    """Run the HTTP stand-ins, and the mail server when it has a port."""
    record = Record(arguments.record)
    config = uvicorn.Config(
        build_app(record), host="127.0.0.1", port=arguments.port, log_level="warning"
    )
    smtp = await serve_smtp("127.0.0.1", arguments.smtp_port, record)
    print(f"pager on http://127.0.0.1:{arguments.port}, SMTP on 127.0.0.1:{smtp.port}", flush=True)
    try:
        await uvicorn.Server(config).serve()
    finally:
        smtp.close()


def main() -> None:
    """Read the command line and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m examples.pager", description=__doc__)
    parser.add_argument("--port", type=int, default=9901)
    parser.add_argument("--smtp-port", type=int, default=0, help="0 finds a free one")
    parser.add_argument("--record", type=Path, help="file that gets one JSON line a request")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
