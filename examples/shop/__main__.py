"""`python -m examples.shop web|orders|payments --port N`, or `up` for all of them under load."""

from __future__ import annotations

import argparse
from pathlib import Path

from examples.shop.serve import HOST, build, serve
from examples.shop.up import DEFAULT_PORTS, NAMES, free_ports, up


def main() -> None:
    """Read the command line and run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m examples.shop", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, port in zip(NAMES, DEFAULT_PORTS, strict=True):
        command = commands.add_parser(name, help=f"run {name}")
        command.add_argument("--host", default=HOST)
        command.add_argument("--port", type=int, default=port)
        command.add_argument("--orders-url", default=f"http://{HOST}:{DEFAULT_PORTS[1]}")
        command.add_argument("--payments-url", default=f"http://{HOST}:{DEFAULT_PORTS[2]}")
        command.add_argument("--seed", type=int, default=1, help="of the injected errors")
    together = commands.add_parser("up", help="run all three, and a load on them, until Ctrl-C")
    together.add_argument("--free-ports", action="store_true", help="instead of 8081 to 8083")
    together.add_argument("--rate", type=float, default=20.0, help="requests a second")
    together.add_argument("--report", type=Path, help="the load generator's JSON file")
    parsed = parser.parse_args()
    if parsed.command == "up":
        up(free_ports(3) if parsed.free_ports else DEFAULT_PORTS, parsed.rate, parsed.report)
        return
    app = build(parsed.command, parsed.seed, parsed.orders_url, parsed.payments_url)
    serve(app, parsed.port, parsed.host)


if __name__ == "__main__":
    main()
