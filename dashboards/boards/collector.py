"""tocsin watching itself: what comes in, what is kept, what is judged, what goes out, at what cost.

Each refusal and failure that tocsin counts is on it: nothing is dropped silently.
"""

from __future__ import annotations

from dashboards.board import Board, Panel, Query, Row, Threshold, Variable
from dashboards.boards.panels import OK_UNTIL_ONE, lines, stat

ME = 'job=~"$job",instance=~"$instance"'
RATE = "[$__rate_interval]"
OTHER_FAILURES = {
    "alerts refused": "tocsin_alerts_invalid_total",
    "grouping": "tocsin_alert_step_failures_total",
    "anomaly queries": "tocsin_anomaly_query_failures_total",
    "anomaly model files": "tocsin_anomaly_model_file_failures_total",
    "anomaly scores refused": "tocsin_anomaly_scores_refused_total",
    "log records refused": "tocsin_log_records_refused_total",
    "log store": "tocsin_log_store_failures_total",
    "exemplars refused": "tocsin_store_exemplars_refused_total",
}
UP = (Threshold(None, "bad"), Threshold(1, "good"))


def collector() -> Board:
    """One or more tocsin processes."""
    return Board(
        uid="tocsin-collector",
        title="tocsin itself",
        description="What tocsin takes in, keeps, judges and sends, and what that costs.",
        tags=("tocsin", "self"),
        variables=(
            Variable("job", "job", "tocsin_store_series", "Job"),
            Variable("instance", "instance", "tocsin_store_series", "Instance"),
        ),
        rows=(
            Row("Is it OK?", _stats()),
            Row("Taking in", _ingest()),
            Row("Keeping", _store()),
            Row("Judging", _judges()),
            Row("Telling", _alerts()),
            Row("API and process", _process()),
        ),
    )


def _rate(metric: str, by: str, more: str = "") -> str:
    return f"sum by ({by}) (rate({metric}{{{ME}{more}}}{RATE}))"


def _p99(metric: str, by: str) -> str:
    return f"histogram_quantile(0.99, {_rate(f'{metric}_bucket', by)})"


def _stats() -> tuple[Panel, ...]:
    lost = " + ".join(
        f"(sum(increase({metric}{{{ME}}}[$__range])) or vector(0))"
        for metric in ("tocsin_ingest_samples_refused_total", "tocsin_slo_samples_refused_total")
    )
    failed = f"sum(increase(tocsin_notification_attempts_failed_total{{{ME}}}[$__range]))"
    return (
        stat(
            "Targets up",
            "Share of all targets whose last scrape worked, whatever their job.",
            "avg(up)",
            unit="percentunit",
            thresholds=UP,
        ),
        stat(
            "Samples a second",
            "Samples that were written to the store.",
            f"sum(rate(tocsin_ingest_samples_total{{{ME}}}{RATE}))",
            unit="cps",
        ),
        stat("Series", "Series that are held.", f"sum(tocsin_store_series{{{ME}}})"),
        stat(
            "Samples refused",
            "Samples that were not stored, in the range that is shown.",
            lost,
            thresholds=OK_UNTIL_ONE,
            decimals=0,
        ),
        stat(
            "Notifications failed",
            "Attempts to send that failed, in the range that is shown.",
            f"{failed} or vector(0)",
            thresholds=OK_UNTIL_ONE,
            decimals=0,
        ),
        stat(
            "Memory",
            "Resident memory of the process; of several the largest.",
            f"max(process_resident_memory_bytes{{{ME}}})",
            unit="bytes",
        ),
    )


def _ingest() -> tuple[Panel, ...]:
    return (
        lines(
            "Samples taken in",
            "Samples written to the store a second, by where they came from.",
            Query(_rate("tocsin_ingest_samples_total", "origin"), "{{origin}}"),
            unit="cps",
        ),
        lines(
            "Scrapes",
            "Scrapes a second by result, and those left out as the one before was not done.",
            Query(_rate("tocsin_scrapes_total", "result"), "{{result}}"),
            Query(_rate("tocsin_scrapes_missed_total", "instance"), "missed"),
            unit="cps",
        ),
        Panel(
            "Scrape duration",
            "heatmap",
            "How long scrapes took until their samples were stored.",
            (Query(f"sum by (le) (increase(tocsin_scrape_duration_seconds_bucket{{{ME}}}{RATE}))",
                   "{{le}}"),),
            unit="s",
        ),
        lines(
            "Samples refused by the collector",
            "Samples a second that came in and were not stored, and why.",
            Query(
                _rate("tocsin_ingest_samples_refused_total", "origin, reason"),
                "{{origin}} {{reason}}",
            ),
            unit="cps",
            width=12,
            no_value="Nothing was ever refused",
        ),
        Panel(
            "Targets",
            "statetimeline",
            "Whether each target answered.",
            (Query("max by (job, instance) (up)", "{{job}} {{instance}}"),),
            width=12,
            thresholds=UP,
        ),
    )  # fmt: skip


