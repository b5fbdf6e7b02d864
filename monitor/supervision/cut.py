"""A cut: alerts as they follow from the signals in force and from all that was before (contract §5).

What comes out depends on the log up to the cut alone: each alert on its own signal and history, then the quieting on
all of them. The order in which signals are looked at changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from config.supervision import AlertPolicy
from monitor.supervision import alerts as life
from monitor.supervision.alerts import Alert, Signal
from monitor.supervision.book import Book, Key
from monitor.supervision.disputes import EventsOf, is_disputed
from monitor.supervision.notices import Notice, group_key, heard, news_of, spoken

_AT_ONCE = 500
_WORSE = frozenset({"opened", "raised", "returned"})


class Cut:
    """One cut, at Now, by rules of a content hash. `opening`: the first one after the monitor went live.

    `book` is where it reads and writes, `touched` are the ids of the alerts that it changed, `notices` what people are
    to be told, `objected` the enterprises of which objections were filed or decided. `whole`: the book's list of
    changes may lack signals that went, as after a rebuild; every signal in force is in it.
    """

    def __init__(
        self,
        book: Book,
        now: int,
        policy: AlertPolicy,
        config_hash: str,
        events_of: EventsOf,
        *,
        opening: bool = False,
        whole: bool = False,
    ) -> None:
        """Nothing is done yet. `events_of`: which events carry a document."""
        self.book = book
        self._now = now
        self._policy = policy
        self._hash = config_hash
        self._events_of = events_of
        self._opening = opening
        self._whole = whole
        self._quieting = frozenset(one for rule in policy.inhibitions for one in rule.by)
        self._quieted = frozenset(one for rule in policy.inhibitions for one in rule.quiets)
        self._moved: list[tuple[Key, str]] = []
        self._quietable: set[str] = set()
        self._disputable: set[str] = set()
        self.touched: set[str] = set()
        self._newsworthy: set[str] = set()
        self.notices: list[Notice] = []
        self.objected: list[str] = []

    def run(self) -> None:
        """Works everything out."""
        touched: set[str] = set()
        for changes in self.book.changes():
            after = self._after(changes)
            if self._whole:
                touched.update(alert.id for alert in after)
        if self._whole:
            for standing in list(self.book.standing()):
                self._put([life.fell_away(alert, self._now) for alert in standing if alert.id not in touched])
        for due in list(self.book.due(self._now)):
            self._put([life.passed(alert, self._now, self._policy) for alert in due])
        self._dispute()
        self._quiet()
        self._tell()

    def _after(self, changes: dict[Key, Signal | None]) -> list[Alert]:
        """The alerts that some signals make, written."""
        before = self.book.newest(changes)
        after: list[Alert] = []
        others: list[Signal] = []
        for key, signal in changes.items():
            alert = before.get(key)
            if signal is None:
                if alert is not None:
                    after.append(life.fell_away(alert, self._now))
            elif alert is not None and life.is_over(alert) and signal.alert_id != alert.id:
                others.append(signal)
            else:
                after.append(life.found(alert, signal, self._now, self._hash, stock=self._opening))
        earlier = self.book.alerts({signal.alert_id for signal in others})
        instead = []
        for signal in others:
            again = earlier.get(signal.alert_id)
            if again is None:
                replaced = before[Key(signal.detector, signal.kind, signal.key)].id
                instead.append(life.opened(signal, self._now, self._hash, previous=replaced))
            else:
                instead.append(life.found(again, signal, self._now, self._hash))
        self._put(after + instead, instead)
        return after + instead

    def worsened(self, level: int, detectors: Collection[str]) -> set[str]:
        """The enterprises on which an alert opened or rose at this cut, of a level at least, or of some detectors."""
        ids = sorted(self.touched)
        found: set[str] = set()
        for start in range(0, len(ids), _AT_ONCE):
            for alert in self.book.alerts(ids[start : start + _AT_ONCE]).values():
                signal = alert.signal
                if signal.kind == "enterprise" and (signal.level >= level or signal.detector in detectors):
                    steps = (step.what for step in alert.history if step.at == self._now)
                    if not _WORSE.isdisjoint(steps):
                        found.add(signal.key)
        return found

    def _put(self, alerts: list[Alert], newest: Sequence[Alert] = ()) -> None:
        self.book.put(alerts, newest=newest)
        self.touched.update(alert.id for alert in alerts)
        self._newsworthy.update(alert.id for alert in alerts if news_of(alert, self._now, self._policy))
        for alert in alerts:
            if alert.signal.detector in self._quieting:
                self._moved.append((key_of(alert), alert.id))
            if alert.signal.kind == "enterprise":
                self._disputable.add(alert.signal.key)
                if alert.signal.detector in self._quieted:
                    self._quietable.add(alert.id)

    # -- objections -----------------------------------------------------------------------------------------------

    def _dispute(self) -> None:
        """Objections suspend alerts, their decisions let them go on."""
        self.objected = self.book.fresh_objections()
        codes = sorted(self._disputable.union(self.objected))
        for start in range(0, len(codes), _AT_ONCE):
            objections = self.book.objections(codes[start : start + _AT_ONCE])
            for code in sorted(objections):
                changed = [
                    life.dispute(alert, disputed, self._now)
                    for alert in self.book.on(code)
                    if (disputed := alert.live and is_disputed(alert, objections[code], self._events_of))
                    is not alert.disputed
                ]
                self._put(changed)

    # -- quieting -------------------------------------------------------------------------------------------------

    def _quiet(self) -> None:
        """An alert on many enterprises quiets those on each of them."""
        if self._moved:
            self._quietable |= self.book.counted({key for key, _ in self._moved}, sorted(self._quieted))
            self._quietable |= self.book.inhibited_by({alert_id for _, alert_id in self._moved})
        waiting = sorted(self._quietable)
        for start in range(0, len(waiting), _AT_ONCE):
            found = self.book.alerts(waiting[start : start + _AT_ONCE])
            self._weigh([found[one] for one in sorted(found)])

    def _weigh(self, alerts: list[Alert]) -> None:
        counting = self.book.counting(sorted(self._quieting), {alert.signal.key for alert in alerts})
        above = self.book.newest({key for keys in counting.values() for key in keys})
        changed = []
        for alert in alerts:
            over = [above[key] for key in counting.get(alert.signal.key, ()) if key in above]
            by = self._quieter(alert, over) if alert.live else ""
            if by != alert.inhibited_by:
                changed.append(life.inhibit(alert, by, self._now))
        self._put(changed)

    def _quieter(self, alert: Alert, over: Iterable[Alert]) -> str:
        """The id of the alert that quiets this one, the least of several; empty: none."""
        ids = [
            one.id
            for one in over
            if one.live
            and one.gone_at is None
            and one.level >= alert.level
            and any(
                one.signal.detector in rule.by and alert.signal.detector in rule.quiets
                for rule in self._policy.inhibitions
            )
        ]
        return min(ids, default="")

    # -- telling --------------------------------------------------------------------------------------------------

    def _tell(self) -> None:
        """Gathers the news of this cut, and lets the groups speak whose moment has come."""
        waiting = sorted(self._newsworthy)
        for start in range(0, len(waiting), _AT_ONCE):
            alerts = self.book.alerts(waiting[start : start + _AT_ONCE])
            news = [
                (alert, what)
                for one in sorted(alerts)
                if (what := news_of(alert := alerts[one], self._now, self._policy))
            ]
            groups = self.book.groups({group_key(alert) for alert, _ in news})
            for alert, what in news:
                groups[group_key(alert)] = heard(groups.get(group_key(alert)), alert, what, self._now)
            self.book.put_groups(list(groups.values()))
        for due in list(self.book.due_groups(self._now)):
            alerts = self.book.alerts({one for group in due for one in group.alerts})
            said = [(group, spoken(group, alerts, self._now, self._policy)) for group in due]
            self.notices += [notice for _, notice in said if notice is not None]
            going_on = [group for group, notice in said if notice is not None]
            self.book.put_groups(going_on, [group.key for group, notice in said if notice is None])


def key_of(alert: Alert) -> Key:
    """What an alert's signal is about."""
    return Key(alert.signal.detector, alert.signal.kind, alert.signal.key)
