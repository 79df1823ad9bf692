"""One machine, by the USE method (utilisation, saturation, errors), from node_exporter's names."""

from __future__ import annotations

from dashboards.board import Board, Panel, Query, Row, Threshold, Variable

SHARE = (Threshold(None, "good"), Threshold(0.8, "warn"), Threshold(0.95, "bad"))
ME = 'job=~"$job",instance=~"$instance"'
RATE = "[$__rate_interval]"
CPU_BUSY = f'1 - avg by (instance) (rate(node_cpu_seconds_total{{{ME},mode="idle"}}{RATE}))'
MEMORY_USED = f"1 - node_memory_MemAvailable_bytes{{{ME}}} / node_memory_MemTotal_bytes{{{ME}}}"
DISK_USED = (
    f"max by (instance, mountpoint) (1 - node_filesystem_avail_bytes{{{ME}}}"
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
            Row("Disks and network", _disks_and_network()),
        ),
    )


def _stats() -> tuple[Panel, ...]:
    return (
        Panel(
            "CPU busy",
            "stat",
            "Share of CPU time that is not idle.",
            (Query(f"max({CPU_BUSY})", "busy", instant=True),),
            unit="percentunit",
            width=6,
            height=4,
            thresholds=SHARE,
        ),
        Panel(
            "Memory used",
            "stat",
            "Share of memory that could not be given to a new program.",
            (Query(f"max({MEMORY_USED})", "used", instant=True),),
            unit="percentunit",
            width=6,
            height=4,
            thresholds=SHARE,
        ),
        Panel(
            "Fullest file system",
            "stat",
            "Share of the fullest file system that is used.",
            (Query(f"max({DISK_USED})", "used", instant=True),),
            unit="percentunit",
            width=6,
            height=4,
            thresholds=SHARE,
        ),
        Panel(
            "Load per CPU",
            "stat",
            "Above 1, work waits for a processor.",
            (
                Query(
                    f"max(sum by (instance) (node_load1{{{ME}}}) / count by (instance) "
                    f'(node_cpu_seconds_total{{{ME},mode="idle"}}))',
                    "load",
                    instant=True,
                ),
            ),
            width=6,
            height=4,
            thresholds=(Threshold(None, "good"), Threshold(1, "warn"), Threshold(2, "bad")),
        ),
    )


def _cpu_and_memory() -> tuple[Panel, ...]:
    return (
        Panel(
            "CPU by mode",
            "timeseries",
            "CPU seconds a second, by what they were spent on.",
            (
                Query(
                    f'sum by (mode) (rate(node_cpu_seconds_total{{{ME},mode!="idle"}}{RATE}))',
                    "{{mode}}",
                ),
            ),
            width=8,
            height=8,
            minimum=0,
            stacked=True,
        ),
        Panel(
            "Load",
            "timeseries",
            "Programs that run or wait, averaged.",
            (
                Query(f"node_load1{{{ME}}}", "{{instance}} 1m"),
                Query(f"node_load5{{{ME}}}", "{{instance}} 5m"),
                Query(f"node_load15{{{ME}}}", "{{instance}} 15m"),
            ),
            width=8,
            height=8,
            minimum=0,
        ),
        Panel(
            "Memory",
            "timeseries",
            "Memory in all, and what is available.",
            (
                Query(f"node_memory_MemTotal_bytes{{{ME}}}", "{{instance}} total"),
                Query(f"node_memory_MemAvailable_bytes{{{ME}}}", "{{instance}} available"),
            ),
            unit="bytes",
            width=8,
            height=8,
            minimum=0,
        ),
    )


def _disks_and_network() -> tuple[Panel, ...]:
    return (
        Panel(
            "File systems",
            "timeseries",
            "Share of each file system that is used.",
            (Query(DISK_USED, "{{instance}} {{mountpoint}}"),),
            unit="percentunit",
            width=8,
            height=8,
            minimum=0,
            maximum=1,
            thresholds=SHARE,
        ),
        Panel(
            "Disk throughput",
            "timeseries",
            "Bytes read and written a second.",
            (
                Query(
                    f"sum by (instance) (rate(node_disk_read_bytes_total{{{ME}}}{RATE}))",
                    "{{instance}} read",
                ),
                Query(
                    f"sum by (instance) (rate(node_disk_written_bytes_total{{{ME}}}{RATE}))",
                    "{{instance}} written",
                ),
            ),
            unit="Bps",
            width=8,
            height=8,
            minimum=0,
        ),
        Panel(
            "Network",
            "timeseries",
            "Bytes received and sent a second, without loopback.",
            (
                Query(
                    "sum by (instance) (rate(node_network_receive_bytes_total"
                    f'{{{ME},device!="lo"}}{RATE}))',
                    "{{instance}} received",
                ),
                Query(
                    "sum by (instance) (rate(node_network_transmit_bytes_total"
                    f'{{{ME},device!="lo"}}{RATE}))',
                    "{{instance}} sent",
                ),
            ),
            unit="Bps",
            width=8,
            height=8,
            minimum=0,
        ),
        Panel(
            "File descriptors",
            "timeseries",
            "File handles in use, and the limit.",
            (
                Query(f"node_filefd_allocated{{{ME}}}", "{{instance}} in use"),
                Query(f"node_filefd_maximum{{{ME}}}", "{{instance}} limit"),
            ),
            width=8,
            height=8,
            minimum=0,
        ),
    )
