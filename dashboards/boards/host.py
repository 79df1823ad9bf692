"""One machine, by the USE method (utilisation, saturation, errors), from node_exporter's names.

Only names that node_exporter and the built-in host exporter both serve.
"""

from __future__ import annotations

from dashboards.board import Board, Panel, Query, Row, Threshold, Variable
from dashboards.boards.panels import OK_UNTIL_ONE, lines, stat

SHARE = (Threshold(None, "good"), Threshold(0.8, "warn"), Threshold(0.95, "bad"))
LOAD = (Threshold(None, "good"), Threshold(1, "warn"), Threshold(2, "bad"))
ME = 'job=~"$job",instance=~"$instance"'
WIRED = f'{ME},device!="lo"'
RATE = "[$__rate_interval]"

CPU_BUSY = f'1 - avg by (instance) (rate(node_cpu_seconds_total{{{ME},mode="idle"}}{RATE}))'
MEMORY_USED = f"1 - node_memory_MemAvailable_bytes{{{ME}}} / node_memory_MemTotal_bytes{{{ME}}}"
DISK_USED = (
    f"max by (instance, mountpoint) (1 - node_filesystem_avail_bytes{{{ME}}}"
    f" / node_filesystem_size_bytes{{{ME}}})"
)
INODES_USED = (
    f"max by (instance, mountpoint) (1 - node_filesystem_files_free{{{ME}}}"
    f" / (node_filesystem_files{{{ME}}} > 0))"
)
CPUS = f'count by (instance) (rate(node_cpu_seconds_total{{{ME},mode="idle"}}{RATE}))'
LOAD_PER_CPU = f"sum by (instance) (node_load1{{{ME}}}) / {CPUS}"
SPACE_IN_A_DAY = (
    f"min by (instance, mountpoint) (predict_linear(node_filesystem_avail_bytes{{{ME}}}[1h], 86400)"
    f" / node_filesystem_size_bytes{{{ME}}})"
)


def host() -> Board:
    """CPU, memory, disks and network of one or more machines."""
    return Board(
        uid="tocsin-host",
        title="Host",
        description="Utilisation, saturation and errors of machines.",
        tags=("tocsin", "host"),
        variables=(
            Variable("job", "job", "node_load1", "Job"),
            Variable("instance", "instance", "node_load1", "Instance"),
        ),
        rows=(
            Row("Is it OK?", _stats()),
            Row("CPU and memory", _cpu_and_memory()),
            Row("Disks", _disks()),
            Row("Network and files", _network_and_files()),
        ),
    )


def _stats() -> tuple[Panel, ...]:
    return (
        stat(
            "CPU busy",
            "Share of CPU time that is not idle; of several machines the busiest.",
            f"max({CPU_BUSY})",
            unit="percentunit",
            thresholds=SHARE,
            decimals=1,
        ),
        stat(
            "Load per CPU",
            "Above 1, work waits for a processor.",
            f"max({LOAD_PER_CPU})",
            thresholds=LOAD,
            decimals=2,
        ),
        stat(
            "Memory used",
            "Share of memory that could not be given to a new program.",
            f"max({MEMORY_USED})",
            unit="percentunit",
            thresholds=SHARE,
            decimals=1,
        ),
        stat(
            "Fullest file system",
            "Share of the fullest file system that is used.",
            f"max({DISK_USED})",
            unit="percentunit",
            thresholds=SHARE,
            decimals=1,
        ),
        stat(
            "Full within a day",
            "File systems that are full in a day if the last hour goes on.",
            f"count({SPACE_IN_A_DAY} <= 0) or vector(0)",
            thresholds=OK_UNTIL_ONE,
        ),
        stat(
            "Up for",
            "Time since the machine was started; of several the latest.",
            f"min(node_time_seconds{{{ME}}} - node_boot_time_seconds{{{ME}}})",
            unit="s",
            decimals=1,
        ),
    )


