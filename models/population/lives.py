"""What happens to ordinary enterprises: reports, checks, letters, complaints, penalties, changes, ends.

Second step of the background: a `Block` goes in, lines come out. An ordinary life is quiet by contract §4:
who could not be found is found again, what was listed is removed, and only a remainder stays open.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from models.population import words
from models.population.block import (
    CANCELLED,
    DEREGISTERED,
    INDIVIDUAL,
    NEVER,
    REVOKED,
    Block,
    Province,
)
from models.population.lines import DAY, moments, new_year, year_of
from models.population.places import Ints
from models.population.registrations import Registrations

_YEAR: Final = 365.25 * DAY
_LEFT_OPEN: Final = 0.4
"""Share of signs of absence that nobody followed up: the honest noise of the background."""

# Happenings a year of life. Reports come on top: one a year.
_INSPECTED, _VISITED, _LETTERS, _COMPLAINTS, _SAMPLED = 0.23, 0.12, 0.10, 0.26, 0.10
_PENALISED, _LISTED, _DISHONEST, _DEFAULTER, _LEADER_DEFAULTER = 0.04, 0.012, 0.0006, 0.025, 0.001
_TAX, _COMMITMENTS, _HONOURS, _SUSPENDED = 0.02, 0.10, 0.02, 0.006

_RESULTS: Final = (
    '"results":["none_found"]', '"results":["corrected"]', '"results":["not_disclosed"]',
    '"results":["pending"]', '"results":["not_disclosed","corrected"]', '"results":["false_disclosure"]',
    '"results":["not_operating"]', '"results":["uncooperative"]', '"results":[]',
    '"results":["unreachable"]', '"results":["unreachable","not_operating"]',
)  # fmt: skip
_RESULT_SHARES: Final = (0.78, 0.1, 0.04, 0.02, 0.01, 0.008, 0.01, 0.002, 0.005, 0.02, 0.005)
_ABSENT: Final = 9
"""From this result on the enterprise was not found."""


class Lives:
    """Writes the events of one block."""

    def __init__(self, province: Province, block: Block, rng: np.random.Generator) -> None:
        self.province = province
        self.block = block
        self.rng = rng
        self.out: list[str] = []
        size = len(block.number)
        self._everyone: Ints = np.arange(size)
        self._first = np.maximum(block.born, province.start) // DAY + 1
        self._last = np.minimum(block.ended, province.end) // DAY - 1
        self._registrations = Registrations(province, block, rng)

    def write(self) -> list[str]:
        """All lines of the block, in no particular order."""
        self._registration()
        self._reports()
        self._checks()
        self._letters()
        self._complaints()
        self._penalties()
        self._lists()
        self._courts_and_taxes()
        self._credit()
        return self.out

    # What every kind of happening is drawn with.

    def _happen(self, rate: float | npt.NDArray[np.float64]) -> tuple[Ints, Ints]:
        """Who and when: happenings at a rate a year, in working hours, on days of life inside the window."""
        days = np.maximum(self._last - self._first + 1, 0)
        who = np.repeat(self._everyone, self.rng.poisson(rate * days / 365.25))
        day = self._first[who] + (self.rng.random(who.size) * days[who]).astype(np.int64)
        return who, day * DAY + self._hours(who.size)

    def _later(self, when: Ints, least: int, most: int) -> Ints:
        """Between so many days later, at other hours."""
        days: Ints = when // DAY + self.rng.integers(least, most + 1, size=when.size)
        return days * DAY + self._hours(when.size)

    def _hours(self, size: int) -> Ints:
        hours: Ints = self.rng.integers(30_600, 63_000, size=size)
        return hours

    def _lives(self, who: Ints, when: Ints) -> npt.NDArray[np.bool_]:
        lives: npt.NDArray[np.bool_] = when // DAY <= self._last[who]
        return lives

    def _emit(self, type_: str, who: Ints, when: Ints, data: Iterable[str]) -> None:
        codes = self.block.code
        self.out += self.province.lines.events(type_, [codes[index] for index in who.tolist()], when, data)

    def _documents(self, kind: str, who: Ints) -> list[str]:
        """Numbers of documents, alike for nobody."""
        numbers = self.block.number[who].tolist()
        marks = self.rng.integers(36**4, size=who.size).tolist()
        return [f"浙示{kind}〔{number}〕{mark}号" for number, mark in zip(numbers, marks, strict=True)]

    def _choose(self, choices: Sequence[str], size: int, shares: Sequence[float] | None = None) -> list[str]:
        return [choices[index] for index in self.rng.choice(len(choices), size=size, p=shares).tolist()]

    def _found_again(self, who: Ints, when: Ints) -> npt.NDArray[np.bool_]:
        """Follows up signs of absence by a visit that finds the enterprise; tells which signs are to be kept.

        Dropped are signs in a life that goes on which cannot be followed up before the window ends.
        """
        back = self._later(when, 3, 40)
        in_time = self._lives(who, back)
        followed = in_time & (self.rng.random(who.size) >= _LEFT_OPEN)
        self._emit("enforcement.visited", who[followed], back[followed], ['"found":true'] * int(followed.sum()))
        keep: npt.NDArray[np.bool_] = in_time | (self.block.ended[who] != NEVER)
        return keep

    # The kinds of happenings.

    def _registration(self) -> None:
        block, everyone = self.block, self._everyone
        self._emit("registration.established", everyone, block.born, self._registrations.established())
        who, when = self._happen(self._registrations.CHANGES)
        who, when, data = self._registrations.changed(who, when)
        self._emit("registration.changed", who, when, data)
        for end, type_, data_of in (
            (DEREGISTERED, "registration.deregistered", self._modes),
            (REVOKED, "registration.revoked", self._reasons),
            (CANCELLED, "registration.cancelled", self._reasons),
        ):
            who = np.flatnonzero((block.ended != NEVER) & (block.end == end))
            self._emit(type_, who, block.ended[who], data_of(who))
        who, when = self._happen(_SUSPENDED)
        until = moments(self._later(when, 60, 700))
        self._emit("registration.suspended", who, when, [f'"until":"{text[:10]}"' for text in until])
        back = self._later(when, 20, 300)
        again = self._lives(who, back) & (self.rng.random(who.size) < 0.5)
        self._emit("registration.resumed", who[again], back[again], [""] * int(again.sum()))

    def _modes(self, who: Ints) -> list[str]:
        modes = ('"mode":"simple"', '"mode":"ordinary"', '"mode":"forced"', "")
        return self._choose(modes, who.size, (0.7, 0.25, 0.01, 0.04))

    def _reasons(self, who: Ints) -> list[str]:
        return [f'"document":"{document}","reason":"依法"' for document in self._documents("决", who)]

    def _reports(self) -> None:
        block = self.block
        start, end = year_of(self.province.start), year_of(self.province.end)
        for year in range(start - 1, end):
            due = new_year(year + 1)
            # Most of a year's reports come in the last weeks before 30 June.
            day = due // DAY + (180 * self.rng.beta(2.2, 1.2, size=self._everyone.size)).astype(np.int64)
            owed = (block.born < due) & (day >= self._first) & (day <= self._last)
            missing = self.rng.random(self._everyone.size) < np.where(block.kind == INDIVIDUAL, 0.065, 0.04)
            data = f'"year":{year}'
            who = np.flatnonzero(owed & ~missing)
            self._emit("report.filed", who, day[who] * DAY + self._hours(who.size), [data] * who.size)
            self._missed(np.flatnonzero(owed & missing), year, last=year == end - 1)

    def _missed(self, who: Ints, year: int, *, last: bool) -> None:
        """A missed report, the listing that follows, and for most the late report and the removal."""
        missed = np.full(who.size, new_year(year + 1) + 181 * DAY) + self._hours(who.size)
        listed, late = self._later(missed, 4, 12), self._later(missed, 25, 230)
        removed = self._later(late, 1, 6)
        on_list = self._lives(who, listed)
        who, missed, listed, late, removed = (each[on_list] for each in (who, missed, listed, late, removed))
        documents = self._documents("列", who)
        grounds = [f'"ground":"report","document":"{document}"' for document in documents]
        self._emit("report.missed", who, missed, [f'"year":{year}'] * who.size)
        self._emit("enforcement.abnormal_listed", who, listed, grounds)
        cured = self._lives(who, removed)
        if last:
            cured &= self.rng.random(who.size) < 0.75
        chosen = np.flatnonzero(cured)
        self._emit("report.filed", who[chosen], late[chosen], [f'"year":{year}'] * chosen.size)
        self._emit("enforcement.abnormal_removed", who[chosen], removed[chosen], ['"ground":"report"'] * chosen.size)

    def _checks(self) -> None:
        who, when = self._happen(_INSPECTED)
        result = self.rng.choice(len(_RESULTS), size=who.size, p=_RESULT_SHARES)
        absent = np.flatnonzero(result >= _ABSENT)
        dropped = absent[~self._found_again(who[absent], when[absent])]
        result[dropped] = 0
        extras = (
            "",
            ',"random":true',
            ',"random":true,"plan":"双随机年度计划"',
            ',"plan":"专项检查","random":false',
        )
        chosen = self._choose(extras, who.size, (0.2, 0.3, 0.35, 0.15))
        data = [f"{_RESULTS[index]}{extra}" for index, extra in zip(result.tolist(), chosen, strict=True)]
        self._emit("enforcement.inspected", who, when, data)

        who, when = self._happen(_VISITED)
        found = self.rng.random(who.size) < 0.94
        away = np.flatnonzero(~found)
        found[away[~self._found_again(who[away], when[away])]] = True
        self._emit(
            "enforcement.visited",
            who,
            when,
            ['"found":true' if here else '"found":false' for here in found.tolist()],
        )

        who, when = self._happen(_SAMPLED)
        passed = self.rng.random(who.size) < 0.94
        documents = self._documents("检", who)
        data = [
            f'"document":"{document}","category":"{category}"'
            for document, category in zip(documents, self._choose(words.SAMPLES, who.size), strict=True)
        ]
        for type_, chosen_ones in (("sampling.passed", passed), ("sampling.failed", ~passed)):
            index = np.flatnonzero(chosen_ones)
            self._emit(type_, who[index], when[index], [data[number] for number in index.tolist()])

    def _letters(self) -> None:
        """Letters that arrive; one in ten comes back first, and a second one arrives."""
        who, sent = self._happen(_LETTERS)
        arrived, back = self._later(sent, 3, 10), self._later(sent, 6, 14)
        again = self._later(sent, 15, 30)
        arrived_at_last = self._later(again, 3, 10)
        returned = (self.rng.random(who.size) < 0.1) & self._lives(who, arrived_at_last)
        kept = returned | self._lives(who, arrived)
        first, second = np.flatnonzero(kept), np.flatnonzero(returned)
        numbers = [f'"number":"{number}"' for number in self._documents("函", who)]
        seconds_ = [f'{number[:-1]}-2"' for number in numbers]
        for type_, index, when, names in (
            ("enforcement.letter_sent", first, sent, numbers),
            ("enforcement.letter_delivered", np.flatnonzero(kept & ~returned), arrived, numbers),
            ("enforcement.letter_returned", second, back, numbers),
            ("enforcement.letter_sent", second, again, seconds_),
            ("enforcement.letter_delivered", second, arrived_at_last, seconds_),
        ):
            self._emit(type_, who[index], when[index], [names[number] for number in index.tolist()])

    def _complaints(self) -> None:
        # A few draw many: the rate itself is drawn, yet never so high that thirty days see five.
        rate = _COMPLAINTS * np.minimum(self.rng.gamma(0.5, 2.0, size=self._everyone.size), 7)
        who, when = self._happen(rate)
        reach = self.rng.choice(4, size=who.size, p=(0.3, 0.3, 0.38, 0.02))
        absent = np.flatnonzero(reach == 3)
        reach[absent[~self._found_again(who[absent], when[absent])]] = 0
        answered, silent = ',"verified":true,"reachable":true', ',"verified":false,"reachable":false'
        extras = ("", ',"verified":false', answered, silent)
        data = [
            f'"number":"{number}","category":"{category}"{extras[kind]}'
            for number, category, kind in zip(
                self._documents("诉", who),
                self._choose(words.COMPLAINTS, who.size),
                reach.tolist(),
                strict=True,
            )
        ]
        self._emit("complaint.received", who, when, data)

    def _penalties(self) -> None:
        who, when = self._happen(_PENALISED)
        documents = self._documents("罚", who)
        amounts = (500 * self.rng.geometric(0.08, size=who.size)).tolist()
        kinds = self._choose(words.PENALTIES, who.size, (0.7, 0.15, 0.08, 0.05, 0.02))
        data = [
            f'"document":"{document}","category":"{kind}","amount":{amount}'
            for document, kind, amount in zip(documents, kinds, amounts, strict=True)
        ]
        self._emit("enforcement.penalised", who, when, data)
        repaired = self._later(when, 100, 400)
        chosen = np.flatnonzero(self._lives(who, repaired) & (self.rng.random(who.size) < 0.3))
        lists = [f'"documents":["{documents[index]}"]' for index in chosen.tolist()]
        self._emit("credit.repaired", who[chosen], repaired[chosen], lists)
        self._objections(who, when, documents)

    def _objections(self, who: Ints, when: Ints, documents: list[str]) -> None:
        filed = self._later(when, 2, 30)
        decided = self._later(filed, 5, 25)
        chosen = np.flatnonzero(self._lives(who, decided) & (self.rng.random(who.size) < 0.12))
        named = [f'"document":"{documents[index]}"' for index in chosen.tolist()]
        upheld = self._choose((',"upheld":false', ',"upheld":true'), chosen.size, (0.8, 0.2))
        self._emit("objection.filed", who[chosen], filed[chosen], named)
        self._emit(
            "objection.decided",
            who[chosen],
            decided[chosen],
            [a + b for a, b in zip(named, upheld, strict=True)],
        )

    def _lists(self) -> None:
        """Listings on other grounds than reports, always removed within the window."""
        who, when = self._happen(_LISTED)
        removed = self._later(when, 20, 200)
        inside = self._lives(who, removed)
        who, when, removed = who[inside], when[inside], removed[inside]
        grounds = [
            f'"ground":"{ground}"'
            for ground in self._choose(("unreachable", "disclosure", "falsehood"), who.size, (0.6, 0.3, 0.1))
        ]
        documents = self._documents("列", who)
        data = [f'{ground},"document":"{document}"' for ground, document in zip(grounds, documents, strict=True)]
        self._emit("enforcement.abnormal_listed", who, when, data)
        self._emit("enforcement.abnormal_removed", who, removed, grounds)
        self._objections(who, when, documents)
        self._on_and_off("enforcement.dishonest", _DISHONEST, 370, 1_095, "严", 0.0)

    def _courts_and_taxes(self) -> None:
        self._on_and_off("court.defaulter", _DEFAULTER, 30, 700, "执", 0.3)
        self._on_and_off("court.defaulter", _LEADER_DEFAULTER, 20, 200, "执", 1.0, leader=True)
        who, when = self._happen(_TAX)
        regular = self._later(when, 10, 120)
        inside = self._lives(who, regular)
        who, when, regular = who[inside], when[inside], regular[inside]
        self._emit("tax.irregular", who, when, [""] * who.size)
        self._emit("tax.regular", who, regular, [""] * who.size)

    def _on_and_off(
        self,
        family: str,
        rate: float,
        least: int,
        most: int,
        kind: str,
        closed: float,
        *,
        leader: bool = False,
    ) -> None:
        """Listings and removals; a share `closed` of them only where the removal falls inside the window."""
        who, when = self._happen(rate)
        removed = self._later(when, least, most)
        off = self._lives(who, removed)
        kept = off | (self.rng.random(who.size) >= closed)
        person = [""] * who.size
        if leader:
            leaders = self.block.leader[who].tolist()
            person = [f',"person":{{{self.province.people.identity(number)}}}' for number in leaders]
        data = [
            f'"document":"{document}"{one}' for document, one in zip(self._documents(kind, who), person, strict=True)
        ]
        for type_, chosen, at in ((f"{family}_listed", kept, when), (f"{family}_removed", off, removed)):
            index = np.flatnonzero(chosen)
            self._emit(type_, who[index], at[index], [data[number] for number in index.tolist()])

    def _credit(self) -> None:
        who, when = self._happen(_COMMITMENTS)
        data = [f'"document":"{document}"' for document in self._documents("诺", who)]
        self._emit("commitment.made", who, when, data)
        broken = self._later(when, 30, 300)
        chosen = np.flatnonzero(self._lives(who, broken) & (self.rng.random(who.size) < 0.03))
        self._emit("commitment.breached", who[chosen], broken[chosen], [data[index] for index in chosen.tolist()])
        who, when = self._happen(_HONOURS)
        documents = [f'"document":"{document}"' for document in self._documents("誉", who)]
        self._emit("honour.awarded", who, when, documents)
