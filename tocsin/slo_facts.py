"""What the configuration tells the lint rules of objectives: how often, and how long it is kept."""

from __future__ import annotations

from slo.lint.interface import Facts
from tocsin.config import Config


def slo_facts(config: Config) -> Facts:
    """Scrape intervals and retention. With a remote store its retention is not known here."""
    return Facts(
        scrape_interval_ms=config.global_.scrape_interval,
        retention_ms=0 if config.store.remote else config.storage.retention_time,
        job_interval_ms={
            one.job_name: one.scrape_interval
            for one in config.scrape_configs
            if one.scrape_interval is not None
        },
    )
