"""
Which slots of different services mean the same kind of thing.

A small mapping, by patterns of names and descriptions instead of a list of slots, so
that it also says something of services that nobody has seen yet. What no pattern
knows is compared by what a schema lists: categorical slots with a possible value in
common mean the same kind of thing. What is left is a kind of its own, together with
the slots of the same name.

Kinds decide who may read: a service is a reader of what may answer its questions. So
they are narrow. A weather service that needs a city is not told an address.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import attrs
from dialogues import Slot
from needs import BY_CHANCE, counting

LOCATION = "location"
ADDRESS = "address"
PLACE_NAME = "place_name"
PRICE = "price"
AMOUNT = "amount"

# What a kind of field is called when a customer is asked for it.
LABELS: Mapping[str, str] = {
    LOCATION: "city or location",
    ADDRESS: "address, station or venue",
    PLACE_NAME: "name of the place",
    "date": "date",
    "time": "time",
    "quantity": "number",
    PRICE: "price",
    AMOUNT: "amount of money",
    "phone": "phone number",
    "rating": "rating",
    "work": "title or artist",
    "person": "person's name",
    "provider": "name of the practice",
    "genre": "genre or category",
}


@attrs.frozen
class Rule:
    """
    A slot is of *kind* when all the patterns that there are match.

    Args:
        name: Searched for in the slot's name.
        description: Searched for in its description.
        closed: Whether it is also for categorical slots.
    """

    kind: str
    name: str = ""
    description: str = ""
    closed: bool = True

    def matches(self, slot: Slot) -> bool:
        """
        Whether *slot* is of this kind.
        """
        if slot.possible_values and not self.closed:
            return False
        return bool(
            re.search(self.name, slot.name, re.IGNORECASE)
            and re.search(self.description, slot.description, re.IGNORECASE)
        )


_PEOPLE = "recipient|receiver|sender|payee|contact|friend|guest"
_PROVIDERS = "doctor|dentist|therapist|stylist|physician|lawyer|provider|practice"
_PLACES = (
    "hotel|restaurant|property|attraction|place|theat(er|re)|cinema|museum|park|"
    "shop|store|salon|bar|cafe|club|apartment|house|accommodation"
)
_WORKS = (
    "title|movie|film|song|track|album|artist|singer|band|performer|director|"
    "directed|starring|actors?|cast|author|book|play|show|event"
)
_TOWNS = "city|town|area|region|district|county|country"

# The first that matches decides. The name of a slot says more than its description.
RULES = (
    Rule("phone", r"phone|mobile|fax"),
    Rule("rating", r"rating|score|stars"),
    Rule("quantity", r"^(num|number|count)(_|$)|_(count|size|length|duration)$"),
    Rule("quantity", r"time|duration|length", r"number of|duration|waiting|how long"),
    Rule(LOCATION, r"airport|station", r"\bor (the )?city\b"),
    Rule(ADDRESS, r"address|street|airport|station|terminal|venue"),
    Rule("date", r"(^|_)dates?$"),
    Rule("time", r"(^|_)time$"),
    Rule(PRICE, r"(^|_)(price|fare|rent|cost|fee|charge)(_per_[a-z]+)?$"),
    Rule(AMOUNT, r"(^|_)(amount|budget|sum)$"),
    Rule("person", rf"^({_PEOPLE})(_account)?(_name)?$"),
    Rule("provider", rf"^({_PROVIDERS})(_name)?$"),
    Rule(PLACE_NAME, rf"(^|_)({_PLACES})_name$"),
    Rule("work", rf"^({_WORKS})(_by|_name|_title)?$", closed=False),
    Rule(
        LOCATION,
        rf"(^|_)({_TOWNS}|location|destination|origin|place|from|to|where)(_|$)",
    ),
    Rule("genre", r"(^|_)(genre|cuisine|(sub)?category)$", closed=False),
    Rule("quantity", "", r"^(the )?(number|count|size|length|duration) of\b"),
    Rule("phone", "", r"phone", closed=False),
    Rule("rating", "", r"\brating\b", closed=False),
    Rule(ADDRESS, "", r"\b(address|station|airport)\b", closed=False),
    Rule("date", "", r"\bdate\b", closed=False),
    Rule(PRICE, "", r"\b(price|cost|fare) (of|per|for)\b", closed=False),
    Rule("time", "", r"\btime (of|when|at|for|to)\b", closed=False),
    Rule("work", "", rf"\b({_WORKS})\b", closed=False),
    Rule(LOCATION, "", rf"\b({_TOWNS}|location|destination)\b", closed=False),
    Rule("genre", "", r"\b(genre|cuisine|category)\b", closed=False),
    Rule("person", "", rf"\bname of the ({_PEOPLE}|person)\b", closed=False),
    Rule("provider", "", rf"\bname of the ({_PROVIDERS})\b", closed=False),
    Rule(PLACE_NAME, "", rf"\bname of the ({_PLACES})\b", closed=False),
)


def kinds_of(slots: Iterable[Slot]) -> dict[tuple[str, str], str]:
    """
    Return the kind of each slot, by service and slot.
    """
    slots = tuple(slots)
    kinds: dict[tuple[str, str], str] = {}
    listed: list[Slot] = []
    for slot in slots:
        place = slot.service, slot.name
        if _is_flag(slot):
            kinds[place] = _own_kind(slot)
        elif rule := next((rule for rule in RULES if rule.matches(slot)), None):
            kinds[place] = rule.kind
        elif counting(slot.possible_values):
            listed.append(slot)
        else:
            kinds[place] = _own_kind(slot)
    # No kind of one sort takes the name of a kind of another.
    taken = {*LABELS, *kinds.values()}
    for group in _groups(listed):
        name = next(n for n in _names(group[0]) if n not in taken)
        taken.add(name)
        kinds |= {(slot.service, slot.name): name for slot in group}
    return kinds


def asked_kinds(slot: Slot, kind: str) -> tuple[str, ...]:
    """
    Return the kinds of which a value may be what *slot* needs; its own comes first.

    A destination that is not said to be a city may be any place: then an address and
    the name of a place are answers, too. A city is not found there, nor looked for.
    What is to be paid may be a price that somebody was told.
    """
    if kind in (ADDRESS, PLACE_NAME):
        return kind, LOCATION
    if kind == AMOUNT:
        return kind, PRICE
    if kind == LOCATION and not _is_town(slot):
        return kind, ADDRESS, PLACE_NAME
    return (kind,)


def label_of(kind: str) -> str:
    """
    Return what to call a kind to a customer.
    """
    return LABELS.get(kind, kind.replace("_", " "))


def _own_kind(slot: Slot) -> str:
    # A flag may be called "phone", and yet it is no telephone number.
    return f"{slot.name}_only" if slot.name in LABELS else slot.name


def _is_town(slot: Slot) -> bool:
    named = re.search(rf"(^|_)({_TOWNS})(_|$)", slot.name, re.IGNORECASE)
    described = re.search(rf"\b({_TOWNS})\b", slot.description, re.IGNORECASE)
    return bool(named or described)


def _is_flag(slot: Slot) -> bool:
    values = {value.lower() for value in slot.possible_values}
    return bool(values) and values <= BY_CHANCE - {str(n) for n in range(1, 11)}


def _names(slot: Slot) -> Iterable[str]:
    yield slot.name
    yield f"{slot.service}_{slot.name}".lower()
    number = 2
    while True:
        yield f"{slot.name}_{number}"
        number += 1


def _groups(slots: Iterable[Slot]) -> list[list[Slot]]:
    """
    Return the categorical slots in groups that have possible values in common.
    """
    groups: list[list[Slot]] = []
    values: list[frozenset[str]] = []
    for slot in slots:
        group, known = [slot], counting(slot.possible_values)
        apart = [i for i, other in enumerate(values) if not known & other]
        joined = [i for i in range(len(groups)) if i not in apart]
        for i in joined:
            group = groups[i] + group
            known |= values[i]
        groups = [*(groups[i] for i in apart), group]
        values = [*(values[i] for i in apart), known]
    return groups
