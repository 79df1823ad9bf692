"""`Roster`: the people of a configuration, and the answers about them: whose, who, how reached.

Pure but for time, which is given. A name that refers to nothing is an error of the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerts.matchers import parse_all
from alerts.on_call import escalation
from alerts.on_call.config import (
    EscalationConfig,
    LayerConfig,
    OnCallConfig,
    PersonConfig,
    ScheduleConfig,
    TeamConfig,
    minute_of,
    rotation_length,
    weekday_numbers,
)
from alerts.on_call.escalation import Policy, Step
from alerts.on_call.schedule import Layer, Override, Restriction, Schedule, on_call
from alerts.on_call.severity import Severity
from alerts.on_call.stage import Ownership
from alerts.on_call.wall_clock import zone_of
from collector.model.errors import ConfigError, Where
from collector.model.labels import Labels
from collector.model.matchers import Matcher, matches_all

FIELD = "alerts.on_call"
TEAM_LABEL = "team"


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who may be on call."""

    name: str
    email: str = ""
    receivers: Sequence[str] = ()
    also_known_as: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Team:
    """Who owns what matches."""

    name: str
    matchers: Sequence[Matcher]
    people: Sequence[str] = ()
    schedules: Sequence[str] = ()
    escalation: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """A receiver that a step asks, and for whom: a person, by a schedule or by name."""

    receiver: str
    person: str = ""
    schedule: str = ""


@dataclass(frozen=True, slots=True)
class Roster:
    """People, schedules, teams and policies, each by name, in the order of the file."""

    people: Mapping[str, Person]
    schedules: Mapping[str, Schedule]
    teams: Mapping[str, Team]
    policies: Mapping[str, Policy]
    default_policy: str = ""

    def own(self, labels: Labels, severity: Severity, now_ms: int) -> Ownership:
        """Whose an incident is, and how it begins to escalate."""
        team = self.team_of(labels)
        policy = self.policy_of(team, labels)
        if policy is not None and severity not in policy.severities:
            policy = None
        return Ownership(team.name if team else "", escalation.begin(policy, now_ms))

    def team_of(self, labels: Labels) -> Team | None:
        """The first team that owns these labels."""
        return next((t for t in self.teams.values() if matches_all(t.matchers, labels)), None)

    def policy_of(self, team: Team | None, labels: Labels) -> Policy | None:
        """The team's policy, else the first that matches, else the one for all."""
        if team is not None and team.escalation:
            return self.policies.get(team.escalation)
        matching = (
            one
            for one in self.policies.values()
            if one.matchers and matches_all(one.matchers, labels)
        )
        return next(matching, self.policies.get(self.default_policy))

    def reached(self, step: Step, now_ms: int, overrides: Iterable[Override]) -> list[Reached]:
        """The receivers that a step asks now, each once."""
        standing = list(overrides)
        found = [Reached(receiver) for receiver in step.receivers]
        for name in step.people:
            found += self._reached_person(name, "")
        for name in step.schedules:
            schedule = self.schedules.get(name)
            person = on_call(schedule, now_ms, standing)[0] if schedule else ""
            found += self._reached_person(person, name)
        once: dict[str, Reached] = {}
        for one in found:
            once.setdefault(one.receiver, one)
        return list(once.values())

    def receivers_of(self, person: str) -> tuple[str, ...]:
        """The receivers that reach a person; none for one that is not known."""
        known = self.people.get(person)
        return tuple(known.receivers) if known else ()

    def person_named(self, actor: str) -> str:
        """The person that another system calls `actor` (`slack:U123`), or `actor` itself."""
        for person in self.people.values():
            if actor and actor in (person.email, *person.also_known_as):
                return person.name
        return actor

    def _reached_person(self, name: str, schedule: str) -> list[Reached]:
        return [Reached(receiver, name, schedule) for receiver in self.receivers_of(name)]


