"""
A shop with real keys, and a reader who holds them all, for the model to look over.

The departments are processes of their own only in what they know: they share one
clock. Histories are what everyday verbs and hostile ones leave behind.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import model
from translation import Order

import cxcontext as cx
from cxcontext.core.context import Context
from cxcontext.core.department import Department
from cxcontext.core.journey import Journey
from cxcontext.core.keygen import KeyRing, generate_keys
from cxcontext.core.known import Known
from cxcontext.core.section import MarkKind, SectionContent, WireFact
from cxcontext.core.standard import PromiseAction, PromiseEntry
from cxcontext.core.vocabulary import FieldDefinition, Key, Scope

DOMAIN = "shop.example"
START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = 24 * 3600
YEARS = timedelta(days=3650)
LIFETIME = timedelta(days=90)
PURPOSE = "dpv:Marketing"
DEPARTMENTS = ("sales", "support", "billing", "courier", "auditor")
DESK = ("sales", "support", "billing")


class Shop(cx.Vocabulary, revision=4):
    """
    One field for each sort of rule, and the standard ones with rules of their own.
    """

    desk = cx.Scope(1, readers={*DESK, "auditor"}, writers=DESK)
    till = cx.Scope(2, readers={"billing", "auditor"}, writers={"sales", "billing"})
    care = cx.Scope(3, readers={*DESK, "auditor"}, writers=DESK)
    law = cx.Scope(4, readers={*DESK, "auditor"}, writers={"sales", "billing"})

    number = cx.Field(1, str, scope=desk, max_age=timedelta(days=30))
    account = cx.Field(2, str, scope=desk, verifiers={"billing"}, authority={"support"})
    card = cx.Field(3, str, scope=till)
    mood = cx.Field(4, str, scope=care, inferred_only=True)
    promise = cx.standard.promise(scope=care)
    consent = cx.standard.consent(scope=law, max_age=timedelta(days=60))


FIELDS: tuple[Key[Shop, str], ...] = (Shop.number, Shop.account, Shop.card, Shop.mood)


class Keys:
    """
    Every department's keys, which outlast every history. Nothing in its ``repr``.
    """

    def __init__(self) -> None:
        self.ring = _ring()


def _ring() -> KeyRing:
    return generate_keys(
        domain=DOMAIN,
        departments=dict.fromkeys(DEPARTMENTS, False),
        readers={scope.number: scope.readers for scope in Shop.scopes.values()},
        now=START,
        sign_for=YEARS,
        seal_for=YEARS,
        statement_lifetime=LIFETIME,
    )


class Floor:
    """
    Everybody at the shop, and its clock. ``floor["sales"]`` is a department.
    """

    def __init__(self, keys: Keys) -> None:
        self.now = START
        self.events: list[cx.Event] = []
        domain: cx.TrustDomain[Shop] = cx.TrustDomain(
            DOMAIN,
            Shop,
            keys=keys.ring.public,
            clock=lambda: self.now,
            on_event=self.events.append,
        )
        self._departments = {
            name: domain.department(name, keys=keys.ring.private[name])
            for name in DEPARTMENTS
        }

    def __getitem__(self, name: str) -> Department[Shop]:
        return self._departments[name]

    @property
    def now_s(self) -> int:
        """
        The clock, in seconds.
        """
        return int(self.now.timestamp())

    def wait(self, **span: float) -> None:
        """
        Let time pass.
        """
        self.now += timedelta(**span)

    # --- moving journeys -----------------------------------------------------

    def give(self, journey: Journey[Shop], to: str) -> Journey[Shop]:
        """
        Return the journey as another department, or another desk, receives it.
        """
        return self[to].receive(journey.hand_over(to))

    def begin(self) -> dict[str, Journey[Shop]]:
        """
        Return the same new journey at every desk.
        """
        first = self["sales"].begin(channel="chat")
        others = {name: self.give(first, name) for name in DESK if name != "sales"}
        return {"sales": first, **others}

    def fresh(self, journey: Journey[Shop]) -> Journey[Shop]:
        """
        Return the journey as the same department finds it in its next unit of work.
        """
        return self[journey.department].resume(journey.save())

    def stripped(
        self, journey: Journey[Shop], what: Mapping[int, Collection[int]], *, to: str
    ) -> Journey[Shop]:
        """
        Return the journey as *to* receives it from a courier who withheld sections.

        The courier may neither read nor write any scope, and yet signs deliveries:
        more than a carrier can do.

        Args:
            journey: Whose.
            what: By the statement's place in the order, the scopes; -1 is the last.
            to: The receiver.
        """
        carried = self.give(journey, "courier")
        context = carried._context
        statements = list(context.statements)
        for place, scopes in what.items():
            statements[place] = statements[place].without(frozenset(scopes))
        carried._context = attrs.evolve(context, statements=tuple(statements))
        return self.give(carried, to)

    # --- for the model -------------------------------------------------------

    def _audited(self, journey: Journey[Shop]) -> Context:
        """
        Return all that is in these statements, for who holds every key.
        """
        context = journey.context
        return Context(
            reader=attrs.evolve(
                context.reader, department="auditor", keys=self["auditor"].keys
            ),
            statements=context.statements,
            authors=context.authors,
            graph=context.graph,
        )

    def symbols(
        self, journey: Journey[Shop], key: Key[Shop, Any]
    ) -> tuple[Order, list[model.Statement]]:
        """
        Return what this department finds of a field, for the model.
        """
        may_read = journey.department in key.scope.readers
        found = []
        for place, statement, content in self._contents(journey, key.scope):
            facts = [
                model.Said(int(fact.known), fact.value if fact.has_value else None)
                for fact in content.facts
                if fact.field == key.number
            ]
            ages = [fact.age_s for fact in content.facts if fact.field == key.number]
            marks = [
                _MARKS[mark.kind]
                for mark in content.marks
                if mark.field == key.number and mark.kind is not MarkKind.ASKED
            ]
            present = key.scope.number in statement.sections
            found.append(
                model.Statement(
                    name=statement.id.hex(),
                    department=journey.context.authors[place],
                    issued=statement.issued_s,
                    expires=statement.expires_s,
                    section=key.scope.number in statement.digests,
                    says=_aged(facts, ages),
                    unread=_why_unread(may_read=may_read, present=present),
                    mark=marks[-1] if marks else None,
                )
            )
        return self.order(journey), found

    def consents(
        self, journey: Journey[Shop]
    ) -> tuple[Order, list[model.ConsentStatement]]:
        """
        Return what this department finds of consent, for the model.
        """
        field = Shop.consent.field
        found = []
        for place, statement, content in self._contents(journey, field.scope):
            says: list[model.Grant | model.Withdrawal] = []
            for fact in content.facts:
                if fact.field != field.number:
                    continue
                value = field.codec.from_wire(fact.value)
                ends = value.expires_at and int(value.expires_at.timestamp())
                grant = model.Grant(age=fact.age_s, ends=ends)
                says.append(grant if value.granted else model.Withdrawal())
            present = field.scope.number in statement.sections
            found.append(
                model.ConsentStatement(
                    name=statement.id.hex(),
                    department=journey.context.authors[place],
                    issued=statement.issued_s,
                    expires=statement.expires_s,
                    section=field.scope.number in statement.digests,
                    says=says[0] if says else None,
                    unread=None if present else model.WITHHELD,
                )
            )
        return self.order(journey), found

    def promises(
        self, journey: Journey[Shop], name: str
    ) -> tuple[Order, list[model.PromiseStatement]]:
        """
        Return what this department finds of a promise, for the model.
        """
        field = Shop.promise.field
        creator, _, random_id = name.partition("/")
        found = []
        for place, statement, content in self._contents(journey, field.scope):
            steps = []
            author = journey.context.authors[place]
            # Its creator's own statements leave the creator out.
            names = {name, random_id} if author == creator else {name}
            for fact in content.facts:
                if fact.field == field.number and fact.qualifier in names:
                    entry = field.codec.from_wire(fact.value)
                    due = entry.due_until and entry.due_until - START
                    due_s = None if due is None else int(due.total_seconds())
                    action = entry.action.name.lower().replace("_broken", "")
                    steps.append(model.Step(action, to=entry.owner, due=due_s))
            present = field.scope.number in statement.sections
            found.append(
                model.PromiseStatement(
                    name=statement.id.hex(),
                    department=author,
                    issued=statement.issued_s,
                    expires=statement.expires_s,
                    says=steps[0] if steps else None,
                    unread=None if present else model.WITHHELD,
                )
            )
        return self.order(journey), found

    def order(self, journey: Journey[Shop]) -> Order:
        """
        Return the graph of a journey, for the model.
        """
        return Order(
            {
                s.id.hex(): tuple(parent.hex() for parent in s.parents)
                for s in journey.context.statements
            }
        )

    def _contents(
        self, journey: Journey[Shop], scope: Scope
    ) -> Iterable[tuple[int, Any, SectionContent]]:
        audited = self._audited(journey)
        contents = audited.scope_contents(scope, now_s=self.now_s)
        for place, content in enumerate(contents):
            readable = content if isinstance(content, SectionContent) else _EMPTY
            yield place, audited.statements[place], readable


_EMPTY = SectionContent()
_MARKS = {
    MarkKind.REFUSED: "refused",
    MarkKind.DOES_NOT_KNOW: "customer_does_not_know",
}


def _aged(facts: list[model.Said], ages: list[int]) -> model.Said | None:
    if not facts:
        return None
    return model.Said(facts[0].known, facts[0].value, ages[0])


def _why_unread(*, may_read: bool, present: bool) -> str | None:
    if not may_read:
        return model.NOT_YOURS
    return None if present else model.WITHHELD


def rules_of(field: FieldDefinition[Any]) -> model.Rules:
    """
    Return a field's rules, for the model.
    """
    return model.Rules(
        writers=field.scope.writers,
        former_writers=field.scope.former_writers,
        verifiers=field.verifiers,
        former_verifiers=field.former_verifiers,
        authority=field.authority,
        inferred_only=field.inferred_only,
    )


# --- hostile departments -----------------------------------------------------


def smuggle(
    journey: Journey[Shop],
    key: Key[Shop, Any],
    value: Any,
    *,
    qualifier: str | None = None,
    known: Known = Known.STATED,
    reported_by: str | None = None,
) -> None:
    """
    Let a department say what its own library would refuse, in its next statement.
    """
    field = key.field
    fact = WireFact(
        field=field.number,
        has_value=True,
        value=field.codec.to_wire(value, field=field.name),
        known=known,
        qualifier=qualifier,
        reported_by=reported_by,
    )
    with journey._lock:
        # What is pending goes into a statement of its own.
        journey._seal()
        journey._add_fact(field, fact, at_s=journey.now_s())


def smuggle_step(
    journey: Journey[Shop], promise: str, action: PromiseAction, **details: Any
) -> None:
    """
    Let a department take a step with a promise, whosever it is.
    """
    creator, _, random_id = promise.partition("/")
    qualifier = random_id if creator == journey.department else promise
    entry = PromiseEntry(action=action, **details)
    smuggle(journey, Shop.promise, entry, qualifier=qualifier)


# --- looking at a journey ----------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """
    All that a reader can tell of a journey.
    """

    statements: Mapping[str, tuple[int, ...]]
    recalled: Mapping[str, str | None]
    gaps: Mapping[str, str | None]
    promises: tuple[Any, ...]
    consent: bool


def picture(journey: Journey[Shop]) -> Picture:
    """
    Return all that this reader can tell of the journey.
    """
    gaps = {key.name: journey.gap(key) for key in FIELDS}
    return Picture(
        statements={s.id.hex(): tuple(s.sections) for s in journey.context.statements},
        recalled={key.name: journey.recall(key) for key in FIELDS},
        gaps={name: gap and gap.reason.value for name, gap in gaps.items()},
        promises=journey.promises,
        consent=journey.has_consent(PURPOSE),
    )
