"""One instance of alerting as a process: Alertmanager's API on a port, its state where it is told.

`python -m tests.oracles.alert_instance PORT PAGER_URL`, with DATABASE in the environment: a path,
or PostgreSQL's URL. `/acting` answers 1 for the instance that acts.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response
from prometheus_client import CollectorRegistry

from alerts.api import router
from alerts.config import AlertsConfig
from alerts.service import AlertService
from collector.model.clock import SystemClock
from collector.model.errors import StorageError
from collector.model.secrets import Secret


def config(pager: str) -> AlertsConfig:
    """One webhook; every alert a group of its own, told at once."""
    return AlertsConfig.model_validate(
        {
            "route": {
                "receiver": "team",
                "group_by": ["alertname"],
                "group_wait": "0s",
                "group_interval": "200ms",
            },
            "receivers": [{"name": "team", "webhook_configs": [{"url": f"{pager}/webhook"}]}],
        }
    )


def main() -> None:
    """Run until killed."""
    port, pager, database = int(sys.argv[1]), sys.argv[2], os.environ["DATABASE"]
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    address = Secret(database) if database.startswith("postgresql") else Path(database)
    service = AlertService(config(pager), address, SystemClock(), CollectorRegistry())
    service.start()
    app = FastAPI()
    app.include_router(router(service))
    app.add_exception_handler(StorageError, lambda *_: Response(status_code=503))

    @app.get("/acting")
    def acting() -> int:
        return int(service.leadership.acts)

    # uvicorn raises the signal that ended it once more
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning")
    service.close()


if __name__ == "__main__":
    main()
