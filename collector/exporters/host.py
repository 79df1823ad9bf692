"""CPU, memory, disk, network of this machine, under node_exporter's names.

Dashboards and alerts that were written for node_exporter work on these. Read through psutil, and
/proc and /sys where psutil does not say enough.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from collector.model.clock import Clock, SystemClock

Family = CounterMetricFamily | GaugeMetricFamily

PSEUDO_FILESYSTEMS = frozenset(
    (
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts"),
        *("devtmpfs", "fusectl", "hugetlbfs", "iso9660", "mqueue", "nsfs", "overlay", "proc"),
        *("procfs", "pstore", "rpc_pipefs", "securityfs", "selinuxfs", "squashfs", "sysfs"),
        "tracefs",
    )
)
"""node_exporter's default exclusion, but for the root's own file system."""
UNWATCHED_DISKS = re.compile(r"(z?ram|loop|fd|(h|s|v|xv)d[a-z]|nvme\d+n\d+p)\d+")
"""node_exporter's default exclusion: no partitions, their disk has it all."""
_MEMINFO = Path("/proc/meminfo")
_FILE_NR = Path("/proc/sys/fs/file-nr")
_BYTES_PER_KB = 1024


class HostExporter:
    """The machine that tocsin runs on."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._registry = CollectorRegistry()
        self._registry.register(_Host(self._clock))

    def exposition(self) -> bytes:
        """Every part that could be read."""
        return generate_latest(self._registry)


class _Host(Collector):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: dict[str, int] = {}
        self._parts: Mapping[str, Callable[[], Iterable[Family]]] = {
            "cpu": cpu,
            "loadavg": load,
            "meminfo": memory,
            "filesystem": filesystems,
            "diskstats": disks,
            "netdev": network,
            "filefd": file_descriptors,
            "uname": uname,
            "time": lambda: times(self._clock.now_ms()),
        }

    def collect(self) -> Iterator[Family]:
        success = GaugeMetricFamily(
            "node_scrape_collector_success",
            "Whether a part of the machine could be read.",
            labels=["collector"],
        )
        for name, read in self._parts.items():
            try:
                families = list(read())
            except (OSError, psutil.Error, ValueError):
                self._failures[name] = self._failures.get(name, 0) + 1
                success.add_metric([name], 0)
                continue
            success.add_metric([name], 1)
            yield from families
        yield success
        yield self._errors()

    def _errors(self) -> Family:
        errors = CounterMetricFamily(
            "tocsin_exporter_errors",
            "Parts of the machine that could not be read.",
            labels=["collector"],
        )
        for name in self._parts:
            errors.add_metric([name], self._failures.get(name, 0))
        return errors


def cpu() -> Iterator[Family]:
    """Seconds that each CPU spent in each mode."""
    family = CounterMetricFamily(
        "node_cpu_seconds",
        "Seconds the CPUs spent in each mode.",
        labels=["cpu", "mode"],
    )
    modes = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    for number, spent in enumerate(psutil.cpu_times(percpu=True)):
        for mode in modes:
            if hasattr(spent, mode):
                family.add_metric([str(number), mode], getattr(spent, mode))
    yield family


def load() -> Iterator[Family]:
    """Load averages over 1, 5 and 15 minutes."""
    for minutes, value in zip((1, 5, 15), os.getloadavg(), strict=True):
        yield GaugeMetricFamily(f"node_load{minutes}", f"{minutes}m load average.", value=value)


def memory() -> Iterator[Family]:
    """Every line of /proc/meminfo; elsewhere what psutil knows."""
    if not _MEMINFO.exists():
        yield from _portable_memory()
        return
    for line in _MEMINFO.read_text(encoding="ascii").splitlines():
        name, _, rest = line.partition(":")
        number, _, unit = rest.strip().partition(" ")
        field = name.replace("(", "_").replace(")", "")
        if unit == "kB":
            yield _memory_gauge(f"{field}_bytes", float(number) * _BYTES_PER_KB)
        else:
            yield _memory_gauge(field, float(number))


def _portable_memory() -> Iterator[Family]:
    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    yield _memory_gauge("MemTotal_bytes", memory.total)
    yield _memory_gauge("MemAvailable_bytes", memory.available)
    yield _memory_gauge("MemFree_bytes", memory.free)
    yield _memory_gauge("SwapTotal_bytes", swap.total)
    yield _memory_gauge("SwapFree_bytes", swap.free)


def _memory_gauge(field: str, value: float) -> Family:
    return GaugeMetricFamily(
        f"node_memory_{field}", f"Memory information field {field}.", value=value
    )


def filesystems() -> Iterator[Family]:
    """Sizes of the file systems that are mounted from devices, and of the root."""
    labels = ["device", "mountpoint", "fstype"]
    kinds = {
        "size_bytes": "Filesystem size in bytes.",
        "free_bytes": "Filesystem free space in bytes.",
        "avail_bytes": "Filesystem space available to non-root users in bytes.",
        "files": "Filesystem total file nodes.",
        "files_free": "Filesystem total free file nodes.",
        "readonly": "Filesystem read-only status.",
    }
    families = {
        kind: GaugeMetricFamily(f"node_filesystem_{kind}", text, labels=labels)
        for kind, text in kinds.items()
    }
    for mount in _mounts():
        try:
            stat = os.statvfs(mount.mountpoint)
        except OSError:
            continue
        read_only = "ro" in mount.opts.split(",")
        figures = {
            "size_bytes": stat.f_blocks * stat.f_frsize,
            "free_bytes": stat.f_bfree * stat.f_frsize,
            "avail_bytes": stat.f_bavail * stat.f_frsize,
            "files": stat.f_files,
            "files_free": stat.f_ffree,
            "readonly": int(read_only),
        }
        for kind, value in figures.items():
            families[kind].add_metric([mount.device, mount.mountpoint, mount.fstype], value)
    yield from families.values()


def _mounts() -> list[psutil._ntuples.sdiskpart]:
    """One mount for each place, the last mounted; directories only, as files are bind mounts."""
    mounts = {
        mount.mountpoint: mount
        for mount in psutil.disk_partitions(all=True)
        if mount.mountpoint == "/"
        or (mount.fstype not in PSEUDO_FILESYSTEMS and os.path.isdir(mount.mountpoint))
    }
    return [mounts[place] for place in sorted(mounts)]


def disks() -> Iterator[Family]:
    """What each disk read and wrote."""
    counters = psutil.disk_io_counters(perdisk=True)
    figures: Mapping[str, tuple[str, str, float]] = {
        "node_disk_reads_completed": ("read_count", "Reads completed.", 1),
        "node_disk_writes_completed": ("write_count", "Writes completed.", 1),
        "node_disk_read_bytes": ("read_bytes", "Bytes read.", 1),
        "node_disk_written_bytes": ("write_bytes", "Bytes written.", 1),
        "node_disk_read_time_seconds": ("read_time", "Seconds spent by all reads.", 0.001),
        "node_disk_write_time_seconds": ("write_time", "Seconds spent by all writes.", 0.001),
        "node_disk_io_time_seconds": ("busy_time", "Seconds spent doing I/O.", 0.001),
    }
    for name, (field, text, factor) in figures.items():
        family = CounterMetricFamily(name, text, labels=["device"])
        for device, disk in sorted((counters or {}).items()):
            if UNWATCHED_DISKS.fullmatch(device) is None and hasattr(disk, field):
                family.add_metric([device], getattr(disk, field) * factor)
        yield family


def network() -> Iterator[Family]:
    """What each network interface received and transmitted."""
    counters = psutil.net_io_counters(pernic=True)
    for direction, suffix, inward in (("receive", "in", "recv"), ("transmit", "out", "sent")):
        figures = {
            "bytes": f"bytes_{inward}",
            "packets": f"packets_{inward}",
            "errs": f"err{suffix}",
            "drop": f"drop{suffix}",
        }
        for kind, field in figures.items():
            family = CounterMetricFamily(
                f"node_network_{direction}_{kind}",
                f"Network device statistic {direction}_{kind}.",
                labels=["device"],
            )
            for device, nic in sorted(counters.items()):
                family.add_metric([device], getattr(nic, field))
            yield family
    up = GaugeMetricFamily("node_network_up", "Whether the interface is up.", labels=["device"])
    for device, state in sorted(psutil.net_if_stats().items()):
        up.add_metric([device], int(state.isup))
    yield up


def file_descriptors() -> Iterator[Family]:
    """File descriptors in use on the whole machine, where the kernel tells."""
    if not _FILE_NR.exists():
        return
    allocated, _, maximum = _FILE_NR.read_text(encoding="ascii").split()
    yield GaugeMetricFamily(
        "node_filefd_allocated", "File descriptors allocated.", value=float(allocated)
    )
    yield GaugeMetricFamily(
        "node_filefd_maximum", "File descriptors that may be allocated.", value=float(maximum)
    )


def uname() -> Iterator[Family]:
    """Name and kernel of the machine."""
    told = os.uname()
    family = GaugeMetricFamily(
        "node_uname_info",
        "Labeled system information as provided by the uname system call.",
        labels=["sysname", "release", "version", "machine", "nodename", "domainname"],
    )
    names = [told.sysname, told.release, told.version, told.machine, told.nodename, "(none)"]
    family.add_metric(names, 1)
    yield family


def times(now_ms: int) -> Iterator[Family]:
    """The machine's clock and when it started."""
    yield GaugeMetricFamily("node_time_seconds", "System time in seconds.", value=now_ms / 1000)
    yield GaugeMetricFamily(
        "node_boot_time_seconds", "Node boot time, in unixtime.", value=psutil.boot_time()
    )
