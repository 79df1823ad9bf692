"""Real HTTP servers on the loopback address, real time, intervals of a few hundred milliseconds."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Iterator

import pytest
from prometheus_client import CollectorRegistry

from collector.config import GlobalConfig, ScrapeConfig
from collector.ingest.scrape.loop import TargetStatus
from collector.ingest.scrape.pool import ScrapePool
from collector.model.clock import SystemClock
from collector.model.errors import ConfigError
from collector.self_metrics import IngestMetrics
from tests.oracles.exposition_server import TEXT, Answer, ExpositionServer
from tests.oracles.recording_appender import RecordingAppender

PATIENCE_SECONDS = 20


class Bench:
    def __init__(self) -> None:
        self.store = RecordingAppender()
        self.registry = CollectorRegistry()
        self.pool = ScrapePool(self.store, IngestMetrics(self.registry), SystemClock())
        self.servers: list[ExpositionServer] = []

    def server(self, answer: Answer | Callable[[str], Answer]) -> ExpositionServer:
        self.servers.append(ExpositionServer(answer))
        return self.servers[-1]

    def apply(self, *sections: dict[str, object]) -> None:
        configs = [
            ScrapeConfig.model_validate({"scrape_interval": "200ms", **section})
            for section in sections
        ]
        self.pool.apply(configs, GlobalConfig())

    def run(self, check: Callable[[], Awaitable[None]]) -> None:
        async def all_of_it() -> None:
            running = asyncio.create_task(self.pool.run())
            try:
                await check()
            finally:
                self.pool.close()
                await running

        asyncio.run(all_of_it())

    def status(self, server: ExpositionServer) -> TargetStatus:
        found = [one for one in self.pool.targets() if server.address in one.target.url]
        assert len(found) == 1
        return found[0]


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for server in made.servers:
        server.close()


async def until(condition: Callable[[], object], what: str = "") -> None:
    for _ in range(PATIENCE_SECONDS * 50):
        try:
            if condition():
                return
        except AssertionError:
            pass
        await asyncio.sleep(0.02)
    pytest.fail(f"did not happen: {what}")


def section(server: ExpositionServer, **fields: object) -> dict[str, object]:
    return {"job_name": "j", "static_configs": [{"targets": [server.address]}], **fields}


def test_a_target_is_scraped_with_prometheus_s_headers(bench: Bench) -> None:
    server = bench.server(Answer(b"a 1\n"))
    bench.apply(section(server, params={"x": ["1"]}, bearer_token="s3cret"))

    async def check() -> None:
        await until(lambda: len(bench.store.values("a")) >= 2, "two samples")
        path, headers = server.requests[0]
        assert path == "/metrics?x=1"
        assert headers["Accept"].startswith("application/openmetrics-text;version=1.0.0")
        assert headers["Accept-Encoding"] == "gzip"
        assert headers["Authorization"] == "Bearer s3cret"
        assert headers["X-Prometheus-Scrape-Timeout-Seconds"] == "0.2"
        status = bench.status(server)
        assert (status.health, status.last_error, status.samples) == ("up", "", 1)
        assert "s3cret" not in repr(status)

    bench.run(check)


def test_dead_slow_and_broken_targets_hold_up_no_other(bench: Bench) -> None:
    good = bench.server(Answer(b"a 1\n"))
    slow = bench.server(Answer(b"a 1\n", delay_seconds=0.6))
    broken = bench.server(Answer(b"a 1\na{ 2\n"))
    failing = bench.server(Answer(status=500))
    foreign = bench.server(Answer(b"<html>", content_type="text/html"))
    dead = bench.server(Answer())
    dead_address = dead.address
    dead.close()
    bench.servers.remove(dead)
    bad = [server.address for server in (slow, broken, failing, foreign)] + [dead_address]
    bench.apply({"job_name": "j", "static_configs": [{"targets": [good.address, *bad]}]})

    async def check() -> None:
        await until(lambda: len(bench.store.values("up", instance=good.address)) >= 5, "good")
        for address in bad:
            await until(
                lambda address=address: 0.0 in bench.store.values("up", instance=address), address
            )
        assert set(bench.store.values("up", instance=good.address)) == {1.0}
        assert "within scrape_timeout of 0.2 s" in bench.status(slow).last_error
        assert "line 2" in bench.status(broken).last_error
        assert "HTTP 500" in bench.status(failing).last_error
        assert "text/html" in bench.status(foreign).last_error
        errors = [one.last_error for one in bench.pool.targets() if dead_address in one.target.url]
        assert "can't reach the target" in errors[0]

    bench.run(check)


def test_a_target_that_fails_and_comes_back(bench: Bench) -> None:
    server = bench.server(Answer(b"a 1\n"))
    bench.apply(section(server))

    async def check() -> None:
        await until(lambda: 1.0 in bench.store.values("a"), "up")
        server.answer = Answer(status=503)
        await until(lambda: "stale" in bench.store.values("a"), "stale")
        server.answer = Answer(b"a 2\n")
        await until(lambda: 2.0 in bench.store.values("a"), "back")
        assert {0.0, 1.0} == set(bench.store.values("up"))

    bench.run(check)


def test_gzip_is_read_and_a_bomb_stops_at_the_limit(bench: Bench) -> None:
    packed = Answer(gzip.compress(b"a 1\n"), headers={"Content-Encoding": "gzip"})
    bomb = gzip.compress(b"# " + b"x" * 5_000_000 + b"\n")
    server = bench.server(packed)
    other = bench.server(Answer(bomb, headers={"Content-Encoding": "gzip"}))
    bench.apply(
        {
            "job_name": "j",
            "body_size_limit": "1MB",
            "static_configs": [{"targets": [server.address, other.address]}],
        }
    )

    async def check() -> None:
        await until(lambda: bench.store.values("a", instance=server.address), "unpacked")
        await until(lambda: bench.status(other).health == "down", "refused")
        assert "larger than body_size_limit of 1,048,576 bytes" in bench.status(other).last_error

    bench.run(check)


def test_an_unknown_content_type_is_read_when_a_fallback_is_set(bench: Bench) -> None:
    server = bench.server(Answer(b"a 1\n", content_type=""))
    bench.apply(section(server, fallback_scrape_protocol="PrometheusText0.0.4"))

    async def check() -> None:
        await until(lambda: bench.store.values("a"), "read")

    bench.run(check)


def test_openmetrics_is_read_by_its_content_type(bench: Bench) -> None:
    body = b"# TYPE a counter\na_total 3\na_created 1\n# EOF\n"
    server = bench.server(Answer(body, content_type="application/openmetrics-text; version=1.0.0"))
    bench.apply(section(server))

    async def check() -> None:
        await until(lambda: bench.store.values("a_total"), "read")
        assert 1000 in bench.store.start_ms.values()

    bench.run(check)


def test_a_reload_ends_what_goes_and_leaves_the_rest_alone(bench: Bench) -> None:
    stays = bench.server(Answer(b"a 1\n"))
    goes = bench.server(Answer(b"b 1\n"))
    bench.apply(section(stays), section(goes, job_name="k"))

    async def check() -> None:
        await until(lambda: bench.store.values("a") and bench.store.values("b"), "both up")
        bench.apply(section(stays, sample_limit=1000))
        await until(lambda: "stale" in bench.store.values("b"), "b ended")
        await until(lambda: len(bench.pool.targets()) == 1, "one target")
        seen = len(bench.store.values("a"))
        await until(lambda: len(bench.store.values("a")) > seen + 2, "a goes on")
        assert "stale" not in bench.store.values("a")
        assert bench.store.values("up", job="k")[-1] == "stale"
        assert bench.pool.jobs() == ["j"]

    bench.run(check)


def test_a_target_whose_interval_changes_does_not_end(bench: Bench) -> None:
    server = bench.server(Answer(b"a 1\n"))
    bench.apply(section(server))

    async def check() -> None:
        await until(lambda: bench.store.values("a"), "up")
        bench.apply(section(server, scrape_interval="1s", metrics_path="/moved"))
        await until(lambda: any(path == "/moved" for path, _ in server.requests), "moved")
        seen = len(bench.store.values("a"))
        await until(lambda: len(bench.store.values("a")) > seen + 3, "goes on")
        assert "stale" not in bench.store.values("a")
        assert "stale" not in bench.store.values("up")

    bench.run(check)


def test_a_url_is_probed_through_another_target(bench: Bench) -> None:
    prober = bench.server(Answer(b"probe_success 1\n"))
    bench.apply(
        {
            "job_name": "probe",
            "metrics_path": "/probe",
            "params": {"module": ["http_2xx"]},
            "static_configs": [{"targets": ["https://shop.example/login"]}],
            "relabel_configs": [
                {"source_labels": ["__address__"], "target_label": "__param_target"},
                {"source_labels": ["__param_target"], "target_label": "instance"},
                {"target_label": "__address__", "replacement": prober.address},
            ],
        }
    )

    async def check() -> None:
        url = "https://shop.example/login"
        await until(lambda: bench.store.values("probe_success", instance=url), "probed")
        path, _ = prober.requests[0]
        assert path == "/probe?module=http_2xx&target=https%3A%2F%2Fshop.example%2Flogin"

    bench.run(check)


def test_dropped_targets_are_counted_and_kept_up_to_a_limit(bench: Bench) -> None:
    bench.apply(
        {
            "job_name": "j",
            "keep_dropped_targets": 2,
            "relabel_configs": [{"action": "drop", "regex": ".*"}],
            "static_configs": [{"targets": [f"gone:{port}" for port in range(1, 6)]}],
        }
    )

    async def check() -> None:
        await until(lambda: bench.pool.dropped_counts().get("j") == 5, "counted")
        assert len(bench.pool.dropped()["j"]) == 2

    bench.run(check)


def test_stopping_marks_nothing_stale(bench: Bench) -> None:
    server = bench.server(Answer(b"a 1\n"))
    bench.apply(section(server))

    async def check() -> None:
        await until(lambda: bench.store.values("a"), "up")

    bench.run(check)
    assert "stale" not in bench.store.values("a")
    assert "stale" not in bench.store.values("up")


def test_relabelling_drops_targets_and_they_are_told(bench: Bench) -> None:
    server = bench.server(Answer(b"a 1\n"))
    drop = {"action": "drop", "source_labels": ["__address__"], "regex": "gone:1"}
    bench.apply(
        {
            "job_name": "j",
            "relabel_configs": [drop],
            "static_configs": [{"targets": [server.address, "gone:1"]}],
        }
    )

    async def check() -> None:
        await until(lambda: bench.store.values("a"), "up")
        assert [labels["__address__"] for labels in bench.pool.dropped()["j"]] == ["gone:1"]
        assert len(bench.pool.targets()) == 1

    bench.run(check)


def test_too_many_targets_fail_with_the_limit_s_name(bench: Bench) -> None:
    server = bench.server(Answer(b"a 1\n"))
    targets = [server.address, "127.0.0.1:1"]
    bench.apply({"job_name": "j", "target_limit": 1, "static_configs": [{"targets": targets}]})

    async def check() -> None:
        await until(
            lambda: (
                all("target_limit of 1" in one.last_error for one in bench.pool.targets())
                and len(bench.pool.targets()) == 2
            ),
            "refused",
        )
        assert not server.requests

    bench.run(check)


def test_targets_follow_their_file(bench: Bench, tmp_path: object) -> None:
    server = bench.server(Answer(b"a 1\n"))
    file = tmp_path / "targets.json"  # type: ignore[operator]
    file.write_text("[]")
    discovery = [{"files": [str(tmp_path) + "/*.json"], "refresh_interval": "100ms"}]
    bench.apply({"job_name": "j", "file_sd_configs": discovery})

    async def check() -> None:
        await asyncio.sleep(0.2)
        assert not bench.pool.targets()
        file.write_text(f'[{{"targets": ["{server.address}"], "labels": {{"env": "t"}}}}]')
        await until(lambda: bench.store.values("a", env="t"), "found")
        file.write_text("[{")
        await asyncio.sleep(0.3)
        assert len(bench.pool.targets()) == 1, "a broken file keeps the targets that it had"
        file.unlink()
        await until(lambda: bench.store.values("a")[-1] == "stale", "ended")

    bench.run(check)


def test_targets_that_are_alike_once_relabelled_are_scraped_once(bench: Bench) -> None:
    server = bench.server(Answer(b"a 1\n"))
    groups = [
        {"targets": [server.address], "labels": {"__meta_port": port}} for port in ("http", "admin")
    ]
    bench.apply({"job_name": "j", "static_configs": groups})

    async def check() -> None:
        await until(lambda: bench.store.values("a"), "scraped")
        assert bench.status(server).target.discovered["__meta_port"] == "admin", "the last one"

    bench.run(check)


def test_an_address_that_can_t_be_asked_is_down_and_holds_up_no_other(bench: Bench) -> None:
    """An IPv6 address without brackets is what a pod without ports has."""
    server = bench.server(Answer(b"a 1\n"))
    targets = ["2001:db8::7", "h:port", server.address]
    bench.apply({"job_name": "j", "static_configs": [{"targets": targets}]})

    async def check() -> None:
        await until(lambda: bench.store.values("a"), "the good one is scraped")
        await until(lambda: all(one.health == "down" for one in bad_now()), "the others are down")
        assert len(bad_now()) == 2
        assert all("can't be asked" in one.last_error for one in bad_now())

    def bad_now() -> list[TargetStatus]:
        return [one for one in bench.pool.targets() if server.address not in one.target.url]

    bench.run(check)


def test_two_sections_of_one_name_are_refused(bench: Bench) -> None:
    with pytest.raises(ConfigError, match="two scrape_configs"):
        bench.apply({"job_name": "j"}, {"job_name": "j"})


def test_an_answer_may_be_large_and_keep_its_type(bench: Bench) -> None:
    lines = "".join(f'm{{n="{n}"}} {n}\n' for n in range(20_000))
    server = bench.server(Answer(lines.encode(), content_type=TEXT))
    bench.apply(section(server, scrape_interval="2s"))

    async def check() -> None:
        await until(lambda: bench.store.values("scrape_samples_scraped"), "read")
        assert bench.store.values("scrape_samples_scraped")[0] == 20_000

    bench.run(check)
