"""The figures are read again, straight from the machine, and must be the same ones."""

import os
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from collector.exporters import host
from collector.exporters.host import HostExporter
from collector.model.clock import ManualClock

NAMES = [
    "node_cpu_seconds_total",
    "node_load1",
    "node_load5",
    "node_load15",
    "node_memory_MemTotal_bytes",
    "node_memory_MemAvailable_bytes",
    "node_filesystem_size_bytes",
    "node_filesystem_avail_bytes",
    "node_network_receive_bytes_total",
    "node_network_transmit_bytes_total",
    "node_filefd_allocated",
    "node_filefd_maximum",
    "node_time_seconds",
    "node_uname_info",
    "node_boot_time_seconds",
]


def read(clock: ManualClock) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    text = HostExporter(clock).exposition().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_node_exporter_s_names_are_there(clock: ManualClock) -> None:
    found = {name for name, _ in read(clock)}
    assert set(NAMES) <= found


def test_figures_are_the_machine_s(clock: ManualClock) -> None:
    found = read(clock)
    assert found["node_memory_MemTotal_bytes", ()] == psutil.virtual_memory().total
    assert found["node_time_seconds", ()] == clock.now_ms() / 1000
    modes = {dict(labels)["mode"] for name, labels in found if name == "node_cpu_seconds_total"}
    assert {"user", "system", "idle"} <= modes
    cpus = {dict(labels)["cpu"] for name, labels in found if name == "node_cpu_seconds_total"}
    assert len(cpus) == psutil.cpu_count()
    root = [
        value
        for (name, labels), value in found.items()
        if name == "node_filesystem_size_bytes" and ("mountpoint", "/") in labels
    ]
    stat = os.statvfs("/")
    assert root == [stat.f_blocks * stat.f_frsize]


def test_a_part_that_can_t_be_read_is_told_and_the_rest_stays(
    clock: ManualClock, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "meminfo"
    broken.write_text("MemTotal: much kB\n")
    monkeypatch.setattr(host, "_MEMINFO", broken)
    found = read(clock)
    assert found["node_scrape_collector_success", (("collector", "meminfo"),)] == 0
    assert found["node_scrape_collector_success", (("collector", "cpu"),)] == 1
    assert found["tocsin_exporter_errors_total", (("collector", "meminfo"),)] == 1
    assert ("node_load1", ()) in found


def test_partitions_and_loops_are_left_out() -> None:
    for device in ("sda1", "nvme0n1p2", "loop3", "zram0"):
        assert host.UNWATCHED_DISKS.fullmatch(device)
    for device in ("sda", "nvme0n1", "md0"):
        assert not host.UNWATCHED_DISKS.fullmatch(device)


@pytest.mark.peer
def test_node_exporter_has_the_same_series(
    clock: ManualClock,
    binary: Callable[[str], str],
    processes,
    free_port,
    eventually,  # type: ignore[no-untyped-def]
) -> None:
    import urllib.request

    port = free_port()
    processes.start([binary("prometheus-node-exporter"), f"--web.listen-address=127.0.0.1:{port}"])

    def theirs() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return answer.read().decode()

    eventually(theirs, 20)
    text = "".join(
        line + "\n" for line in theirs().splitlines() if not line.startswith("# HELP go_gc")
    )
    families = {f.name: f for f in text_string_to_metric_families(text)}
    ours = {
        f.name: f for f in text_string_to_metric_families(HostExporter(clock).exposition().decode())
    }
    shared = (set(ours) & set(families)) - {"node_scrape_collector_success"}
    assert {name for name in ours if name.startswith("node_memory")} <= set(families)
    assert len(shared) > 30
    for name in shared:
        assert ours[name].type == families[name].type, name
        labels = {frozenset(s.labels) for s in ours[name].samples}
        their_labels = {frozenset(s.labels) for s in families[name].samples}
        assert all(any(a <= b for b in their_labels) for a in labels), name