def _store() -> tuple[Panel, ...]:
    return (
        lines(
            "Memory and log",
            "What the process holds, how much of that are samples, and the log on disk.",
            Query(f"max by (instance) (process_resident_memory_bytes{{{ME}}})", "{{instance}} all"),
            Query(f"max by (instance) (tocsin_store_head_bytes{{{ME}}})", "{{instance}} samples"),
            Query(f"max by (instance) (tocsin_wal_size_bytes{{{ME}}})", "{{instance}} log on disk"),
            unit="bytes",
        ),
        lines(
            "Write-ahead log",
            "Time to write one record: the slowest of a hundred.",
            Query(_p99("tocsin_wal_write_duration_seconds", "instance, le"), "{{instance}}"),
            unit="s",
        ),
        lines(
            "Samples refused by the store",
            "Samples a second that the store did not take, and why.",
            Query(_rate("tocsin_store_samples_refused_total", "reason"), "{{reason}}"),
            unit="cps",
        ),
    )


def _judges() -> tuple[Panel, ...]:
    return (
        lines(
            "Judging",
            "Time that one tick takes, by task: the slowest of a hundred.",
            Query(_p99("tocsin_tick_duration_seconds", "task, le"), "{{task}}"),
            unit="s",
        ),
        lines(
            "Failed ticks",
            "Ticks a second that failed, by task, and steps of the SLO engine that did.",
            Query(_rate("tocsin_tick_failures_total", "task"), "{{task}}"),
            Query(_rate("tocsin_slo_failures_total", "step"), "slo {{step}}"),
            unit="cps",
        ),
        lines(
            "Everything else that failed",
            "What was refused or did not work, a second; 0 is what it should be.",
            *(
                Query(f"sum(rate({metric}{{{ME}}}{RATE})) or vector(0)", name)
                for name, metric in OTHER_FAILURES.items()
            ),
            unit="cps",
        ),
        lines(
            "Anomaly models",
            "Series that are watched, by what is known of them.",
            Query(f"sum by (state) (tocsin_anomaly_series{{{ME}}})", "{{state}}"),
            stacked=True,
        ),
    )


def _alerts() -> tuple[Panel, ...]:
    return (
        lines(
            "Alerts",
            "Alerts that are held, by state.",
            Query(f"sum by (state) (tocsin_alerts{{{ME}}})", "{{state}}"),
            stacked=True,
            no_value="No alert yet",
        ),
        lines(
            "Notifications",
            "Messages a second that a receiver took, and attempts that failed.",
            Query(_rate("tocsin_notifications_sent_total", "receiver"), "{{receiver}} sent"),
            Query(
                _rate("tocsin_notification_attempts_failed_total", "receiver"),
                "{{receiver}} failed",
            ),
            unit="cps",
            no_value="Nothing was sent yet",
        ),
        Panel(
            "Channels",
            "statetimeline",
            "Whether the last attempt of each channel worked.",
            (
                Query(
                    f"min by (receiver, channel) (tocsin_notification_channel_healthy{{{ME}}})",
                    "{{receiver}} {{channel}}",
                ),
            ),
            thresholds=UP,
            no_value="Nothing was sent yet",
        ),
    )


def _process() -> tuple[Panel, ...]:
    return (
        lines(
            "Requests",
            "HTTP requests answered a second, by status.",
            Query(_rate("tocsin_http_requests_total", "code"), "{{code}}"),
            unit="reqps",
            stacked=True,
        ),
        lines(
            "Slowest routes",
            "Time to answer: the slowest of a hundred requests of the five slowest routes.",
            Query(
                f"topk(5, {_p99('tocsin_http_request_duration_seconds', 'route, le')})", "{{route}}"
            ),
            unit="s",
        ),
        lines(
            "CPU",
            "CPU seconds a second.",
            Query(_rate("process_cpu_seconds_total", "instance"), "{{instance}}"),
        ),
        lines(
            "Open files",
            "File descriptors in use; dashed is the limit.",
            Query(f"max by (instance) (process_open_fds{{{ME}}})", "{{instance}}"),
            Query(f"max by (instance) (process_max_fds{{{ME}}})", "{{instance}} limit", limit=True),
        ),
    )
