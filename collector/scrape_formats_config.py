"""Pydantic model of what a scrape section, or `global`, says of exposition formats and names.

What is None comes from `global`, and what is None there too is Prometheus's default.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator
from pydantic import model_validator as validate_model

from collector.config_values import Section
from collector.ingest.formats.negotiate import (
    DEFAULT_PROTOCOLS,
    NATIVE_PROTOCOLS,
    EscapingScheme,
    Formats,
    ScrapeProtocol,
)
from collector.ingest.formats.protobuf import HistogramChoice

ValidationScheme = Literal["utf8", "legacy"]


class ScrapeFormats(Section):
    """Formats that are asked for, histograms that are taken, names that are allowed."""

    scrape_protocols: tuple[ScrapeProtocol, ...] | None = None
    scrape_native_histograms: bool | None = None
    always_scrape_classic_histograms: bool | None = None
    convert_classic_histograms_to_nhcb: bool | None = None
    metric_name_validation_scheme: ValidationScheme | None = None
    metric_name_escaping_scheme: EscapingScheme | None = None

    @field_validator("scrape_protocols")
    @classmethod
    def _are_some_and_distinct(
        cls, protocols: tuple[ScrapeProtocol, ...] | None
    ) -> tuple[ScrapeProtocol, ...] | None:
        if protocols is not None and len(set(protocols)) < max(len(protocols), 1):
            raise ValueError("name at least one protocol, and each only once")
        return protocols

    @validate_model(mode="after")
    def _legacy_names_are_escaped(self) -> Self:
        schemes = (self.metric_name_validation_scheme, self.metric_name_escaping_scheme)
        if schemes == ("legacy", "allow-utf-8"):
            raise ValueError(
                "metric_name_escaping_scheme: allow-utf-8 asks targets for names that "
                "metric_name_validation_scheme: legacy refuses"
            )
        return self


class SectionFormats(ScrapeFormats):
    """The same in a scrape section, where histograms have limits too."""

    fallback_scrape_protocol: ScrapeProtocol | None = None
    native_histogram_bucket_limit: int = Field(default=0, ge=0)
    native_histogram_min_bucket_factor: float = Field(default=0.0, ge=0)

    def formats(self) -> Formats:
        """The section as ingest takes it; the section has the values of `global` filled in."""
        native = bool(self.scrape_native_histograms)
        legacy = self.metric_name_validation_scheme == "legacy"
        return Formats(
            protocols=self.scrape_protocols or (NATIVE_PROTOCOLS if native else DEFAULT_PROTOCOLS),
            fallback=self.fallback_scrape_protocol,
            escaping=self.metric_name_escaping_scheme
            or ("underscores" if legacy else "allow-utf-8"),
            histograms=HistogramChoice(
                native=native,
                classic=bool(self.always_scrape_classic_histograms),
                bucket_limit=self.native_histogram_bucket_limit,
                min_bucket_factor=self.native_histogram_min_bucket_factor,
            ),
            to_custom_buckets=bool(self.convert_classic_histograms_to_nhcb),
        )
