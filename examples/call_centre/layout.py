"""
What `run.py` prints: who says and does what, agents' screens, the account at the end.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

DEPARTMENTS = ("sales", "ivr", "support", "billing")


def heading(text: str) -> None:
    """
    Print what comes now.
    """
    print(f"\n== {text}")


def line(who: str, text: str) -> None:
    """
    Print what somebody says or does.
    """
    print(f"{who:>9}: {text}", flush=True)


def report(told: dict[str, Any]) -> None:
    """
    Print what a party tells.
    """
    if told["is"] == "screen":
        screen(told)
    else:
        line(told["who"], told["text"])


def screen(shown: dict[str, Any]) -> None:
    """
    Print an agent's screen.
    """
    print(f"    +-- {shown['who']}: {shown['title']}; arrived as {shown['arrival']}")
    for name, value, why in shown["lines"]:
        print(f"    | {name:<13} {value or '--':<32} {why}")
    for promise in shown["promises"]:
        print(f"    | promised      {promise}")
    if shown["identify"]:
        print("    +-- must check who is calling")
    else:
        print(f"    +-- must ask: {', '.join(shown['asks']) or 'nothing'}", flush=True)


def account(log: Path) -> int:
    """
    Print, by department, what was asked and what nobody had to ask; return the status.
    """
    events = [json.loads(row) for row in log.read_text("utf-8").splitlines()]

    def fields(kind: str, department: str) -> str:
        names = dict.fromkeys(
            event["field"].replace("_", " ")
            for event in events
            if (event["event"], event["department"]) == (kind, department)
        )
        return ", ".join(names)

    heading("What was asked, and what nobody had to ask")
    for name in DEPARTMENTS:
        asked, knew = fields("Asked", name), fields("Avoided", name)
        line(name, f"asked {asked or 'nothing'}")
        if knew:
            line(name, f"did not have to ask {knew}")
    repeated = [event for event in events if event["event"] == "Repeated"]
    print(f"\nasked twice: {len(repeated) or 'nobody, nothing'}")
    return 1 if repeated else 0
