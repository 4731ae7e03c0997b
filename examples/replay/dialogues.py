"""
Dialogues and schemas in the Schema-Guided Dialogue format, as they are published.

Of a dialogue only what this replay needs is kept: which service a frame is of, what
the system's actions said of which slot, and the user state. Whatever else a file has
(utterances, spans, service calls and results) is passed over, and a frame without
actions or without a state is one that says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

Values = tuple[str, ...]


class FormatError(Exception):
    """
    A file is not in the format; the message says which, and where.
    """


@attrs.frozen
class Slot:
    """
    One slot of a service, as its schema declares it.

    Attributes:
        possible_values: All of them, if the slot is categorical; none otherwise.
        is_input: Whether an intent of the service takes it, required or optional;
            what is no input is only ever a result.
    """

    service: str
    name: str
    description: str = ""
    possible_values: Values = ()
    is_input: bool = True


@attrs.frozen
class Frame:
    """
    What one turn says in one service.

    Attributes:
        said: What the system said of a slot, action by action.
        state: The values of each slot in the user state; None in a system's turn.
    """

    service: str
    said: tuple[tuple[str, Values], ...] = ()
    state: Mapping[str, Values] | None = None

    def mentioned(self) -> Iterator[tuple[str, str]]:
        """
        Return each slot with each value that this frame says of it.
        """
        for slot, values in (*self.said, *(self.state or {}).items()):
            for value in values:
                yield slot, value


Turn = tuple[Frame, ...]


@attrs.frozen
class Dialogue:
    """
    One dialogue: its frames, turn by turn.
    """

    id: str
    turns: tuple[Turn, ...]


def read_schema(path: Path) -> tuple[Slot, ...]:
    """
    Return the slots of all services of a schema.

    Raises:
        FormatError: When the file is no schema.
    """
    slots = []
    for service in _entries(path):
        with _Place(path, "service"):
            inputs = _inputs(service)
            for slot in service["slots"]:
                closed = bool(slot.get("is_categorical"))
                values = _texts(slot.get("possible_values") or ()) if closed else ()
                slots.append(
                    Slot(
                        service=str(service["service_name"]),
                        name=str(slot["name"]),
                        description=str(slot.get("description") or ""),
                        possible_values=values,
                        is_input=inputs is None or slot["name"] in inputs,
                    )
                )
    return tuple(slots)


def dialogue_files(path: Path) -> tuple[Path, ...]:
    """
    Return the files of a directory such as the data set has, or the one file.

    Raises:
        FormatError: When there is none.
    """
    if not path.is_dir():
        return (path,)
    files = tuple(sorted(path.glob("dialogues*.json")))
    if not files:
        raise FormatError(f"{path} has no dialogues_*.json")
    return files


def count_dialogues(files: Sequence[Path], *, limit: int | None = None) -> int:
    """
    Return how many dialogues the files have together, or the limit if they have more.
    """
    count = 0
    for file in files:
        count += len(_entries(file))
        if limit is not None and count >= limit:
            return limit
    return count


def read_dialogues(files: Sequence[Path]) -> Iterator[Dialogue]:
    """
    Return the dialogues, with one file in memory at a time.

    Raises:
        FormatError: When a file has something else.
    """
    for file in files:
        for entry in _entries(file):
            with _Place(file, "dialogue"):
                turns = tuple(_turn(turn) for turn in entry["turns"])
                dialogue = Dialogue(id=str(entry["dialogue_id"]), turns=turns)
            yield dialogue


def _inputs(service: Mapping[str, Any]) -> set[str] | None:
    """
    Return what the intents take; None for a service that declares none.
    """
    intents = service.get("intents") or ()
    if not intents:
        return None
    return {
        slot
        for intent in intents
        for kind in ("required_slots", "optional_slots")
        for slot in intent.get(kind) or ()
    }


def _turn(turn: Mapping[str, Any]) -> Turn:
    system = turn["speaker"] == "SYSTEM"
    return tuple(_frame(frame, system=system) for frame in turn["frames"])


def _frame(frame: Mapping[str, Any], *, system: bool) -> Frame:
    actions = (frame.get("actions") or ()) if system else ()
    said = tuple(
        (str(action["slot"]), _texts(action["values"]))
        for action in actions
        if action.get("slot") and action.get("values")
    )
    state = frame.get("state")
    slots = None
    if state is not None:
        items = state["slot_values"].items()
        slots = {str(slot): _texts(values) for slot, values in items}
    return Frame(service=str(frame["service"]), said=said, state=slots)


def _texts(values: Any) -> Values:
    if isinstance(values, str):
        raise TypeError("a text in place of a list of texts")
    return tuple(str(value) for value in values)


def _entries(path: Path) -> list[Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise FormatError(f"{path}: {problem}") from None
    if not isinstance(found, list):
        raise FormatError(f"{path} is not a list")
    return found


@attrs.frozen
class _Place:
    """
    Say of what goes wrong inside in which file it did.
    """

    path: Path
    what: str

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, problem: object, trace: object) -> None:
        if isinstance(problem, (KeyError, TypeError, AttributeError)):
            detail = f"{type(problem).__name__}: {problem}"
            raise FormatError(f"{self.path}: not a {self.what} ({detail})") from None
