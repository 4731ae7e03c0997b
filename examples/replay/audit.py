"""
Whether anybody can read what is not theirs: by trying.

Every section of every envelope is opened with every scope key that any department
holds, as somebody would who got hold of the bytes and of one department's keys.
Departments that hold the same key are tried together, and a section that travels on
unchanged is tried once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import attrs
from cryptography.exceptions import InvalidTag
from plan import DOMAIN, Plan
from play import Arrival, Played

from cxcontext.core.envelope import decode_envelope
from cxcontext.core.gaps import Reason
from cxcontext.core.private_keys import PrivateKeys
from cxcontext.core.sealing import OpeningKey
from cxcontext.core.section import decode_section
from cxcontext.core.statement import Statement, parse_section, section_info


@attrs.define
class Findings:
    """
    What was found in the envelopes of one dialogue.

    Attributes:
        sections: How many different sections there were.
        attempts: How many times one was tried with a key.
        opened: How many attempts succeeded, with the key of a reader.
        leaks: By department, how many sections it could open and may not, how many
            facts it was shown and should not, and facts that need no key at all.
        withheld: By department, how many facts came to it that it may not read.
    """

    sections: int = 0
    attempts: int = 0
    opened: int = 0
    leaks: Counter[str] = attrs.field(factory=Counter)
    withheld: Counter[str] = attrs.field(factory=Counter)


class Auditor:
    """
    Somebody with everybody's keys.
    """

    def __init__(self, plan: Plan, private: Mapping[str, PrivateKeys]) -> None:
        self._scopes = plan.vocabulary.scopes_by_number
        self._keys: dict[bytes, tuple[OpeningKey, set[str]]] = {}
        for department, keys in private.items():
            for key in keys.opening_keys:
                same = self._keys.setdefault(key.public_bytes, (key, set()))
                same[1].add(department)

    def look_at(self, played: Played) -> Findings:
        """
        Try everything on what one dialogue has left behind.
        """
        findings = Findings()
        tried: set[bytes] = set()
        for raw in played.envelopes:
            for statement in decode_envelope(raw).statements:
                if statement.id not in tried:
                    tried.add(statement.id)
                    # What stands in the clear needs no key.
                    findings.leaks["everybody"] += len(statement.clear)
                    for scope, section in statement.sections.items():
                        self._try_all(statement, scope, section, findings)
        shown: set[tuple[str, int, str]] = set()
        for arrival in played.arrivals:
            self._compare(arrival, shown, findings)
        findings.leaks = +findings.leaks
        return findings

    def _try_all(
        self, statement: Statement, scope: int, section: bytes, findings: Findings
    ) -> None:
        """
        Try every key on one section.
        """
        findings.sections += 1
        readers: Collection[str] = ()
        if scope in self._scopes:
            readers = self._scopes[scope].readers
        generation, sealed = parse_section(section)
        info = section_info(
            domain=DOMAIN,
            protected=statement.protected,
            scope=scope,
            generation=generation,
        )
        for key, holders in self._keys.values():
            findings.attempts += 1
            try:
                plain = key.open(sealed, info=info)
            except InvalidTag:
                continue
            findings.opened += 1
            decode_section(plain, scope=scope)  # it is what it should be
            for department in holders.difference(readers):
                findings.leaks[department] += 1

    def _compare(
        self, arrival: Arrival, shown: set[tuple[str, int, str]], findings: Findings
    ) -> None:
        """
        Ask a department for every fact in its hands that it may not read.
        """
        for (key, qualifier), author in arrival.facts.items():
            place = arrival.department, key.number, qualifier
            # What it said itself it knows, whoever may read it now.
            if arrival.department in {*key.scope.readers, author} or place in shown:
                continue
            shown.add(place)
            gap = arrival.journey.gap(key, qualifier=qualifier)
            if gap is not None and gap.reason is Reason.NOT_YOURS:
                findings.withheld[arrival.department] += 1
            else:
                findings.leaks[arrival.department] += 1
