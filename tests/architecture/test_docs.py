"""The reference pages name all that there is, with its true default, and nothing that there is not.

Pages are read as tables: a row's first cell names the thing, in backticks.
"""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from collections.abc import Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import pytest
import yaml
from fastapi import FastAPI
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from collector.model.clock import ManualClock
from collector.model.durations import parse_duration_ms

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PACKAGES = ("collector", "slo", "anomaly", "dashboards", "alerts", "tocsin")
NO_EFFECT, REFUSED = "Accepted, without effect:", "Refused:"

Row = list[str]


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def prose(text: str) -> str:
    """The text without its code blocks."""
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    """Prose below each heading of any level, up to the next heading."""
    parts = re.split(r"^#+ (.+)$", prose(text), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def rows(text: str) -> Iterator[Row]:
    """Cells of every table row but the headings; `\\|` is a bar inside a cell."""
    for line in text.splitlines():
        if line.startswith("| ") and not re.match(r"\| *-", line):
            cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
            yield [cell.strip().replace("\\|", "|") for cell in cells]


def quoted(text: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", text)


def table(text: str) -> dict[str, Row]:
    """Rows by the name in their first cell; rows that name nothing are headings."""
    return {names[0]: row for row in rows(text) if (names := quoted(row[0]))}


def listed(text: str, lead: str) -> set[str]:
    """The names in the paragraph that begins with `lead`."""
    paragraphs = (" ".join(part.split()) for part in text.split("\n\n"))
    return {name for part in paragraphs if part.startswith(lead) for name in quoted(part)}


# ---- configuration ------------------------------------------------------------------------------


def models_in(annotation: object, found: dict[type[BaseModel], None]) -> None:
    """Every model that a type leads to, in the order of the file."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        if annotation in found:
            return
        found[annotation] = None
        for field in annotation.model_fields.values():
            models_in(field.annotation, found)
    for argument in typing.get_args(annotation):
        models_in(argument, found)


def config_models() -> list[type[BaseModel]]:
    """Every model that `tocsin.config` names, and those inside; one without fields is a root."""
    found: dict[type[BaseModel], None] = {}
    for named in vars(importlib.import_module("tocsin.config")).values():
        models_in(named, found)
    return [one for one in found if one.model_fields]


def model_name(model: type[BaseModel]) -> str:
    """What stands below the heading: `Model: collector.config.ScrapeConfig`."""
    return f"{model.__module__}.{model.__qualname__}"


def model_sections() -> dict[str, str]:
    """The configuration page's sections by the models that they say they document."""
    found = {}
    for text in sections(page("configuration.md")).values():
        for name in re.findall(r"^Model: `([\w.]+)`", text, flags=re.MULTILINE):
            found[name] = text
    return found


def fields_of(model: type[BaseModel]) -> tuple[dict[str, FieldInfo], set[str]]:
    """Fields that may be written, by their name in the file, and those that are refused."""
    names = {field.alias or name: field for name, field in model.model_fields.items()}
    unserved = {name for name, field in names.items() if field.annotation is object}
    return {name: field for name, field in names.items() if name not in unserved}, unserved


def documented_default_problem(field: FieldInfo, cell: str) -> str:
    """Why the cell `default` is wrong, or ""."""
    if field.is_required():
        return "" if cell == "required" else "must say: required"
    default = field.get_default(call_default_factory=True)
    literal = re.fullmatch(r"`(.*)`", cell)
    if literal is None:
        empty = default is None or isinstance(default, BaseModel) or default in ("", (), {}, [], 0)
        return "" if empty else f"must be a literal for {default!r}"
    form: Any = field.annotation
    adapter = TypeAdapter(Annotated[form, *field.metadata] if field.metadata else form)
    read = adapter.validate_python(yaml.safe_load(literal[1]))
    return "" if read == default else f"the default is {default!r}"


def test_every_configuration_model_has_a_section() -> None:
    missing = [
        model_name(one) for one in config_models() if model_name(one) not in model_sections()
    ]
    assert not missing, "docs/configuration.md: add a section that says `Model: …`"


@pytest.mark.parametrize("model", config_models(), ids=model_name)
def test_every_field_is_documented_with_its_default(model: type[BaseModel]) -> None:
    text = model_sections()[model_name(model)]
    fields, unserved = fields_of(model)
    documented, idle = table(text), listed(text, NO_EFFECT)
    problems = [f"{name} has no row" for name in fields if name not in {*documented, *idle}]
    problems += [f"{name} does not exist" for name in {*documented, *idle} - set(fields)]
    for name, row in documented.items():
        problem = documented_default_problem(fields[name], row[2]) if name in fields else ""
        problems += [f"{name}: {problem}"] if problem else []
    assert not problems
    assert listed(text, REFUSED) == unserved


def test_every_example_of_the_configuration_page_is_right(tmp_path: Path) -> None:
    load_config = importlib.import_module("tocsin.config").load_config
    slos = tmp_path / "slos" / "shop.yaml"
    slos.parent.mkdir()
    slos.write_text(code_blocks(page("slos.md"))[0], encoding="utf-8")
    examples = code_blocks(page("configuration.md")) + code_blocks(page("alerting.md"))
    environment = {
        "HOST": "shop-1",
        "SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/x",
        "TOCSIN_ADDRESS": "127.0.0.1:9900",
    }
    assert len(examples) >= 10
    for number, example in enumerate(examples):
        file = tmp_path / f"example{number}.yaml"
        file.write_text(example, encoding="utf-8")
        load_config(file, environment)


def test_every_specification_of_the_slo_page_is_right() -> None:
    objectives_of = importlib.import_module("slo.specs").objectives_of
    examples = code_blocks(page("slos.md"))
    assert len(examples) >= 2
    for example in examples:
        assert objectives_of(example, "docs/slos.md")


def code_blocks(text: str) -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)


SIZES = {"bytes": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


def as_number(text: str, constant: str) -> float:
    """`64 MiB`, `5m` or `1,000` in the unit that the constant's name ends in."""
    unit = constant.rpartition("_")[2]
    if unit == "BYTES":
        number, _, size = text.partition(" ")
        return float(number.replace(",", "")) * SIZES[size]
    if unit in ("MS", "SECONDS"):
        return parse_duration_ms(text) / (1000 if unit == "SECONDS" else 1)
    return float(text.replace(",", ""))


def test_limits_are_documented_with_their_values() -> None:
    documented = {
        quoted(row[1])[0]: row[0]
        for row in rows(sections(page("configuration.md"))["Limits"])
        if quoted(row[1])
    }
    for place, text in documented.items():
        module, _, constant = place.rpartition(".")
        value = getattr(importlib.import_module(module), constant)
        assert as_number(text, constant) == value, place
    limits = importlib.import_module("collector.ingest.limits")
    names = [name for name in vars(limits) if re.match(r"(MAX|DEFAULT)_", name)]
    assert not [n for n in names if f"collector.ingest.limits.{n}" not in documented]


# ---- metrics ------------------------------------------------------------------------------------


def metric_classes() -> Iterator[type]:
    """Every class that declares metrics: a registry is all that it takes."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "(self, registry: CollectorRegistry)" not in path.read_text(encoding="utf-8"):
                continue
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            module = importlib.import_module(name)
            for cls in vars(module).values():
                if inspect.isclass(cls) and cls.__module__ == name and _takes_registry(cls):
                    yield cls


def _takes_registry(cls: type) -> bool:
    return (
        list(inspect.signature(cls).parameters) == ["registry"]
        if "__init__" in vars(cls)
        else False
    )


def registered() -> dict[str, tuple[str, set[str]]]:
    """Type and labels of each metric by the name under which it is scraped."""
    found = {}
    for cls in metric_classes():
        registry = CollectorRegistry()
        cls(registry)
        for metric in registry._collector_to_names:
            assert isinstance(metric, MetricWrapperBase)
            described = next(iter(metric.describe()))
            name = described.name + ("_total" if described.type == "counter" else "")
            found[name] = (described.type, set(metric._labelnames))
    return found


def published() -> dict[str, str]:
    """Type of each series that tocsin appends to its own store."""
    slo = importlib.import_module("slo.published")
    anomaly = importlib.import_module("anomaly.published")
    sloth = importlib.import_module("slo.sloth_series")
    families = {**slo.FAMILIES, **sloth.FAMILIES}
    return {**{name: m.type for name, m in families.items()}, anomaly.SCORE: "gauge"}


def test_every_metric_is_documented_with_its_type_and_labels() -> None:
    documented = table(page("metrics.md"))
    metrics = registered()
    assert len(metrics) > 40, "the classes that declare metrics were not found"
    for name, (kind, labels) in metrics.items():
        assert name in documented, f"docs/metrics.md lacks {name}"
        assert documented[name][1] == kind, name
        assert set(quoted(documented[name][2])) == labels, name
    for name, kind in published().items():
        assert name in documented, f"docs/metrics.md lacks {name}"
        assert documented[name][1] == kind, name
    known = {
        *metrics,
        *published(),
        *importlib.import_module("collector.ingest.scrape.report").REPORT_NAMES,
    }
    gone = [name for name in documented if name not in known]
    assert not gone, f"docs/metrics.md names what does not exist: {gone}"


# ---- HTTP ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    """The whole application over real parts, not started."""
    from tocsin.config import load_config
    from tocsin.lifecycle import Lifecycle
    from tocsin.packs import EMBEDDED_CONFIG
    from tocsin.routers import build_application
    from tocsin.wiring import build

    config = load_config(EMBEDDED_CONFIG, {"TOCSIN_ADDRESS": "127.0.0.1:9900"})
    directory = tmp_path_factory.mktemp("data")
    parts = build(config, directory, ManualClock(1_700_000_000_000), "http://127.0.0.1:9900")
    yield build_application(parts, Lifecycle(parts, lambda: config))
    parts.alerts.close()
    parts.logs.store.close()
    parts.store.close()


def schema_of(app: FastAPI) -> dict[str, Any]:
    """What the application says of its own routes."""
    schema: dict[str, Any] = app.openapi()
    return schema


def routes_of(app: FastAPI) -> dict[tuple[str, str], list[str]]:
    """Names of the query parameters by method and path."""
    return {
        (method.upper(), path): [one["name"] for one in operation.get("parameters", ())]
        for path, operations in schema_of(app)["paths"].items()
        for method, operation in operations.items()
    } | {("GET", app.openapi_url or ""): []}


def documented_routes() -> set[tuple[str, str]]:
    """Rows of the API page: methods in the first cell, the path in the second."""
    return {
        (method, quoted(row[1])[0])
        for row in rows(page("api.md"))
        if len(row) > 2 and quoted(row[1]) and quoted(row[1])[0].startswith("/")
        for method in re.findall(r"[A-Z]+", row[0])
    }


def test_every_route_is_documented(app: FastAPI) -> None:
    wanted, documented = set(routes_of(app)), documented_routes()
    assert len(wanted) > 30, "the routes were not found"
    assert wanted - documented == set(), "docs/api.md lacks routes"
    assert documented - wanted == set(), "docs/api.md names routes that do not exist"


def test_every_parameter_and_field_of_an_answer_is_documented(app: FastAPI) -> None:
    names = set(quoted(prose(page("api.md"))))
    for (_, path), parameters in routes_of(app).items():
        missing = [one for one in parameters if one not in names and f"{{{one}}}" not in path]
        assert not missing, f"docs/api.md lacks parameters of {path}: {missing}"
    for name, schema in schema_of(app)["components"]["schemas"].items():
        if name.endswith("Body"):
            missing = [one for one in schema["properties"] if one not in names]
            assert not missing, f"docs/api.md lacks fields of {name}: {missing}"


# ---- commands -----------------------------------------------------------------------------------


def click_commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its whole name."""
    inner: Mapping[str, Any] = getattr(command, "commands", {})
    if not inner:
        yield name, command
    for child, below in inner.items():
        yield from click_commands(below, f"{name} {child}")


def test_every_command_and_option_is_documented() -> None:
    import typer

    from tocsin.__main__ import command_line

    command = typer.main.get_command(command_line())
    found = sections(page("commands.md"))
    for name, one in click_commands(command, "tocsin"):
        assert f"`{name}`" in found, f"docs/commands.md lacks a heading `{name}`"
        words = set(re.split(r"[\s`,|=\[\]]+", found[f"`{name}`"]))
        for parameter in one.params:
            for spelling in parameter.opts if parameter.param_type_name == "option" else ():
                assert spelling in words, f"docs/commands.md lacks {spelling} of {name}"
    extra = {heading.strip("`") for heading in found if heading.startswith("`tocsin ")}
    assert extra == {name for name, _ in click_commands(command, "tocsin")}


# ---- SLOs, alerting -----------------------------------------------------------------------------


def test_the_table_of_tiers_is_the_one_that_is_judged_by() -> None:
    from slo.burn_rate import tiers_for
    from slo.window import window_text

    found = {row[0]: row[1:] for row in rows(sections(page("slos.md"))["Tiers"])}
    assert {"30d", "28d", "7d"} <= set(found)
    for window, cells in found.items():
        if re.fullmatch(r"\d+\w+", window):
            tiers = tiers_for(parse_duration_ms(window))
            assert cells == [
                f"{one.factor:g} on {window_text(one.long_ms)} / {window_text(one.short_ms)}"
                for one in tiers
            ]


def test_every_state_and_format_is_told() -> None:
    from slo.specs import READERS
    from slo.verdict import State

    names = set(quoted(prose(page("slos.md"))))
    assert {*typing.get_args(State), *READERS} <= names


def test_every_reason_outcome_and_channel_is_told() -> None:
    from alerts.channels import CHANNELS
    from alerts.delivery_log import Outcome
    from alerts.notification import Reason

    assert issubclass(Reason, StrEnum)
    names = set(quoted(prose(page("alerting.md"))))
    assert {*map(str, Reason), *typing.get_args(Outcome)} <= names
    assert {f"{kind}_configs" for kind in CHANNELS} <= names


# ---- links --------------------------------------------------------------------------------------


def linking_files() -> list[Path]:
    return [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]


def anchors(file: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    texts = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in sections(file.read_text()))
    return {text.replace(" ", "-") for text in texts}


@pytest.mark.parametrize("file", linking_files(), ids=lambda file: str(file.relative_to(ROOT)))
def test_relative_links_lead_somewhere(file: Path) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(file.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path) if path else file
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert not broken
