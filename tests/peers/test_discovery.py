"""Service discovery beside others: the same sources, target for target alike.

All read one configuration and ask the same Kubernetes API, HTTP servers, files and name server.
What they then tell at `/api/v1/targets` is compared, at first and after each round of changes.
Debian builds its Prometheus without `kubernetes_sd_configs`: there VictoriaMetrics is the peer.
"""

from __future__ import annotations

import json
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Processes
from tests.oracles.dns_server import DnsServer
from tests.oracles.exposition_server import Answer, ExpositionServer
from tests.oracles.kubernetes_api import KubernetesApi

pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]

ROLLOUT = Path(__file__).parents[1] / "cases" / "kubernetes" / "rollout.yaml"
ROUNDS = 2
SETTLED_SECONDS = 60
EVERY_LABEL = {"action": "labelmap", "regex": "__meta_(.+)"}
"""Two targets whose labels are the same are one target: so they differ wherever meta labels do."""
META = "__meta_kubernetes_"
KINDS = ("endpoint", "ingress", "namespace", "node", "pod", "service")
LATER_THAN_1_79 = (
    "pod_container_id",
    "pod_container_image",
    "service_port_number",
    "service_loadbalancer_ip",
    "endpointslice_endpoint_conditions_serving",
    "endpointslice_endpoint_conditions_terminating",
    "endpointslice_endpoint_node_name",
    "endpointslice_endpoint_zone",
    "endpointslice_endpoint_topology",
)
"""Meta labels that VictoriaMetrics does not have in that version, as Prometheus has."""

Targets = list[tuple[str, ...]]
"""Sorted texts of what is said of each target of a job."""


def kubernetes_jobs(url: str) -> dict[str, dict[str, Any]]:
    """Every role, by namespace, by selector, with its node's labels."""
    server = {"api_server": url}
    jobs: dict[str, dict[str, Any]] = {}
    for role in ("pod", "service", "endpoints", "endpointslice", "node", "ingress"):
        jobs[role] = {"role": role}
        if role != "node":
            jobs[f"{role} of two namespaces"] = {
                "role": role,
                "namespaces": {"names": ["pay", "work"]},
            }
        if role in ("pod", "endpoints", "endpointslice"):
            jobs[f"{role} with nodes"] = {"role": role, "attach_metadata": {"node": True}}
    for role, selectors in {
        "pod": {"pod": ("app=pay", "status.phase=Running")},
        "service": {"service": ("app", "")},
        "endpoints": {"endpoints": ("", "metadata.name=pay"), "pod": ("app=pay", "")},
        "endpointslice": {"endpointslice": ("round", ""), "service": ("app=shop", "")},
        "node": {"node": ("zone!=a", "metadata.name=node-2")},
        "ingress": {"ingress": ("round", "")},
    }.items():
        chosen = [
            {"role": kind, **({"label": label} if label else {}), **({"field": f} if f else {})}
            for kind, (label, f) in selectors.items()
        ]
        jobs[f"{role} by selectors"] = {"role": role, "selectors": chosen}
    return {
        name: {"kubernetes_sd_configs": [server | one], "relabel_configs": [EVERY_LABEL]}
        for name, one in jobs.items()
    }


RECORDS = {
    ("_web._tcp.shop.example.", "SRV"): ["0 5 8080 a.shop.example.", "0 5 8081 b.shop.example."],
    ("a.shop.example.", "A"): ["10.0.0.1", "10.0.0.2"],
    ("a.shop.example.", "AAAA"): ["2001:db8::1"],
    ("shop.example.", "MX"): ["10 mail.shop.example."],
}
CHANGED_RECORDS = [
    {**RECORDS, ("a.shop.example.", "A"): ["10.0.0.2", "10.0.0.3"]},
    {**RECORDS, ("_web._tcp.shop.example.", "SRV"): ["0 5 9000 c.shop.example."]},
]
DNS_JOBS = {
    "dns SRV": {"names": ["_web._tcp.shop.example", "nobody.shop.example"]},
    "dns A": {"names": ["a.shop.example"], "type": "A", "port": 80},
    "dns AAAA": {"names": ["a.shop.example"], "type": "AAAA", "port": 81},
    "dns MX": {"names": ["shop.example"], "type": "MX", "port": 25},
}
CASES = Path(__file__).parents[1] / "cases" / "discovery"
RELABELLING = yaml.safe_load((CASES / "relabelling.yaml").read_text())
FILES = yaml.safe_load((CASES / "files.yaml").read_text())["rounds"]
WEB = [
    {"/a": [{"targets": ["h1:1", "h2:2"], "labels": {"round": "0"}}], "/b": [{"targets": ["k:1"]}]},
    {"/a": [{"targets": ["h2:2", "h3:3"], "labels": {"round": "1", "x": "y"}}], "/b": None},
    {"/a": [{"targets": []}, {"targets": ["h4"], "labels": {"round": "2"}}], "/b": []},
]  # fmt: skip
"""What the HTTP server answers in each round; None: HTTP 500."""
MARKS = [{}, {"dns A": "10.0.0.3"}, {"dns SRV": ":9000"}]
"""What shows that a round has arrived, in jobs whose targets have no label that says so."""
JOBS = [
    *kubernetes_jobs(""),
    "file",
    "http",
    *(f"relabel: {name}" for name in RELABELLING["relabelling"]),
]


