"""Planting: which plots a province holds, and how many of each.

A deck of recipes is played in rounds until a budget of enterprises is spent: 4 % of the province. A small
province spends up to half of itself on one round, the cheap recipes first, so that even tests see every kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final

import numpy as np

from models.population.block import Province
from models.population.derived import record_consequences
from models.population.plot import Plot
from models.population.plots_conduct import (
    complaint_surge,
    found_again,
    frequent_changes,
    harmless_changes,
    missed_two_years,
    one_complaint_told_often,
    untraceable,
)
from models.population.plots_persons import (
    barred_by_court,
    barred_by_revocation,
    barred_no_longer,
    cleared_relatives,
    family,
    honest_reopening,
    leads_many,
    linked_by_person,
    linked_by_room,
    no_longer_a_defaulter,
    person_burst,
    phoenix,
    stolen_name,
)
from models.population.plots_rooms import (
    address_at_risk,
    address_burst,
    branches,
    clients_of_an_agent,
    lawful_host,
    licences,
    mostly_suspended,
    shells,
    spaced_establishments,
)

_SHARE: Final = 0.04
_TAIL_ROOM: Final = 400
_TAIL_PERSON: Final = 800


@dataclass(frozen=True)
class Recipe:
    """A kind of plot: its name in the truth, what tells it, the most enterprises it takes, times a round."""

    name: str
    tell: Callable[[Plot], None]
    most: int
    times: int = 1


def deck(enterprises: int) -> list[Recipe]:
    """One round for a province of a size; the largest rooms and nominees grow with it."""
    room_tail = min(_TAIL_ROOM, max(60, enterprises // 1_000))
    person_tail = min(_TAIL_PERSON, max(30, enterprises // 600))
    return [
        Recipe("untraceable-1", partial(untraceable, stage=1), 1, 12),
        Recipe("untraceable-2", partial(untraceable, stage=2), 1, 8),
        Recipe("untraceable-3", partial(untraceable, stage=3), 1, 6),
        Recipe("untraceable-4", partial(untraceable, stage=4), 1, 8),
        Recipe("untraceable-no-reports", missed_two_years, 1, 8),
        Recipe("complaint-surge-2", partial(complaint_surge, least=5, most=12), 1, 6),
        Recipe("complaint-surge-3", partial(complaint_surge, least=15, most=25), 1, 4),
        Recipe("complaint-surge-lapsed", partial(complaint_surge, least=5, most=20, lapsed=True), 1),
        Recipe("frequent-changes-1", partial(frequent_changes, least=3, most=4), 1, 8),
        Recipe("frequent-changes-2", partial(frequent_changes, least=5, most=6), 1, 4),
        Recipe("frequent-changes-lapsed", partial(frequent_changes, least=3, most=6, lapsed=True), 1),
        Recipe("alike-found-again", found_again, 1, 8),
        Recipe("alike-harmless-changes", harmless_changes, 1, 4),
        Recipe("alike-one-complaint", one_complaint_told_often, 1, 3),
        Recipe("alike-no-longer-a-defaulter", no_longer_a_defaulter, 1, 3),
        Recipe("barred-revocation", partial(barred_by_revocation, appointed=False), 2, 4),
        Recipe("barred-appointed", partial(barred_by_revocation, appointed=True), 2, 4),
        Recipe("barred-court", barred_by_court, 2, 4),
        Recipe("alike-barred-no-longer", barred_no_longer, 2, 4),
        Recipe("phoenix-room", partial(phoenix, same_room=True), 2, 4),
        Recipe("phoenix-industry", partial(phoenix, same_room=False), 2, 4),
        Recipe("phoenix-revoked", partial(phoenix, same_room=True, revoked=True), 2, 2),
        Recipe("alike-honest-reopening", honest_reopening, 2, 6),
        Recipe("alike-cleared-relatives", cleared_relatives, 3, 2),
        Recipe("linked-room", linked_by_room, 4, 2),
        Recipe("linked-person-1", partial(linked_by_person, bad=2), 4, 2),
        Recipe("alike-family", family, 4, 2),
        Recipe("alike-spaced-establishments", spaced_establishments, 4),
        Recipe("person-burst-2", partial(person_burst, least=3, most=4), 4, 2),
        Recipe("linked-person-2", partial(linked_by_person, bad=5), 7),
        Recipe("alike-stolen-name", stolen_name, 7),
        Recipe("person-burst-3", partial(person_burst, least=5, most=8), 8),
        Recipe("person-burst-lapsed", partial(person_burst, least=3, most=4, lapsed=True), 8),
        Recipe("one-person-weak", partial(leads_many, least=5, most=7, weak=True), 8),
        Recipe("address-at-risk-2", partial(address_at_risk, share=0.34, host=False), 8),
        Recipe("address-at-risk-3", partial(address_at_risk, share=0.65, host=False), 8),
        Recipe("address-burst-2", partial(address_burst, least=5, most=9), 9, 2),
        Recipe("address-burst-lapsed", partial(address_burst, least=5, most=9, lapsed=True), 9),
        Recipe("alike-suspended", mostly_suspended, 10),
        Recipe("alike-clients-of-an-agent", clients_of_an_agent, 10),
        Recipe("one-person-1", partial(leads_many, least=5, most=9), 10, 2),
        Recipe("one-address-1", partial(licences, least=5, most=9), 12, 2),
        Recipe("alike-branches", branches, 13),
        Recipe("host-at-risk-2", partial(address_at_risk, share=0.34, host=True), 14),
        Recipe("host-at-risk-3", partial(address_at_risk, share=0.65, host=True), 14),
        Recipe("shell-cluster", shells, 16, 2),
        Recipe("address-burst-3", partial(address_burst, least=10, most=18), 18),
        Recipe("one-person-2", partial(leads_many, least=10, most=19), 20),
        Recipe("one-address-2", partial(licences, least=10, most=19), 22),
        Recipe("alike-host", lawful_host, 30),
        Recipe("one-person-3", partial(leads_many, least=20, most=person_tail, tail=1.1), person_tail + 1),
        Recipe("one-address-3", partial(licences, least=20, most=49), 52),
        Recipe("one-address-4", partial(licences, least=50, most=room_tail, tail=1.1), room_tail + 3),
    ]


def plots(province: Province, rng: np.random.Generator) -> Iterator[Plot]:
    """Finished plots, one after another, with running numbers of enterprises from 0 without a gap."""
    recipes = deck(province.enterprises)
    round_ = sum(recipe.most * recipe.times for recipe in recipes)
    budget = max(int(province.enterprises * _SHARE), min(province.enterprises // 2, round_))
    used = number = 0
    while True:
        before = used
        for recipe in chain.from_iterable([each] * each.times for each in recipes):
            if recipe.most > budget - used:
                continue
            plot = Plot(number, recipe.name, province, used, rng)
            recipe.tell(plot)
            record_consequences(plot)
            plot.fill_in()
            used += len(plot.firms)
            number += 1
            yield plot
        if used == before:
            return
        # Later rounds come in any order, or the last one, cut short, would always lack the same kinds.
        recipes = [recipes[index] for index in rng.permutation(len(recipes)).tolist()]
