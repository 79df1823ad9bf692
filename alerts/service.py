"""`AlertService`: the parts put together, with the one thread that asks groups when they are due.

It is the `AlertSink` of every judge. All state changes happen under its lock; sending happens in
the senders' own threads and never holds it.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry

from alerts import aftermath, delivery_log, passing, state
from alerts.channel_health import ChannelHealth
from alerts.config import AlertmanagerGlobal, AlertsConfig, write_original
from alerts.database import Database
from alerts.deliver import UNMARKED_AFTER_SECONDS, Sender
from alerts.delivery_log import Attempt
from alerts.dispatch import Dispatcher, Group, Hiding
from alerts.inbox import AlertInbox
from alerts.leadership import ActingDatabase, FencedError, Leadership, instance_name
from alerts.on_call.config import OnCallConfig
from alerts.on_call.desk import Plan
from alerts.on_call.station import Station
from alerts.outage import OutageMemory
from alerts.receivers import Integration, build_integrations
from alerts.rounds import RETRY_MS, Rounds, Rules, timer_of
from alerts.route import build_route
from alerts.self_metrics import AlertMetrics
from alerts.senders import Senders
from alerts.settings import settings_of
from alerts.silence_book import SilenceBook
from alerts.template import TemplateBook
from alerts.views import AlertView, GroupView, view_alert, view_group
from alerts.why import Known, Why, explain
from collector.model.alert import Alert
from collector.model.clock import Clock
from collector.model.errors import LimitError, StorageError
from collector.model.labels import Labels
from collector.model.secrets import Secret

log = logging.getLogger(__name__)

NO_ON_CALL = OnCallConfig()
HOUSEKEEPING_MS = 60_000
STANDBY_SECONDS = 0.5
"""How often an instance asks a shared database what others did."""
LOOK_AGAIN_MS = 2_000
"""How often an instance that does not act looks whether alerts began or ended."""
SILENT_CHECK_MS = 1_000
"""How often alerts are looked through for judges that went silent."""


class AlertService:
    """Alerts in, notifications out; survives kill -9 through its `database`."""

    def __init__(
        self,
        config: AlertsConfig,
        database: Path | Secret,
        clock: Clock,
        registry: CollectorRegistry,
        *,
        global_: AlertmanagerGlobal | None = None,
        templates: TemplateBook | None = None,
        external_url: str = "",
        on_call: OnCallConfig = NO_ON_CALL,
        random_ratio: Callable[[], float] = random.random,
        instance: str = "",
    ) -> None:
        """Raises ConfigError for a receiver that lacks something, StorageError for a bad file."""
        defaults = global_ or AlertmanagerGlobal()
        integrations = build_integrations(config, defaults, clock, templates)
        self.metrics = AlertMetrics(registry)
        self._clock = clock
        self.external_url = external_url
        self._random_ratio = random_ratio
        self._database = Database(database, clock)
        self.leadership = Leadership(self._database, clock, instance or instance_name())
        self._acting = ActingDatabase(self._database, self.leadership)
        self.leadership.ask()
        self._lock = threading.RLock()
        self._wakes = threading.Condition(self._lock)
        self._started = self._stopping = False
        self._thread = threading.Thread(target=self._run, name="tocsin-alerts", daemon=True)
        now_ms = clock.now_ms()
        self.started_at_ms = self.last_round_ms = now_ms
        self.silences = SilenceBook(self._database, clock)
        self.on_call = Station(
            on_call, self._database, clock, external_url, self.commit, self.silences.save
        )
        self._inbox = AlertInbox(self._acting, now_ms)
        self._settings = settings_of(config, defaults)
        self._inhibitor = self._settings.inhibitor(())
        self._senders = self._senders_of(integrations)
        self._memory = OutageMemory(lambda integration: self._senders.owes_marks(integration))
        self._turn = -1
        self._seen: passing.Trace = ()
        self._take_turn(now_ms)
        self._next_silent_check_ms = self._next_housekeeping_ms = now_ms

    # ---- in -------------------------------------------------------------------------------------

    def emit(self, alerts: Sequence[Alert]) -> None:
        """Take alerts over; returns when they are durable. Safe to call from any thread.

        Raises StorageError when they are not durable: whoever can should emit them again, although
        the instance that acts holds them, and pages. LimitError when there are too many.
        """
        now_ms = self._clock.now_ms()
        for alert in alerts:
            status = "firing" if alert.is_firing(now_ms) else "resolved"
            self.metrics.received.labels(status).inc()
        with self._lock:
            try:
                if self._turn > 0:
                    self._take(alerts, now_ms)
                    return
            except FencedError as error:
                log.info("passing alerts on: %s", error)
            with self._database.write() as connection:
                passing.pass_on(connection, alerts)

    def commit(self, plan: Plan) -> None:
        """Carry out what a person or time does to incidents: durable, with what is told of it."""
        with self._lock:
            with self._database.write() as connection:
                now_ms = self._clock.now_ms()
                changes = plan(connection, now_ms)
                rows = self._rounds.change(connection, changes, now_ms) if changes else []
            if self._turn > 0:
                self._senders.put(rows)
            self._wakes.notify()

    # ---- life -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to decide and to send."""
        self._started = True
        self._senders.start()
        self.leadership.start(self._wake)
        self._thread.start()

    def close(self) -> None:
        """Stop deciding, let messages in flight end, close the file."""
        with self._lock:
            self._stopping = True
            self._wakes.notify()
        if self._thread.is_alive():
            self._thread.join()
        self._senders.stop()
        self.leadership.resign()
        self._database.close()

    def reload(
        self,
        config: AlertsConfig,
        global_: AlertmanagerGlobal | None = None,
        templates: TemplateBook | None = None,
        on_call: OnCallConfig = NO_ON_CALL,
    ) -> None:
        """Take a new configuration over; raises ConfigError and keeps the old one.

        What receivers were told stays known, so an unchanged route repeats nothing.
        """
        defaults = global_ or AlertmanagerGlobal()
        integrations = build_integrations(config, defaults, self._clock, templates)
        with self._lock:
            old = self._senders
            self._settings = settings_of(config, defaults)
            firing = (one.alert.labels for one in self._inbox.firing())
            self._inhibitor = self._settings.inhibitor(firing)
            self.on_call.apply(on_call)
            self._senders = self._senders_of(integrations)
            self._begin_rounds(self._clock.now_ms())
        old.stop()
        with self._lock:
            if self._turn > 0:
                self._senders.load()
            if self._started:
                self._senders.start()
            self._wakes.notify()

    def step(self) -> float | None:
        """One round: end silent alerts, ask the groups that are due, queue what they say.

        Returns the seconds until the next round is due, or None when nothing waits.
        """
        with self._lock:
            self.last_round_ms = now_ms = self._clock.now_ms()
            if not self._has_turn(now_ms):
                return STANDBY_SECONDS
            problem = self._pass_time(now_ms)
            due = self._dispatcher.due(now_ms)
            if due:
                self._ask(due, now_ms)
            if problem is not None:
                raise problem
            return self._seconds_to_next(self._clock.now_ms())

    def _pass_time(self, now_ms: int) -> StorageError | None:
        """What every second and every minute asks for; a database that fails stops no group."""
        try:
            if now_ms >= self._next_silent_check_ms:
                self._next_silent_check_ms = now_ms + SILENT_CHECK_MS
                self._inbox.end_silent(now_ms)
                self._inbox.save_unsaved()
                self._count(now_ms)
                self.on_call.pass_time(self._rounds.speaks)
            if now_ms >= self._next_housekeeping_ms:
                self._keep_house(now_ms)
        except StorageError as error:
            return error
        return None

    # ---- views ----------------------------------------------------------------------------------

    def alerts(self, *, ended: bool = False) -> list[AlertView]:
        """Alerts that fire, those that ended lately too if asked, by their labels."""
        with self._lock:
            stored = self._inbox.all() if ended else self._inbox.firing()
            hidden = self._hiding(self._clock.now_ms())
            views = [view_alert(one, self._dispatcher.root, hidden) for one in stored]
        return sorted(views, key=lambda view: view.stored.alert.labels.pairs)

    def groups(self) -> list[GroupView]:
        """Groups that hold an alert that fires."""
        with self._lock:
            hidden = self._hiding(self._clock.now_ms())
            views = [
                view_group(one, self._rounds.members(one), self._dispatcher.root, hidden)
                for one in self._dispatcher.groups.values()
            ]
        shown = [view for view in views if view.alerts]
        return sorted(shown, key=lambda view: (view.labels.pairs, view.receiver))

    def history(self, limit: int = 100) -> list[Attempt]:
        """The last attempts to notify, newest first."""
        with self._database.read() as connection:
            return delivery_log.load_history(connection, limit)

    def channel_health(self) -> list[ChannelHealth]:
        """How each integration does."""
        with self._lock:
            senders = self._senders
        return senders.health()

    def why(self, labels: Labels) -> Why:
        """Why an alert with these labels is told, or not: one that is held, or one thought up."""
        fingerprint = Alert(labels).fingerprint
        with self._lock:
            root, hidden = self._dispatcher.root, self._hiding(self._clock.now_ms())
            keys = [route.group_key(route.group_labels(labels)) for route in root.match(labels)]
            with self._database.read() as connection:
                told = delivery_log.load_told(connection, keys)
                waiting = delivery_log.waiting_of(connection, keys)
            known = Known(root, self._dispatcher.groups, self._senders.places, hidden)
            return explain(labels, fingerprint, self._inbox.get(fingerprint), known, told, waiting)

    def live(self, fingerprint: str) -> Alert | None:
        """An alert as it is now, if it is held."""
        with self._lock:
            stored = self._inbox.get(fingerprint)
        return stored.alert if stored is not None else None

    def receivers(self) -> list[str]:
        """Names of the configured receivers."""
        return [receiver.name for receiver in self._settings.config.receivers]

    def integrations(self, receiver: str) -> list[Integration]:
        """The integrations of a receiver."""
        return [one.integration for one in self._senders.of(receiver)]

    def original_config(self) -> str:
        """The configuration as Alertmanager's YAML with secrets masked."""
        return write_original(self._settings.config, self._settings.global_)

    @property
    def senders(self) -> Senders:
        """Those of the configuration of now."""
        return self._senders

    @property
    def database(self) -> Database:
        """Where its state is, for parts that keep theirs beside it."""
        return self._database

    def now_ms(self) -> int:
        """The service's time."""
        return self._clock.now_ms()

    # ---- inside ---------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            try:
                seconds = self.step()
            except StorageError as error:
                self.metrics.step_failures.inc()
                log.warning("a round of alerting is asked again: %s", error)
                seconds = RETRY_MS / 1000
            except Exception:
                self.metrics.step_failures.inc()
                log.exception("a round of alerting failed; the next one follows")
                seconds = RETRY_MS / 1000
            with self._lock:
                if self._stopping:
                    return
                now_ms = self._clock.now_ms()
                again = self._seconds_to_next(now_ms) if seconds != RETRY_MS / 1000 else seconds
                if again is None or again > 0:
                    self._wakes.wait(again)

    def _seconds_to_next(self, now_ms: int) -> float | None:
        times = [self._next_housekeeping_ms, self._dispatcher.next_due_ms()]
        if self._database.is_shared:
            times.append(now_ms + int(STANDBY_SECONDS * 1000))
        if len(self._inbox):
            times.append(self._next_silent_check_ms)
        known = [time for time in times if time is not None]
        return max(min(known) - now_ms, 0) / 1000 if known else None

    def _ask(self, due: Sequence[Group], now_ms: int) -> None:
        try:
            self._senders.put(self._rounds.ask(due, now_ms))
        except StorageError:
            if self._turn > 0 and self._database.outage_seconds >= UNMARKED_AFTER_SECONDS:
                self._senders.put_unsaved(self._rounds.pages(due, now_ms))
            raise

    def _take(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Merge alerts and put them into their groups; raises what keeps them from being safe."""
        taken = self._inbox.take(alerts, now_ms, self._settings.global_.resolve_timeout)
        opened: list[Group] = []
        for stored in taken.merged:
            opened += self._dispatcher.insert(stored, now_ms)
        self._wakes.notify()
        if taken.problem is not None:
            raise taken.problem
        if opened:
            with self._acting.write() as connection:
                state.save_groups(connection, map(timer_of, opened))

    # ---- among several instances ----------------------------------------------------------------

    def _wake(self) -> None:
        with self._lock:
            self._wakes.notify()

    def _has_turn(self, now_ms: int) -> bool:
        """Whether this instance acts; learns what the others did since it looked last."""
        if not self._database.is_shared:
            return True
        try:
            self._learn(now_ms)
        except FencedError:
            self._take_turn(now_ms)
        except StorageError as error:
            log.debug("what other instances did is not known: %s", error)
        return self._turn > 0

    def _learn(self, now_ms: int) -> None:
        if self.leadership.epoch != self._turn:
            self._take_turn(now_ms)
        self.silences.refresh()
        if self._turn > 0:
            self._take_what_was_passed_on(now_ms)
        else:
            self._look_again(now_ms)

    def _take_turn(self, now_ms: int) -> None:
        """Begin from what the database holds, to act or to look on: as after a restart."""
        turn = self.leadership.epoch
        orphans = [one.alert for one in self._inbox.unsaved() if not one.ended]
        self._senders.drop()
        self.silences.refresh()
        self._inbox.reload(now_ms)
        if orphans:
            with self._database.write() as connection:
                passing.pass_on(connection, orphans)
        self._begin_rounds(now_ms)
        if turn > 0:
            self._senders.load()
        self._turn = turn

    def _take_what_was_passed_on(self, now_ms: int) -> None:
        with self._database.read() as connection:
            batches = passing.waiting(connection)
        self._senders.load_unknown()
        for _, alerts in batches:
            try:
                self._take(alerts, now_ms)
            except LimitError as error:
                log.warning("alerts that another instance passed on: %s", error)
        if batches:
            with self._acting.write() as connection:
                passing.taken_over(connection, [number for number, _ in batches])

    def _look_again(self, now_ms: int) -> None:
        """Keep the views of an instance that does not act near the truth."""
        if now_ms < self._next_silent_check_ms:
            return
        self._next_silent_check_ms = now_ms + LOOK_AGAIN_MS
        with self._database.read() as connection:
            trace = passing.trace_of_alerts(connection)
        if trace != self._seen:
            self._inbox.reload(now_ms)
            self._begin_rounds(now_ms)
            self._seen = trace

    def _hiding(self, now_ms: int) -> Hiding:
        for labels, fires in self._inbox.changes().items():
            self._inhibitor.note(labels, fires=fires)
        return self._settings.hiding(self._inhibitor, self.silences.all(), now_ms)

    def _senders_of(self, integrations: Sequence[Integration]) -> Senders:
        def build(one: Integration) -> Sender:
            return Sender(one, self._acting, self._clock, self.metrics, self._random_ratio)

        return Senders(integrations, self._database, build)

    def _begin_rounds(self, now_ms: int) -> None:
        """Groups of the alerts that fire, and of those whose end may not have been told yet."""
        with self._database.read() as connection:
            timers = state.load_groups(connection)
        flushed = {id_ for id_, timer in timers.items() if timer.flushed}
        self._dispatcher = Dispatcher(build_route(self._settings.config.route), timers, now_ms)
        for stored in self._inbox.all():
            self._dispatcher.restore(stored, now_ms)
        rules = Rules(self._senders.places, self._hiding, self.on_call.stage, self.external_url)
        self._rounds = Rounds(
            self._acting, self._inbox, self._dispatcher, rules, flushed, self._memory
        )

    def _count(self, now_ms: int) -> None:
        firing = len(self._inbox.firing())
        groups, silences = len(self._dispatcher.groups), self.silences.states(now_ms)
        self.metrics.show(firing, len(self._inbox) - firing, groups, silences)

    def _keep_house(self, now_ms: int) -> None:
        self._next_housekeeping_ms = now_ms + HOUSEKEEPING_MS
        self.silences.forget_old()
        self._dispatcher.forget(self._inbox.forget_ended(self._dispatcher.held(), now_ms))
        self.on_call.keep_house(self._dispatcher.keyed)
        with self._database.write() as connection:
            aftermath.forget_old(connection, now_ms)