@dataclass
class Sources:
    """What both discover from, and how it changes."""

    api: KubernetesApi
    web: ExpositionServer
    directory: Path
    names: DnsServer | None

    def turn(self, number: int) -> None:
        """What is so from this round on."""
        rollout = yaml.safe_load(ROLLOUT.read_text())
        for step in rollout["rounds"][number - 1] if number else rollout["objects"]:
            if "put" in step:
                self.api.put(step["path"], step["put"])
            else:
                self.api.remove(step["path"], step["remove"])
        for name, groups in FILES[number].items():
            self._write(self.directory / name, groups)
        self.web.answer = lambda path: self._answer(WEB[number][path])
        if self.names is not None:
            self.names.records = [RECORDS, *CHANGED_RECORDS][number]

    def _answer(self, groups: object) -> Answer:
        if groups is None:
            return Answer(status=500)
        return Answer(json.dumps(groups).encode(), content_type="application/json")

    def _write(self, file: Path, groups: object) -> None:
        if groups is None:
            file.unlink()
            return
        is_json = file.suffix == ".json"
        text = json.dumps(groups) if is_json else yaml.safe_dump(groups)
        # in one step: whoever looks meanwhile sees the one or the other
        whole = file.with_suffix(".tmp")
        whole.write_text(groups if isinstance(groups, str) else text)
        whole.rename(file)

    def jobs(self) -> dict[str, dict[str, Any]]:
        told: dict[str, dict[str, Any]] = {}
        told["file"] = {
            "file_sd_configs": [
                {
                    "files": [f"{self.directory}/*{end}" for end in (".json", ".yml", ".yaml")],
                    "refresh_interval": "1s",
                }
            ]
        }
        told["http"] = {
            "http_sd_configs": [
                {"url": f"http://{self.web.address}{path}", "refresh_interval": "1s"}
                for path in ("/a", "/b")
            ]
        }
        if self.names is not None:
            for name, section in DNS_JOBS.items():
                told[name] = {"dns_sd_configs": [{**section, "refresh_interval": "1s"}]}
        for job in told.values():
            job["relabel_configs"] = [EVERY_LABEL]
        file = self.directory / "targets.d" / "targets.yml"
        file.parent.mkdir(exist_ok=True)
        self._write(file, RELABELLING["targets"])
        for name, rules in RELABELLING["relabelling"].items():
            told[f"relabel: {name}"] = {
                "file_sd_configs": [{"files": [str(file)]}],
                "relabel_configs": rules,
                "params": {"q": ["one", "two"]},
            }
        return told


def config_of(jobs: Mapping[str, Mapping[str, Any]]) -> str:
    """Nothing is scraped within the test's time, and what is goes to a proxy that there is not."""
    common = {"scrape_interval": "12h", "scrape_timeout": "10s", "proxy_url": "http://127.0.0.1:1"}
    sections = [{"job_name": name, **common, **job} for name, job in jobs.items()]
    return yaml.safe_dump({"scrape_configs": sections})


