import pytest
import yaml
from pydantic import ValidationError

from collector.config import GlobalConfig, OtlpConfig, RelabelConfig, ScrapeConfig, StorageConfig


def scrape(text: str) -> ScrapeConfig:
    return ScrapeConfig.model_validate({"job_name": "j", **yaml.safe_load(text)})


def test_a_section_as_prometheus_s_documentation_writes_it() -> None:
    config = scrape("""
        honor_labels: true
        scrape_interval: 1m30s
        scrape_timeout: 10s
        metrics_path: /probe
        scheme: https
        params: {module: [http_2xx]}
        basic_auth: {username: u, password: p}
        tls_config: {insecure_skip_verify: true}
        body_size_limit: 10MB
        sample_limit: 1000
        static_configs:
          - targets: [localhost:9090]
            labels: {group: 1}
        relabel_configs:
          - {source_labels: [job], regex: 1, action: Keep}
    """)
    assert config.scrape_interval == 90_000
    assert config.body_size_limit == 10 * 1024 * 1024
    assert config.static_configs[0].labels == {"group": "1"}
    assert config.relabel_configs[0].rule().regex == "1"


def test_defaults_come_from_global() -> None:
    global_ = GlobalConfig(scrape_interval="5s", sample_limit=7)  # type: ignore[arg-type]
    config = scrape("label_limit: 3").with_defaults(global_)
    assert (config.scrape_interval, config.scrape_timeout) == (5_000, 5_000)
    assert (config.sample_limit, config.label_limit) == (7, 3)
    assert config.body_size_limit == 64 * 1024 * 1024
    assert scrape("sample_limit: 0").with_defaults(global_).sample_limit == 0


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        ("consul_sd_configs: [{server: a}]", ("consul_sd_configs",), "not supported yet"),
        ("dns_sd_configs: [{names: [a], type: A}]", ("dns_sd_configs", 0), "set port"),
        ("http_sd_configs: [{url: a}]", ("http_sd_configs", 0, "url"), "http://"),
        (
            "kubernetes_sd_configs: [{role: pod, bearer_token: a}]",
            ("kubernetes_sd_configs", 0),
            "api_server",
        ),
        (
            "kubernetes_sd_configs: [{role: pod, selectors: [{role: ingress}]}]",
            ("kubernetes_sd_configs", 0),
            "takes selectors of node, pod",
        ),
        ("tls_config: {cert_file: a}", ("tls_config",), "both cert and key"),
        ("http_headers: {Host: {values: [a]}}", ("http_headers",), "set by tocsin"),
        ("no_proxy: a", (), "needs proxy_url"),
        ("scrape_intervall: 1s", ("scrape_intervall",), "Extra inputs"),
        ("scrape_interval: 15", ("scrape_interval",), "write a unit"),
        ("scrape_interval: soon", ("scrape_interval",), "not a valid duration"),
        ("scrape_interval: 0s", ("scrape_interval",), "greater than 0"),
        ("{scrape_interval: 5s, scrape_timeout: 6s}", ("scrape_timeout",), "longer than"),
        ("body_size_limit: 5", ("body_size_limit",), "write a unit"),
        ("static_configs: [{targets: ['http://a']}]", ("static_configs",), "scheme"),
        ("file_sd_configs: [{files: [a.txt]}]", ("file_sd_configs", 0, "files"), ".json"),
        ("{bearer_token: a, basic_auth: {username: b}}", (), "only one of"),
        ("authorization: {type: Basic}", ("authorization", "type"), "basic_auth"),
        (
            "relabel_configs: [{regex: '(', target_label: a}]",
            ("relabel_configs", 0, "regex"),
            "regular expression",
        ),
        ("relabel_configs: [{action: hashmod}]", ("relabel_configs", 0), "modulus"),
        ("relabel_configs: [{regex: a}]", ("relabel_configs", 0), "target_label"),
        (
            "relabel_configs: [{action: labeldrop, regex: a, source_labels: [b]}]",
            ("relabel_configs", 0),
            "does not look at source_labels",
        ),
        (
            "relabel_configs: [{action: keepequal, target_label: a, regex: b, replacement: c}]",
            ("relabel_configs", 0),
            "does not look at regex, replacement",
        ),
        ("static_configs: [{targets: ['']}]", ("static_configs", 0, "targets"), "no target"),
        (
            "static_configs: [{labels: {'': x}}]",
            ("static_configs", 0, "labels"),
            "no label name",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place(
    text: str, place: tuple[object, ...], told: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        scrape(text)
    (error,) = caught.value.errors()
    assert error["loc"] == place
    assert told in error["msg"]


def test_secrets_do_not_show() -> None:
    config = scrape("authorization: {credentials: s3cret}")
    assert "s3cret" not in repr(config)
    assert "s3cret" not in str(config.model_dump())


def test_relabel_defaults_are_prometheus_s() -> None:
    rule = RelabelConfig(target_label="x").rule()
    assert (rule.action, rule.separator, rule.regex, rule.replacement) == (
        "replace",
        ";",
        "(.*)",
        "$1",
    )


def test_every_section_has_defaults() -> None:
    assert StorageConfig().retention_time == 15 * 24 * 3600 * 1000
    assert OtlpConfig().max_body_size == 64 * 1024 * 1024
    assert GlobalConfig().scrape_interval == 60_000
