import pytest

from collector.config import GlobalConfig, ScrapeConfig
from collector.ingest.relabel import Rule, compile_rules
from collector.ingest.scrape.slots import Slots
from collector.ingest.scrape.target import Target, make_target, sample_relabel
from collector.model.errors import ConfigError
from collector.model.labels import Labels

NOW_MS = 1_700_000_000_123


def config(**fields: object) -> ScrapeConfig:
    section = {"job_name": "j", "scrape_interval": "15s", **fields}
    return ScrapeConfig.model_validate(section).with_defaults(GlobalConfig())


def target(found: dict[str, str], *rules: Rule, **fields: object) -> Target | None:
    labels = Labels({"__address__": "host:9100", **found})
    return make_target(config(**fields), labels, compile_rules(rules))


def test_labels_url_and_times_of_a_plain_target() -> None:
    made = target({"env": "test", "__meta_x": "y"})
    assert made is not None
    assert dict(made.labels) == {"env": "test", "instance": "host:9100", "job": "j"}
    assert made.url == "http://host:9100/metrics"
    assert (made.interval_ms, made.timeout_ms) == (15_000, 10_000)
    assert made.discovered["__meta_x"] == "y"


def test_params_stand_in_the_url() -> None:
    made = target({}, params={"module": ["a b", "c"], "x": ["1"]}, metrics_path="probe")
    assert made is not None
    assert made.url == "http://host:9100/probe?module=a+b&module=c&x=1"


def test_params_of_the_section_win_over_the_target_s() -> None:
    made = target({"__param_module": "own"}, params={"module": ["a", "b"]})
    assert made is not None
    assert made.url == "http://host:9100/metrics?module=a&module=b"


def test_a_path_holds_no_query() -> None:
    made = target({"__metrics_path__": "/a b/(c)?d=1"}, params={"x": ["1"]})
    assert made is not None
    assert made.url == "http://host:9100/a%20b/%28c%29%3Fd=1?x=1"


def test_an_address_that_no_url_can_hold_is_told() -> None:
    with pytest.raises(ConfigError, match="has the address '\\[::1:9'"):
        target({"__address__": "[::1:9"})


def test_how_it_was_found_is_no_part_of_a_target() -> None:
    first, second = target({"__meta_x": "1"}), target({"__meta_x": "2"})
    assert first == second
    assert target({"env": "other"}) != first


def test_relabelling_steers_the_request_as_for_the_blackbox_exporter() -> None:
    made = target(
        {},
        Rule(source_labels=("__address__",), target_label="__param_target"),
        Rule(source_labels=("__param_target",), target_label="instance"),
        Rule(target_label="__address__", replacement="prober:9115"),
        Rule(target_label="__scheme__", replacement="https"),
        Rule(target_label="__scrape_interval__", replacement="30s"),
    )
    assert made is not None
    assert made.url == "https://prober:9115/metrics?target=host%3A9100"
    assert made.labels["instance"] == "host:9100"
    assert made.interval_ms == 30_000


def test_a_url_may_be_a_target_when_relabelling_makes_a_parameter_of_it() -> None:
    move = Rule(source_labels=("__address__",), target_label="__param_target")
    probe = Rule(target_label="__address__", replacement="prober:9115")
    made = target({"__address__": "https://shop.example/login?a=1"}, move, probe)
    assert made is not None
    assert made.url == (
        "http://prober:9115/metrics?target=https%3A%2F%2Fshop.example%2Flogin%3Fa%3D1"
    )
    with pytest.raises(ConfigError, match="which is no host"):
        target({"__address__": "https://shop.example/login"}, move)


def test_a_timeout_over_the_interval_is_told() -> None:
    with pytest.raises(ConfigError, match="at most the interval"):
        target({}, Rule(target_label="__scrape_interval__", replacement="1s"))


def test_a_dropped_target_is_none() -> None:
    assert target({}, Rule(action="drop", source_labels=("job",), regex="j")) is None


def test_a_target_without_address_is_told() -> None:
    with pytest.raises(ConfigError, match="no address"):
        target({}, Rule(target_label="__address__", replacement=""))


def test_an_interval_that_relabelling_broke_is_told() -> None:
    with pytest.raises(Exception, match="not a valid duration"):
        target({}, Rule(target_label="__scrape_interval__", replacement="often"))


def test_scrapes_are_spread_over_the_interval() -> None:
    slots = Slots()
    slots.make_room(500)
    offsets = [
        slots.offset_ms(made.place, 15_000)
        for n in range(500)
        if (made := target({"__address__": f"host-{n}:1"})) is not None
    ]
    for quarter in range(4):
        share = sum(quarter * 3750 <= offset < (quarter + 1) * 3750 for offset in offsets)
        assert 80 < share < 170


def test_scrapes_stand_on_a_grid() -> None:
    made = target({})
    assert made is not None
    due = made.next_scrape_ms(NOW_MS, Slots())
    assert NOW_MS < due <= NOW_MS + 15_000
    assert made.next_scrape_ms(due, Slots()) == due + 15_000
    assert due % 15_000 == Slots().offset_ms(made.place, 15_000)
    assert made.sample_time_ms(due, due + 50) == due
    assert made.sample_time_ms(due, due + 51) == due + 51


def test_the_first_scrape_comes_soon_and_not_for_all_at_once() -> None:
    delays = {
        made.first_scrape_ms(NOW_MS) - NOW_MS
        for n in range(50)
        if (made := target({"__address__": f"host-{n}:1"})) is not None
    }
    assert all(0 <= delay < 2_000 for delay in delays)
    assert len(delays) > 20


EXPOSED = Labels({"__name__": "m", "job": "theirs", "exported_job": "older", "x": "1"})
TARGET = Labels({"job": "ours", "instance": "i"})


def test_the_target_s_labels_win_and_the_exposed_ones_are_kept_aside() -> None:
    assert sample_relabel(config(), TARGET)(EXPOSED) == Labels(
        {
            "__name__": "m",
            "job": "ours",
            "instance": "i",
            "exported_job": "older",
            "exported_exported_job": "theirs",
            "x": "1",
        }
    )


def test_honored_labels_win() -> None:
    assert sample_relabel(config(honor_labels=True), TARGET)(EXPOSED) == EXPOSED.merged(
        {"instance": "i"}
    )


def test_metric_relabelling_comes_after_the_target_s_labels() -> None:
    steps = [{"action": "drop", "source_labels": ["job", "x"], "regex": "ours;1"}]
    assert sample_relabel(config(metric_relabel_configs=steps), TARGET)(EXPOSED) is None
