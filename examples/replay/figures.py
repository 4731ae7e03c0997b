"""
What a replay has shown, added up, as a text for people and as JSON.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import attrs
from audit import Findings
from needs import Need
from play import Played

SHOWN = 10  # of what should not be there, the text shows the most frequent


@attrs.define
class Figures:
    """
    The sums over all dialogues.

    Attributes:
        journey_s: The wall-clock time that the journeys took, without the audit.
        journey_cpu_s: The processor time of the same.
        repeated_slots: Which slots were asked for again, and who had known.
    """

    dialogues: int = 0
    needs: int = 0
    repeatable: int = 0
    answered: int = 0
    asked: int = 0
    repeated: int = 0
    hand_overs: int = 0
    envelope_bytes: int = 0
    largest_envelope_bytes: int = 0
    sections: int = 0
    attempts: int = 0
    opened: int = 0
    leaked: int = 0
    withheld: int = 0
    journey_s: float = 0.0
    journey_cpu_s: float = 0.0
    left_out: Counter[str] = attrs.field(factory=Counter)
    leaked_to: Counter[str] = attrs.field(factory=Counter)
    withheld_from: Counter[str] = attrs.field(factory=Counter)
    repeated_slots: Counter[str] = attrs.field(factory=Counter)

    def add(
        self, played: Played, findings: Findings, *, wall_s: float, cpu_s: float
    ) -> None:
        """
        Add what came of one dialogue.
        """
        sizes = [len(raw) for raw in played.envelopes]
        self.dialogues += 1
        self.needs += len(played.needs)
        self.repeatable += sum(bool(need.repeatable) for need in played.needs)
        self.answered += played.answered
        self.asked += played.asked
        self.repeated += len(played.repeated)
        self.repeated_slots.update(_described(need) for need in played.repeated)
        self.hand_overs += len(sizes)
        self.envelope_bytes += sum(sizes)
        self.largest_envelope_bytes = max([self.largest_envelope_bytes, *sizes])
        self.left_out += played.left_out
        self.sections += findings.sections
        self.attempts += findings.attempts
        self.opened += findings.opened
        self.leaked += findings.leaks.total()
        self.leaked_to += findings.leaks
        self.withheld += findings.withheld.total()
        self.withheld_from += findings.withheld
        self.journey_s += wall_s
        self.journey_cpu_s += cpu_s

    @property
    def failed(self) -> bool:
        """
        Whether anybody was asked twice, or could read what is not theirs.
        """
        return bool(self.repeated or self.leaked)

    def to_json(self) -> dict[str, Any]:
        """
        Return the figures by name, with those that are made of them.
        """
        return attrs.asdict(self) | {
            "siloed_repeated": self.repeatable,
            "mean_envelope_bytes": _ratio(self.envelope_bytes, self.hand_overs),
            "journeys_per_second": _ratio(self.dialogues, self.journey_s),
            "cpu_ms_per_journey": _ratio(1000 * self.journey_cpu_s, self.dialogues),
            "failed": self.failed,
        }

    def to_text(self) -> str:
        """
        Return the report.
        """
        mean = _ratio(self.envelope_bytes, self.hand_overs)
        rate = _ratio(self.dialogues, self.journey_s)
        cpu = _ratio(1000 * self.journey_cpu_s, self.dialogues)
        rows = [
            ("dialogues, each one journey", self.dialogues, ""),
            ("needs", self.needs, "a service's first sight of a slot"),
            ("  answered by the journey", self.answered, "not asked"),
            ("  asked", self.asked, "the customer, after the journey"),
            ("repeated by a siloed system", self.repeatable, "repeatable needs"),
            ("repeated with cxcontext", self.repeated, "must be 0"),
            ("hand-overs", self.hand_overs, ""),
            (
                "bytes of envelopes",
                self.envelope_bytes,
                f"{mean:,.0f} each, {self.largest_envelope_bytes:,} the largest",
            ),
            (
                "sealed sections",
                self.sections,
                f"{self.attempts:,} attempts with every department's keys",
            ),
            ("  opened", self.opened, "attempts that succeeded, with a reader's key"),
            ("leaked", self.leaked, "must be 0"),
            ("withheld on purpose", self.withheld, "facts x departments they passed"),
            ("values left out", self.left_out.total(), ""),
            (
                "journeys per second",
                round(rate),
                f"in one process; {cpu:.1f} ms of processor time each",
            ),
        ]
        width = max(len(name) for name, _, _ in rows)
        lines = [
            f"{name:<{width}}  {number:>9,}  {note}".rstrip()
            for name, number, note in rows
        ]
        lines += _listed("Asked again", self.repeated_slots)
        lines += _listed("Leaked to", self.leaked_to)
        lines += _listed("Withheld from", self.withheld_from)
        lines += _listed("Left out", self.left_out)
        return "\n".join(lines)


def _described(need: Need) -> str:
    known = ", ".join(sorted(f"{service}/{slot}" for service, slot in need.known_from))
    return f"{need.service}/{need.slot}, said for {known}"


def _listed(title: str, counted: Counter[str]) -> list[str]:
    if not counted:
        return []
    lines = ["", f"{title}:"]
    # The same order every time, also among those of one frequency.
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    lines += [f"{number:>7,}  {name}" for name, number in ranked[:SHOWN]]
    if rest := ranked[SHOWN:]:
        others = sum(number for _, number in rest)
        lines.append(f"{others:>7,}  {len(rest)} others")
    return lines


def _ratio(number: float, of: float) -> float:
    return number / of if of else 0.0