def _cpu_and_memory() -> tuple[Panel, ...]:
    return (
        lines(
            "CPU by mode",
            "CPU seconds a second, by what they were spent on.",
            Query(
                f'sum by (mode) (rate(node_cpu_seconds_total{{{ME},mode!="idle"}}{RATE}))',
                "{{mode}}",
            ),
            stacked=True,
        ),
        lines(
            "Load",
            "Programs that run or wait, averaged; dashed are the processors.",
            Query(f"node_load1{{{ME}}}", "{{instance}} 1m"),
            Query(f"node_load5{{{ME}}}", "{{instance}} 5m"),
            Query(f"node_load15{{{ME}}}", "{{instance}} 15m"),
            Query(CPUS, "{{instance}} CPUs", limit=True),
        ),
        lines(
            "Memory",
            "What is used and could not be given away; dashed is all there is.",
            Query(
                f"node_memory_MemTotal_bytes{{{ME}}} - node_memory_MemAvailable_bytes{{{ME}}}",
                "{{instance}} used",
            ),
            Query(
                f"node_memory_SwapTotal_bytes{{{ME}}} - node_memory_SwapFree_bytes{{{ME}}}",
                "{{instance}} swap used",
            ),
            Query(f"node_memory_MemTotal_bytes{{{ME}}}", "{{instance}} total", limit=True),
            unit="bytes",
        ),
    )


def _disks() -> tuple[Panel, ...]:
    return (
        Panel(
            "File systems",
            "bargauge",
            "Share of each file system that is used.",
            (Query(DISK_USED, "{{instance}} {{mountpoint}}", instant=True),),
            unit="percentunit",
            minimum=0,
            maximum=1,
            thresholds=SHARE,
            decimals=1,
        ),
        lines(
            "Disk throughput",
            "Bytes read and written a second.",
            Query(
                f"sum by (instance, device) (rate(node_disk_read_bytes_total{{{ME}}}{RATE}))",
                "{{instance}} {{device}} read",
            ),
            Query(
                f"sum by (instance, device) (rate(node_disk_written_bytes_total{{{ME}}}{RATE}))",
                "{{instance}} {{device}} written",
            ),
            unit="Bps",
        ),
        lines(
            "Disk busy",
            "Share of the time in which a disk had something to do; at 1 requests wait.",
            Query(
                f"max by (instance, device) (rate(node_disk_io_time_seconds_total{{{ME}}}{RATE}))",
                "{{instance}} {{device}}",
            ),
            unit="percentunit",
        ),
        lines(
            "Space used",
            "Share of each file system that is used, over time.",
            Query(DISK_USED, "{{instance}} {{mountpoint}}"),
            unit="percentunit",
            width=12,
            maximum=1,
        ),
        lines(
            "Inodes used",
            "Share of each file system's inodes; without a free one no file can be made.",
            Query(INODES_USED, "{{instance}} {{mountpoint}}"),
            unit="percentunit",
            width=12,
            maximum=1,
            no_value="These file systems do not count inodes",
        ),
    )


def _network_and_files() -> tuple[Panel, ...]:
    return (
        lines(
            "Network",
            "Bytes received and sent a second, without loopback.",
            Query(_network("receive_bytes"), "{{instance}} {{device}} received"),
            Query(_network("transmit_bytes"), "{{instance}} {{device}} sent"),
            unit="Bps",
        ),
        lines(
            "Network errors and drops",
            "Packets a second that were damaged or thrown away.",
            Query(_network("receive_errs"), "{{instance}} {{device}} receive errors"),
            Query(_network("transmit_errs"), "{{instance}} {{device}} send errors"),
            Query(_network("receive_drop"), "{{instance}} {{device}} receive drops"),
            Query(_network("transmit_drop"), "{{instance}} {{device}} send drops"),
            unit="pps",
        ),
        lines(
            "File handles",
            "File handles in use on the whole machine.",
            Query(f"node_filefd_allocated{{{ME}}}", "{{instance}}"),
        ),
    )


def _network(what: str) -> str:
    return f"sum by (instance, device) (rate(node_network_{what}_total{{{WIRED}}}{RATE}))"
