"""What the log pipeline counts about itself, declared once."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter


class LogMetrics:
    """Records stored, refused, redacted, dropped; failures and retries of the store."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.requests = Counter(
            "tocsin_log_requests",
            "OTLP requests for logs, by the status code of the answer.",
            ("code",),
            registry=registry,
        )
        self.stored = Counter(
            "tocsin_log_records_stored",
            "Log records that were stored, by origin.",
            ("origin",),
            registry=registry,
        )
        self.refused = Counter(
            "tocsin_log_records_refused",
            "Log records that came in and were not stored, by reason.",
            ("origin", "reason"),
            registry=registry,
        )
        self.redactions = Counter(
            "tocsin_log_redactions",
            "Secrets and personal data that were taken out of logs, by kind.",
            ("kind",),
            registry=registry,
        )
        self.store_failures = Counter(
            "tocsin_log_store_failures",
            "Requests to the log store that failed, by operation.",
            ("operation",),
            registry=registry,
        )
        self.retries = Counter(
            "tocsin_log_store_retries",
            "Log records that were sent to the log store again.",
            registry=registry,
        )
        self.removed = Counter(
            "tocsin_log_pieces_removed",
            "Days of logs that were deleted, by reason.",
            ("reason",),
            registry=registry,
        )