def told_by(url: str) -> dict[str, Targets]:
    """Job -> what is said of each of its targets, active and dropped."""
    with urllib.request.urlopen(f"{url}/api/v1/targets", timeout=30) as answer:
        data = json.load(answer)["data"]
    found: dict[str, Targets] = {}
    for one in data["activeTargets"]:
        discovered = one["discoveredLabels"]
        labels, address = without_port(one["labels"], one["scrapeUrl"])
        times = one["scrapeInterval"], one["scrapeTimeout"]
        said = ("active", text_of(labels), address, *times)
        if not one["scrapePool"].startswith("relabel"):
            said = (*said, text_of(discovered))  # 2.42 relabels those too, by mistake
        found.setdefault(one["scrapePool"], []).append(said)
    for one in data["droppedTargets"]:
        discovered = one["discoveredLabels"]
        said = ("dropped", text_of(discovered))
        found.setdefault(discovered["job"], []).append(said)
    return {job: sorted(targets) for job, targets in found.items()}


def text_of(labels: Mapping[str, str]) -> str:
    return json.dumps(labels, sort_keys=True, ensure_ascii=False)


def without_port(labels: dict[str, str], url: str) -> tuple[dict[str, str], str]:
    """2.42 adds a scheme's own port to an address without one; since 3.0 it stays as it is."""
    port = ":443" if url.startswith("https:") else ":80"
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if host.endswith(port):
        url = f"{scheme}://{host.removesuffix(port)}{slash}{path}"
        instance = labels.get("instance", "")
        if instance == host:
            labels = {**labels, "instance": instance.removesuffix(port)}
    return labels, url


def clusters_by(url: str) -> dict[str, Targets]:
    """Job -> the discovered labels of each of its targets that both have."""
    with urllib.request.urlopen(f"{url}/api/v1/targets", timeout=30) as answer:
        data = json.load(answer)["data"]
    found: dict[str, Targets] = {}
    for one in data["activeTargets"] + data["droppedTargets"]:
        labels = one["discoveredLabels"]
        if said := comparable(labels["job"].partition(" ")[0], labels):
            found.setdefault(labels["job"], []).append((said,))
    return {job: sorted(targets) for job, targets in found.items()}


def comparable(role: str, labels: Mapping[str, str]) -> str:
    """The labels of a target of the cluster, without what VictoriaMetrics 1.79 has otherwise than
    Prometheus; "" for a target that it has not."""
    told = {name.removeprefix(META): value for name, value in labels.items() if value}
    if not told.get("__address__"):
        return ""  # an ingress of every host
    if role in ("endpoints", "endpointslice"):
        if told.get("pod_container_init") == "true":
            return ""  # a port of an init container
        if not told.keys() & {
            "endpoint_ready",
            "endpointslice_port",
            "endpointslice_port_protocol",
        }:
            # a port that no endpoint names: it leaves out whose endpoint it would be
            told = {name: value for name, value in told.items() if not name.startswith(role)}
        for name in ("service_type", "service_cluster_ip", "pod_container_init"):
            told.pop(name, None)
        if "Node" in (told.get(f"{one}_address_target_kind") for one in ("endpoint", role)):
            told = {name: value for name, value in told.items() if not name.startswith("node_")}
        if told.get("endpointslice_endpoint_conditions_ready") == "false":
            del told["endpointslice_endpoint_conditions_ready"]  # also where nobody says so
    is_attached = role != "node"
    kept = {
        name: value
        for name, value in told.items()
        if (name.startswith(KINDS) or name == "__address__")
        and not name.startswith(LATER_THAN_1_79)
        and not (is_attached and name.startswith(("node_annotation", "node_name")))
    }
    return text_of(kept)


@dataclass
class Told:
    """What each side said once a round had arrived, or at the end of patience."""

    theirs: dict[str, Targets]
    ours: dict[str, Targets]

    def has_arrived(self, number: int) -> bool:
        marked = {job for job, found in self.theirs.items() if 'round": "' in str(found)}
        marks = dict.fromkeys(marked, f'round": "{number}"') | MARKS[number]
        return self.theirs == self.ours and all(
            mark in str(side[job])
            for job, mark in marks.items()
            for side in (self.theirs, self.ours)
            if job in side
        )


