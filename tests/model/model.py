"""
The law as an executable model: who may say what, in plain Python.

Written from the protocol's words (sections 4 and 5, and the end of section 2),
never from the real fold, and meant to be read beside them. Signatures and keys
are symbolic: a statement names its author, and a section is either read or has
a reason why it is not.

How it differs in form from the real fold, so that both would hardly err alike:

- statements are named and linked by name; descent is a set of pairs of names,
  where the fold has positions in an order and a bit mask per position;
- a rule is one comprehension over all facts, in no order at all, where the fold
  walks the statements once, oldest first;
- "settled" goes through everything that an unread section may hold and asks of
  each whether it would be superseded, where the fold compares with the worst;
- a promise is found by repeating one question, which steps count, until the
  answer stays the same, and has two stories, what became of it and whose it is;
- nothing is cached, nothing is encoded, and the only order is of times.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

# How surely: comparable, as the protocol's four words are.
INFERRED, OBSERVED, STATED, VERIFIED = range(4)

# Why a section is not read.
NOT_YOURS = "not_yours"
WITHHELD = "withheld"
UNREADABLE = "unreadable"
UNKNOWN_AUTHOR = "unknown_author"
NEWER_VOCABULARY = "newer_vocabulary"

Descent = frozenset[tuple[str, str]]


# --- statements --------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """
    One fact about the one field and qualifier that is looked at.

    A retraction has None for a value. `age` is by how much it is older than the
    statement that carries it.
    """

    known: int
    value: str | None
    age: int = 0


@dataclass(frozen=True)
class Statement:
    """
    What one department signed.

    Attributes:
        department: Its author; None where this reader does not know the key.
        section: Whether it has a section of the field's scope.
        says: What that section says of the field, if anything.
        unread: Why the reader cannot read the section; None if it can.
        newer: Whether it was written under a newer vocabulary revision.
        mark: That the customer refused or does not know.
    """

    name: str
    department: str | None
    issued: int = 0
    expires: int = 1000
    section: bool = True
    says: Said | None = None
    unread: str | None = None
    newer: bool = False
    mark: str | None = None


def descent(parents: Mapping[str, Collection[str]]) -> Descent:
    """
    Return every pair of a later and an earlier statement it descends from.
    """
    pairs = {(child, parent) for child, named in parents.items() for parent in named}
    while True:
        further = {
            (later, parent) for later, middle in pairs for parent in parents[middle]
        }
        if further <= pairs:
            return frozenset(pairs)
        pairs |= further


@dataclass(frozen=True)
class Rules:
    """
    What this reader's vocabulary says of the field.
    """

    writers: frozenset[str] = frozenset()
    former_writers: frozenset[str] = frozenset()
    verifiers: frozenset[str] = frozenset()
    former_verifiers: frozenset[str] = frozenset()
    authority: frozenset[str] = frozenset()
    inferred_only: bool = False

    def may_write(self, department: str) -> bool:
        """
        Whether what it says counts: also of those who once wrote.
        """
        return department in self.writers | self.former_writers

    def may_verify(self, department: str) -> bool:
        """
        Whether its ``VERIFIED`` is read as that.
        """
        return department in self.verifiers | self.former_verifiers

    def read_as(self, department: str, known: int) -> int:
        """
        Return how surely a fact is known, as far as its author may say so.
        """
        if self.inferred_only:
            return INFERRED
        if known == VERIFIED and not self.may_verify(department):
            return STATED
        return known


# --- one field ---------------------------------------------------------------


@dataclass(frozen=True)
class Fact:
    """
    What a statement says, with its author's authority applied.
    """

    statement: str
    department: str | None
    known: int
    value: str | None
    at: int = 0


@dataclass(frozen=True)
class Reading:
    """
    What stands of one field and qualifier, and what may be recalled.

    Attributes:
        standing: Unsuperseded facts that count.
        shown: The one to show; None if nothing stands.
        recalled: The value that may be used; None if none may.
        reasons: The reasons, one of which is given for not recalling what is
            unsettled; empty where that is not why.
        expired: Whether an expired statement said something.
        mark: That the customer refused or does not know, whichever was last.
    """

    standing: frozenset[Fact]
    shown: Fact | None
    conflict: bool
    settled: bool
    recalled: str | None
    reasons: frozenset[str]
    expired: bool
    mark: str | None


def ignored(statement: Statement, rules: Rules) -> bool:
    """
    Whether its section of the scope is as good as not there.

    "What an older or equal revision does not allow (a section by somebody who
    may not write that scope) is ignored, and unsettles nothing."
    """
    return (
        statement.department is not None
        and not rules.may_write(statement.department)
        and not statement.newer
    )


def why_unread(statement: Statement, rules: Rules) -> str | None:
    """
    Return why this reader cannot read its section; None if it can.
    """
    if statement.department is None:
        # Why else it could not be read does not matter then.
        return statement.unread or UNKNOWN_AUTHOR
    if statement.unread is None and not rules.may_write(statement.department):
        return NEWER_VOCABULARY
    return statement.unread


def facts_of(
    statements: Iterable[Statement], rules: Rules, *, now: int
) -> frozenset[Fact]:
    """
    Return what is read: by whoever may write, in statements that are not expired.
    """
    return frozenset(
        Fact(
            statement=s.name,
            department=s.department,
            known=rules.read_as(s.department, s.says.known),
            value=s.says.value,
            at=s.issued - s.says.age,
        )
        for s in statements
        if s.section
        and s.says is not None
        and s.department is not None
        and now < s.expires
        and not ignored(s, rules)
        and why_unread(s, rules) is None
    )


def hidden_from(
    statements: Iterable[Statement], rules: Rules, *, now: int
) -> frozenset[Statement]:
    """
    Return the unexpired statements whose section of the scope is not read.
    """
    return frozenset(
        s
        for s in statements
        if s.section
        and now < s.expires
        and not ignored(s, rules)
        and why_unread(s, rules) is not None
    )


def supersedes(later: Fact, earlier: Fact, *, descends: Descent, rules: Rules) -> bool:
    """
    Whether *later* takes the place of *earlier*.

    "A fact supersedes another iff its statement descends from the other's and it
    is by the same department, or at least as surely known, or its department has
    authority over the field. An INFERRED fact supersedes only INFERRED ones,
    whoever states it."
    """
    if (later.statement, earlier.statement) not in descends:
        return False
    if later.known == INFERRED and earlier.known != INFERRED:
        return False
    return (
        (later.department is not None and later.department == earlier.department)
        or later.known >= earlier.known
        or later.department in rules.authority
    )


def may_hold(statement: Statement, rules: Rules) -> frozenset[Fact]:
    """
    Return every fact that a section which is not read may hold.

    "A VERIFIED fact if the author is a verifier of the field, is unknown while
    the field has verifiers, or wrote under a newer revision; otherwise a STATED
    one." Of a field that is only inferred it is an INFERRED one, as whatever
    else it were would be read as that.
    """
    if statement.newer:
        could_verify = True
    elif statement.department is None:
        could_verify = bool(rules.verifiers | rules.former_verifiers)
    else:
        could_verify = rules.may_verify(statement.department)
    surest = VERIFIED if could_verify else STATED
    if rules.inferred_only and not statement.newer:
        surest = INFERRED
    return frozenset(
        Fact(statement.name, statement.department, known, value)
        for known in range(surest + 1)
        for value in ("something else", None)
    )


def read(
    statements: Collection[Statement], *, descends: Descent, rules: Rules, now: int
) -> Reading:
    """
    Return what stands of the field for this reader.
    """
    facts = facts_of(statements, rules, now=now)
    hidden = hidden_from(statements, rules, now=now)
    unsuperseded = frozenset(
        fact
        for fact in facts
        if not any(
            supersedes(other, fact, descends=descends, rules=rules) for other in facts
        )
    )
    # "... and counts only where nothing surer stands."
    surer = frozenset(fact for fact in unsuperseded if fact.known > INFERRED)
    standing = surer or unsuperseded
    conflict = len({fact.value for fact in standing}) > 1
    doubts = {
        fact: frozenset(
            other
            for other in hidden
            if other.name != fact.statement
            and not all(
                supersedes(fact, possible, descends=descends, rules=rules)
                for possible in may_hold(other, rules)
            )
        )
        for fact in standing
    }
    settled = not conflict and any(not doubts[fact] for fact in standing)
    shown = show(standing)
    recalled = shown.value if settled and shown is not None else None
    if settled:
        in_doubt: frozenset[Statement] = frozenset()
    else:
        in_doubt = hidden if shown is None else doubts[shown]
    return Reading(
        standing=standing,
        shown=shown,
        conflict=conflict,
        settled=settled,
        recalled=recalled,
        reasons=frozenset(str(why_unread(s, rules)) for s in in_doubt),
        expired=any(
            facts_of([s], rules, now=s.expires - 1)
            for s in statements
            if s.expires <= now
        ),
        mark=last_mark(statements, rules, now=now),
    )


def show(standing: Iterable[Fact]) -> Fact | None:
    """
    Return "the surest, then latest, then smallest id".
    """
    by_id = sorted(standing, key=lambda fact: fact.statement)
    return max(by_id, key=lambda fact: (fact.known, fact.at), default=None)


def last_mark(statements: Iterable[Statement], rules: Rules, *, now: int) -> str | None:
    """
    Return the latest mark by somebody who may write. Tests give each its own time.
    """
    marks = [
        (s.issued, s.mark)
        for s in statements
        if s.section
        and s.mark is not None
        and s.unread is None
        and s.department is not None
        and rules.may_write(s.department)
        and now < s.expires
    ]
    return max(marks)[1] if marks else None


def gap(
    reading: Reading, *, now: int, max_age: int | None = None, at_least: int = INFERRED
) -> frozenset[str]:
    """
    Return the reasons, one of which is given; none if the value is recalled.

    In the protocol's order, from CONFLICT on: what comes before is not said by
    the statements.
    """
    shown = reading.shown
    if reading.conflict:
        return frozenset(("conflict",))
    if reading.reasons:
        return reading.reasons
    if shown is None and reading.expired:
        return frozenset(("expired",))
    if shown is None or shown.value is None:
        return frozenset((reading.mark or "never_stated",))
    if max_age is not None and now - shown.at > max_age:
        return frozenset(("stale",))
    if shown.known < at_least:
        return frozenset(("not_verified",))
    return frozenset()


# --- consent -----------------------------------------------------------------


@dataclass(frozen=True)
class Grant:
    """
    That the customer agreed to the one purpose that is looked at.
    """

    age: int = 0
    ends: int | None = None


@dataclass(frozen=True)
class Withdrawal:
    """
    That the customer did not agree, or no longer.
    """


@dataclass(frozen=True)
class ConsentStatement:
    """
    A statement, as far as the scope of consent goes.
    """

    name: str
    department: str | None
    issued: int = 0
    expires: int = 1000
    section: bool = True
    says: Grant | Withdrawal | None = None
    unread: str | None = None


def has_consent(
    statements: Iterable[ConsentStatement],
    *,
    descends: Descent,
    rules: Rules,
    now: int,
    max_age: int,
) -> bool:
    """
    Whether there is consent.

    "Only the field's writers grant; any department may withdraw; a grant counts
    iff it descends from every withdrawal and every unreadable section of its
    scope. Grants have a mandatory maximum age."
    """
    alive = [s for s in statements if s.section and now < s.expires]
    unread = {s.name for s in alive if s.unread is not None or s.department is None}
    against = unread | {s.name for s in alive if isinstance(s.says, Withdrawal)}
    return any(
        isinstance(s.says, Grant)
        and s.name not in unread
        and s.department is not None
        and rules.may_write(s.department)
        and now < s.issued - s.says.age + max_age
        and (s.says.ends is None or now < s.says.ends)
        and all((s.name, other) in descends for other in against)
        for s in alive
    )


# --- promises ----------------------------------------------------------------

MAKE, ACCEPT, KEEP, MISS, MOVE, RELEASE, OBSERVE, HAND_OVER = (
    "make", "accept", "keep", "miss", "move", "release", "observe", "hand_over",
)  # fmt: skip
_BECAME = (MAKE, KEEP, MISS, MOVE, RELEASE)
_WHOSE = (MAKE, ACCEPT, HAND_OVER)
_ENDED = {KEEP: "kept", MISS: "missed", RELEASE: "released", MOVE: "moved"}


@dataclass(frozen=True)
class Step:
    """
    What a statement says of the one promise that is looked at.

    Attributes:
        to: In whose name it is made, or to whom it is handed over.
        due: When it is due, where the step says so.
    """

    action: str
    to: str | None = None
    due: int | None = None


@dataclass(frozen=True)
class PromiseStatement:
    """
    A statement, as far as the scope of promises goes.
    """

    name: str
    department: str | None
    issued: int = 0
    expires: int = 1000
    says: Step | None = None
    unread: str | None = None


@dataclass(frozen=True)
class Hold:
    """
    Who answers for a promise, and who has been asked to.
    """

    owner: str
    asked: str | None


@dataclass(frozen=True)
class PromiseReading:
    """
    In which state a promise is.

    Attributes:
        status: One word, the same for every reader of the same statements.
        holds: Who answers for it; more than one where that is in conflict.
        due: When it is due; more than one where that is in conflict.
        broken: Who, other than the owner, saw it broken.
    """

    status: str
    holds: frozenset[Hold]
    due: frozenset[int | None]
    broken: frozenset[str]


def read_promise(
    creator: str,
    statements: Collection[PromiseStatement],
    *,
    descends: Descent,
    rules: Rules,
    now: int,
) -> PromiseReading | None:
    """
    Return the promise that *creator* made; None if it did not, or not any more.

    "Promises are named by creating department and random id. A promise in
    another's name is proposed until that owner accepts it; only the owner keeps,
    misses, moves or releases; concurrent different updates are a conflict;
    others may only observe it broken."

    Until the one in whose name it was made accepts, whoever made it answers for
    it; so with one that its owner hands over.
    """
    steps = {
        s.name: s
        for s in statements
        if s.says is not None
        and s.unread is None
        and s.department is not None
        and rules.may_write(s.department)
        and now < s.expires
    }
    made = [s for s in steps.values() if s.says and s.says.action == MAKE]
    made = [s for s in made if s.department == creator and s.says and s.says.to]
    if not made:
        return None
    (first,) = made  # a name is random, so its creator makes it once
    counted = {first.name: first}
    while True:
        further = {
            name: step
            for name, step in steps.items()
            if step.says
            and step.says.action not in (MAKE, OBSERVE)
            and after(step, counted, descends)
        }
        if further.keys() | {first.name} == counted.keys():
            break
        counted = {first.name: first, **further}
    holds = held(counted, descends)
    became = latest(counted, descends, _BECAME)
    differ = any(
        len({(s.says, s.department if s.says == Step(ACCEPT) else "") for s in last})
        > 1
        for last in (
            latest(counted, descends),
            became,
            latest(counted, descends, _WHOSE),
        )
    )
    proposed = (
        first.says is not None
        and first.says.to != creator
        and all(hold.owner == creator and hold.asked for hold in holds)
    )
    action = next(iter(became)).says
    ended = action is not None and action.action in (KEEP, MISS, RELEASE)
    if differ:
        status = "conflict"
    elif action is not None and (ended or (action.action == MOVE and not proposed)):
        status = _ENDED[action.action]
    else:
        status = "proposed" if proposed else "open"
    return PromiseReading(
        status=status,
        holds=holds,
        due=frozenset(
            s.says.due for s in latest(counted, descends, (MAKE, MOVE)) if s.says
        ),
        broken=frozenset(
            s.department
            for s in steps.values()
            if s.department is not None
            and s.says == Step(OBSERVE)
            and any((s.name, other) in descends for other in counted)
            and s.department
            not in {hold.owner for hold in held(before(s, counted, descends), descends)}
        ),
    )


def before(
    step: PromiseStatement, counted: Mapping[str, PromiseStatement], descends: Descent
) -> dict[str, PromiseStatement]:
    """
    Return the steps that count and that *step* had seen.
    """
    return {n: s for n, s in counted.items() if (step.name, n) in descends}


def latest(
    counted: Mapping[str, PromiseStatement],
    descends: Descent,
    actions: Collection[str] = (),
) -> frozenset[PromiseStatement]:
    """
    Return the steps of some *actions*, or of any, that no other descends from.
    """
    chosen = {
        name: step
        for name, step in counted.items()
        if step.says and (not actions or step.says.action in actions)
    }
    return frozenset(
        step
        for name, step in chosen.items()
        if not any((other, name) in descends for other in chosen)
    )


def held(counted: Mapping[str, PromiseStatement], descends: Descent) -> frozenset[Hold]:
    """
    Return who may answer for it after these steps: what the last of them left.
    """
    holds: set[Hold] = set()
    for step in latest(counted, descends, _WHOSE):
        says = step.says
        if says is None or step.department is None:
            continue
        if says.action == ACCEPT:
            holds.add(Hold(step.department, None))
        else:
            # Made or handed over by whoever answers for it till then.
            asked = None if says.to == step.department else says.to
            holds.add(Hold(step.department, asked))
    return frozenset(holds)


def after(
    step: PromiseStatement, counted: Mapping[str, PromiseStatement], descends: Descent
) -> bool:
    """
    Whether its author was, from what it had seen, the one to take *step*.
    """
    holds = held(before(step, counted, descends), descends)
    if step.says is not None and step.says.action == ACCEPT:
        return any(hold.asked == step.department for hold in holds)
    return any(hold.owner == step.department for hold in holds)
