"""What a configuration of people may say, and the errors and warnings about what it should not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from alerts.on_call.config import OnCallConfig
from alerts.on_call.escalation import Step
from alerts.on_call.gap_report import roster_warnings
from alerts.on_call.roster import Reached, build_roster, roster_errors
from collector.config_errors import ManyConfigErrors
from collector.model import Labels
from tocsin.config import load_config

FILE = """
route: {receiver: team}
receivers: [{name: team}]
alerts:
  on_call:
    people:
      - {name: ana, receivers: [phone]}
    schedules:
      - name: primary
        time_zone: Europe/Berlin
        layers:
          - people: [ana, bob]
            start: 2026-01-05T09:00
    escalations:
      - name: default
        steps:
          - schedules: [second]
    teams:
      - {name: payments, escalation: other}
    escalation: none
"""


def test_every_name_that_refers_to_nothing_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text(FILE)
    with pytest.raises(ManyConfigErrors) as raised:
        load_config(file, {})
    found = {(one.where.line, one.message) for one in raised.value.errors}
    assert found == {
        (7, "undefined receiver 'phone'"),
        (12, "undefined person 'bob'"),
        (17, "undefined schedule 'second'"),
        (19, "undefined escalation 'other'"),
        (20, "undefined escalation 'none'"),
    }


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"people": [{"name": " "}]}, "not a name"),
        ({"schedules": [{"name": "s", "time_zone": "Berlin", "layers": []}]}, "time zone"),
        ({"schedules": [{"name": "s", "layers": []}]}, "at least 1"),
        ({"escalations": [{"name": "e", "steps": [{"after": "5m"}]}]}, "asks nobody"),
        ({"escalations": [{"name": "e", "steps": []}]}, "at least 1"),
        ({"escalations": [{"name": "e", "severities": ["page"], "steps": []}]}, "critical"),
        ({"heartbeats": [{"name": "h", "interval": "1s"}]}, "5000"),
        ({"watchdog": {"url": "nowhere"}}, "http"),
    ],
)
def test_wrong_values_are_named(section: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        OnCallConfig.model_validate(section)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"start": "2026-01-05T09:00Z"}, "offset"),
        ({"start": "soon"}, "local time"),
        ({"rotation": "monthly"}, "rotation"),
        ({"rotation": "0d"}, "rotation"),
        ({"end": "2026-01-01T00:00"}, "ends before"),
        ({"restrictions": [{"weekdays": ["workdays"]}]}, "weekday"),
        ({"restrictions": [{"start_time": "25:00"}]}, "time of day"),
        ({"people": []}, "at least 1"),
    ],
)
def test_wrong_layers_are_named(layer: dict[str, object], words: str) -> None:
    base = {"people": ["ana"], "start": "2026-01-05T09:00"}
    with pytest.raises(ValidationError, match=words):
        OnCallConfig.model_validate({"schedules": [{"name": "s", "layers": [{**base, **layer}]}]})


def test_names_that_stand_twice_are_errors() -> None:
    config = OnCallConfig.model_validate({"people": [{"name": "ana"}, {"name": "ana"}]})
    (error,) = roster_errors(config, ())
    assert error.where.field == "alerts.on_call.people[1].name"


SHOP = OnCallConfig.model_validate(
    {
        "people": [
            {"name": "ana", "receivers": ["phone", "mail"], "also_known_as": ["slack:U1"]},
            {"name": "ben"},
        ],
        "schedules": [
            {
                "name": "days",
                "layers": [
                    {
                        "people": ["ana"],
                        "start": "2026-01-05T00:00",
                        "restrictions": [{"start_time": "08:00", "end_time": "20:00"}],
                    }
                ],
            }
        ],
        "escalations": [
            {"name": "a", "matchers": ['service="shop"'], "steps": [{"people": ["ben"]}]},
            {"name": "b", "steps": [{"people": ["ana"]}]},
        ],
        "teams": [{"name": "pay", "escalation": "b"}, {"name": "web", "matchers": ['tier="web"']}],
    }
)


def test_gaps_and_people_whom_nothing_reaches_are_warnings() -> None:
    noon_ms = 1_770_000_000_000 - 1_770_000_000_000 % 86_400_000 + 12 * 3_600_000
    found = dict(roster_warnings(SHOP, build_roster(SHOP), noon_ms))
    assert found.keys() == {"alerts.on_call.schedules[0]", "alerts.on_call.people[1]"}
    assert "336 h" in found["alerts.on_call.schedules[0]"]


def test_whose_an_incident_is_and_by_what_it_escalates() -> None:
    roster = build_roster(SHOP)
    assert roster.own(Labels({"team": "pay"}), "critical", 0).progress.policy == "b"
    web = roster.own(Labels({"tier": "web", "service": "shop"}), "critical", 0)
    assert (web.team, web.progress.policy) == ("web", "a")
    assert roster.own(Labels({"service": "shop"}), "warning", 0).progress.policy == ""
    assert roster.own(Labels({"service": "cart"}), "critical", 0).progress.policy == ""


def test_a_step_reaches_receivers_once_and_nobody_in_a_gap() -> None:
    roster, noon_ms = build_roster(SHOP), 1_770_033_600_000
    step = Step(0, ("phone",), ("ana",), ("days",))
    assert roster.reached(step, noon_ms, ()) == [
        Reached("phone"),
        Reached("mail", "ana"),
    ]
    assert roster.reached(Step(0, (), (), ("days",)), noon_ms + 12 * 3_600_000, ()) == []
    assert roster.person_named("slack:U1") == "ana"
    assert roster.person_named("slack:U2") == "slack:U2"
    assert roster.person_named("") == ""


def test_the_examples_of_the_course_are_right(tmp_path: Path) -> None:
    course = (Path(__file__).parents[3] / "docs" / "oncall.md").read_text()
    examples = re.findall(r"^```yaml\n(.*?)^```$", course, flags=re.DOTALL | re.MULTILINE)
    assert len(examples) >= 2
    for number, example in enumerate(examples):
        file = tmp_path / f"example{number}.yaml"
        file.write_text(example)
        load_config(file, {})