@pytest.fixture(scope="module")
def rounds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Told]]:
    """What both say, round by round."""
    for name in ("prometheus", "victoria-metrics"):
        if not shutil.which(name):
            pytest.skip(f"{name} is not installed (Debian has it; .ci/run installs it)")
    directory = tmp_path_factory.mktemp("discovery")
    (directory / "files").mkdir()
    names = name_server(directory)
    started = Processes(directory)
    api = KubernetesApi(page=5)
    web = ExpositionServer(Answer())
    try:
        sources = Sources(api, web, directory / "files", names)
        sources.turn(0)
        yield list(follow(directory, sources, started))
    finally:
        started.end()
        api.close()
        web.close()
        if names is not None:
            names.close()


def name_server(directory: Path) -> DnsServer | None:
    """One that both can be pointed to, as each has a resolv.conf of its own; None where that needs
    more rights than the test has."""
    address = f"127.{random.randint(1, 250)}.{random.randint(1, 250)}.{random.randint(1, 250)}"
    (directory / "resolv.conf").write_text(f"nameserver {address}\n")
    if subprocess.run(own_names(directory, ["true"]), capture_output=True, check=False).returncode:
        return None
    try:
        return DnsServer(RECORDS, address, port=53)
    except OSError:
        return None


def own_names(directory: Path, command: list[str]) -> list[str]:
    mount = f'mount --bind {directory}/resolv.conf /etc/resolv.conf && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, "sh", *command]


def follow(directory: Path, sources: Sources, started: Processes) -> Iterator[Told]:
    jobs, kubernetes = sources.jobs(), kubernetes_jobs(sources.api.url)
    configs = {"prometheus": jobs, "victoria-metrics": kubernetes, "tocsin": jobs | kubernetes}
    ports = {name: free_port() for name in configs}
    for name, its_jobs in configs.items():
        config = directory / f"{name}.yml"
        config.write_text(config_of(its_jobs))
        command = command_of(name, config, directory / name, f"127.0.0.1:{ports[name]}")
        started.start(command if sources.names is None else own_names(directory, command))
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    for number in range(ROUNDS + 1):
        if number:
            sources.turn(number)
        yield settled(number, urls, started)


ASKED_OFTEN = ["-promscrape.kubernetesSDCheckInterval=1s"]
"""VictoriaMetrics makes targets of what it watches only so often."""


def command_of(name: str, config: Path, data: Path, listen: str) -> list[str]:
    if name == "prometheus":
        options = [f"--config.file={config}", f"--storage.tsdb.path={data}"]
        return [name, *options, f"--web.listen-address={listen}"]
    if name == "victoria-metrics":
        options = [f"-promscrape.config={config}", f"-storageDataPath={data}", *ASKED_OFTEN]
        return [name, *options, f"-httpListenAddr={listen}"]
    options = [f"--config={config}", f"--data-dir={data}", f"--listen={listen}"]
    return [sys.executable, "-m", "tocsin", "up", *options]


def settled(number: int, urls: Mapping[str, str], started: Processes) -> Told:
    deadline = time.monotonic() + SETTLED_SECONDS
    told = Told({}, {})
    while time.monotonic() < deadline and started.all_run():
        time.sleep(0.5)
        try:
            told = all_told(urls)
        except OSError:
            continue
        if told.theirs and told.has_arrived(number):
            return told
    assert started.all_run(), started.logs()
    return told


def all_told(urls: Mapping[str, str]) -> Told:
    ours = told_by(urls["tocsin"])
    of_clusters = clusters_by(urls["tocsin"])
    theirs = told_by(urls["prometheus"])
    return Told(
        theirs | clusters_by(urls["victoria-metrics"]),
        {job: found for job, found in ours.items() if job not in kubernetes_jobs("")}
        | {job: found for job, found in of_clusters.items() if job in kubernetes_jobs("")},
    )


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("number", range(ROUNDS + 1))
def test_targets_are_alike(rounds: list[Told], number: int, job: str) -> None:
    told = rounds[number]
    assert told.ours.get(job) == told.theirs.get(job)


def test_each_round_arrived(rounds: list[Told]) -> None:
    assert [number for number, told in enumerate(rounds) if not told.has_arrived(number)] == []


@pytest.mark.parametrize("job", DNS_JOBS)
@pytest.mark.parametrize("number", range(ROUNDS + 1))
def test_targets_of_names_are_alike(rounds: list[Told], number: int, job: str) -> None:
    told = rounds[number]
    if job not in told.theirs:
        pytest.skip("no name server of its own: that needs unshare --mount and port 53")
    assert told.ours.get(job) == told.theirs.get(job)
