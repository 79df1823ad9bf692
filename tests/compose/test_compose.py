"""The Compose file is what the Compose specification allows, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from compose_pydantic import ComposeSpecification

from tocsin.config import load_config

COMPOSE = Path(__file__).parents[2] / "compose"
SCHEMA = ComposeSpecification.model_json_schema()
"""compose-pydantic's models are generated from the specification's JSON schema."""


@pytest.fixture(scope="module")
def stack() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    return data


def without_extensions(stack: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stack.items() if not key.startswith("x-")}


def test_it_follows_the_specification(stack: dict[str, Any]) -> None:
    jsonschema.validate(without_extensions(stack), SCHEMA)


@pytest.mark.parametrize(
    "wrong", [{"imagee": "x"}, {"healthcheck": {"tests": "x"}}, {"read_only": {}}]
)
def test_the_schema_finds_mistakes(stack: dict[str, Any], wrong: dict[str, Any]) -> None:
    broken = without_extensions(stack)
    broken["services"] = {**broken["services"], "tocsin": wrong}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, SCHEMA)


def test_all_parts_of_the_stack_are_there(stack: dict[str, Any]) -> None:
    expected = {"tocsin", "grafana", "node-exporter", "elasticsearch", "boards"}
    assert expected | {"shop-web", "shop-orders", "shop-payments"} <= set(stack["services"])


def test_images_are_pinned_to_a_version(stack: dict[str, Any]) -> None:
    dockerfile = (COMPOSE / "Dockerfile").read_text()
    images = [service["image"] for service in stack["services"].values()]
    images += re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    for image in images:
        assert re.search(r":v?\d+\.\d+\.\d+(-[a-z-]+)?$", image), image


def test_services_are_checked_and_run_with_little_power(stack: dict[str, Any]) -> None:
    for name, service in stack["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert "privileged" not in service, name
        assert "healthcheck" in service or service["restart"] == "no", name
        assert service.get("read_only") or name == "elasticsearch", name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name


def test_what_is_waited_for_can_become_true(stack: dict[str, Any]) -> None:
    services = stack["services"]
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "test" in services[name]["healthcheck"]
            else:
                assert services[name]["restart"] == "no"


def test_everything_named_exists(stack: dict[str, Any]) -> None:
    for service in stack["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (COMPOSE / source).exists(), source
            elif not source.startswith("/"):
                assert source in stack["volumes"]
        assert set(service.get("secrets", ())) <= set(stack["secrets"])
        if "build" in service:
            build = service["build"]
            assert (COMPOSE / build["context"] / build["dockerfile"]).exists()
    root = COMPOSE.parent
    copied = re.findall(
        r"^COPY (?!--from)(.+) \S+$", (COMPOSE / "Dockerfile").read_text(), re.MULTILINE
    )
    for path in " ".join(copied).split():
        assert (root / path).exists(), path


def test_no_secret_is_written_down(stack: dict[str, Any]) -> None:
    for service in stack["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|SECRET|KEY", name):
                assert name.endswith("__FILE"), name
                assert value.startswith("/run/secrets/")
    assert "*" in (COMPOSE / "secrets/.gitignore").read_text().splitlines()


def test_tocsin_reads_its_configuration_and_scrapes_services_of_the_stack(
    stack: dict[str, Any], tmp_path: Path
) -> None:
    (tmp_path / "slos").mkdir()
    (tmp_path / "tocsin.yaml").write_text((COMPOSE / "tocsin/tocsin.yaml").read_text())
    shop = COMPOSE.parent / "examples/shop/slos.yaml"
    (tmp_path / "slos/shop.yaml").write_text(shop.read_text())
    config = load_config(tmp_path / "tocsin.yaml", {})
    assert len(config.objectives) == 3
    targets = [t for job in config.scrape_configs for s in job.static_configs for t in s.targets]
    assert len(targets) == 5
    for target in targets:
        host, _, port = target.partition(":")
        assert host == "127.0.0.1" or host in stack["services"]
        if host.startswith("shop"):
            assert port in stack["services"][host]["command"]


def test_grafana_finds_tocsin_and_the_boards(stack: dict[str, Any]) -> None:
    (source,) = yaml.safe_load((COMPOSE / "grafana/datasources/tocsin.yaml").read_text())[
        "datasources"
    ]
    assert source["type"] == "prometheus"
    assert source["url"] == "http://tocsin:9900"
    (provider,) = yaml.safe_load((COMPOSE / "grafana/dashboards/tocsin.yaml").read_text())[
        "providers"
    ]
    assert f"boards:{provider['options']['path']}:ro" in stack["services"]["grafana"]["volumes"]
    assert stack["services"]["boards"]["command"][-2:] == ["-o", provider["options"]["path"]]