def build_roster(config: OnCallConfig) -> Roster:
    """The roster of a configuration in which `roster_errors` found nothing."""
    return Roster(
        {one.name: _person(one) for one in config.people},
        {one.name: _schedule(one) for one in config.schedules},
        {one.name: _team(one) for one in config.teams},
        {one.name: _policy(one) for one in config.escalations},
        config.escalation,
    )


def roster_errors(config: OnCallConfig, receivers: Iterable[str]) -> list[ConfigError]:
    """Names that stand twice, and names that refer to nothing, each with its field."""
    known = {
        "receiver": set(receivers),
        "person": {one.name for one in config.people},
        "schedule": {one.name for one in config.schedules},
        "escalation": {one.name for one in config.escalations},
    }
    errors = list(_doubles(config))
    for field, kind, name in _references(config):
        if name not in known[kind]:
            advice = _advice(kind, known[kind])
            where = Where(field=f"{FIELD}.{field}")
            errors.append(ConfigError(f"undefined {kind} {name!r}", where=where, advice=advice))
    return errors


def _references(config: OnCallConfig) -> Iterator[tuple[str, str, str]]:
    """Each name that refers to something: its field, what kind it is, the name."""
    for i, person in enumerate(config.people):
        yield from _all(f"people[{i}].receivers", "receiver", person.receivers)
    for i, schedule in enumerate(config.schedules):
        for j, layer in enumerate(schedule.layers):
            yield from _all(f"schedules[{i}].layers[{j}].people", "person", layer.people)
    for i, policy in enumerate(config.escalations):
        for j, step in enumerate(policy.steps):
            at = f"escalations[{i}].steps[{j}]"
            yield from _all(f"{at}.receivers", "receiver", step.receivers)
            yield from _all(f"{at}.people", "person", step.people)
            yield from _all(f"{at}.schedules", "schedule", step.schedules)
    for i, team in enumerate(config.teams):
        yield from _all(f"teams[{i}].people", "person", team.people)
        yield from _all(f"teams[{i}].schedules", "schedule", team.schedules)
        if team.escalation:
            yield f"teams[{i}].escalation", "escalation", team.escalation
    if config.escalation:
        yield "escalation", "escalation", config.escalation


def _all(field: str, kind: str, names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    return ((f"{field}[{n}]", kind, name) for n, name in enumerate(names))


def _doubles(config: OnCallConfig) -> Iterator[ConfigError]:
    for key in ("people", "schedules", "escalations", "teams", "heartbeats"):
        seen: set[str] = set()
        for i, one in enumerate(getattr(config, key)):
            if one.name in seen:
                where = Where(field=f"{FIELD}.{key}[{i}].name")
                yield ConfigError(f"{one.name!r} stands twice in {key}", where=where)
            seen.add(one.name)


def _advice(kind: str, known: Iterable[str]) -> str:
    names = ", ".join(sorted(known)[:10])
    return f"there is: {names}" if names else f"no {kind} is defined"


def _person(config: PersonConfig) -> Person:
    return Person(config.name, config.email, config.receivers, config.also_known_as)


def _team(config: TeamConfig) -> Team:
    matchers = parse_all(config.matchers) or (Matcher("=", TEAM_LABEL, config.name),)
    return Team(config.name, matchers, config.people, config.schedules, config.escalation)


def _policy(config: EscalationConfig) -> Policy:
    return Policy(
        config.name,
        tuple(Step(one.after, one.receivers, one.people, one.schedules) for one in config.steps),
        config.repeat,
        config.repeat_after,
        config.acknowledge_timeout,
        frozenset(config.severities),
        parse_all(config.matchers),
    )


def _schedule(config: ScheduleConfig) -> Schedule:
    return Schedule(config.name, zone_of(config.time_zone), tuple(map(_layer, config.layers)))


def _layer(config: LayerConfig) -> Layer:
    restrictions = tuple(
        Restriction(
            minute_of(one.start_time),
            minute_of(one.end_time),
            frozenset().union(*map(weekday_numbers, one.weekdays)),
        )
        for one in config.restrictions
    )
    length = rotation_length(config.rotation)
    return Layer(config.people, config.start, length, config.end, restrictions, config.name)
