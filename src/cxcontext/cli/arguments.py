"""
Parsing arguments: one-line errors, instants, and what several commands take.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NoReturn, Protocol

_ENVELOPE: Final = re.compile(r"cx1\.[\w-]+")


class CommandError(Exception):
    """
    The command cannot be done as it was given; the message says what to do.
    """


class Commands(Protocol):
    """
    What ``add_subparsers()`` returns, for which argparse has no public name.
    """

    @property
    def add_parser(self) -> Callable[..., Parser]:
        """
        Add a command, and return its parser.
        """
        ...


class Parser(argparse.ArgumentParser):
    """
    An argument parser whose errors are one line, and never quote an envelope.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        """
        Raise what becomes the one line.
        """
        message = _ENVELOPE.sub("(an envelope)", " ".join(message.split()))
        raise CommandError(f"{message}; see `{self.prog} --help`")


def now() -> datetime:
    """
    Return the present instant.
    """
    return datetime.now(UTC)


def instant(text: str) -> datetime:
    """
    Return the aware instant that *text* is, in ISO 8601.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = datetime.min  # noqa: DTZ901 - refused below, for it is naive
    if found.tzinfo is None:
        msg = "not an instant with its zone, such as 2026-01-31T12:00:00Z"
        raise argparse.ArgumentTypeError(msg)
    return found.astimezone(UTC)


def days(text: str) -> timedelta:
    """
    Return that many days.
    """
    return _span(text, timedelta(days=1), most=36500)


def seconds(text: str) -> timedelta:
    """
    Return that many seconds.
    """
    return _span(text, timedelta(seconds=1), most=2**31)


def _span(text: str, unit: timedelta, *, most: int) -> timedelta:
    if not re.fullmatch(r"[0-9]{1,10}", text) or not 1 <= int(text) <= most:
        msg = f"not a whole number of 1 to {most}"
        raise argparse.ArgumentTypeError(msg)
    return int(text) * unit


def hex_bytes(text: str) -> bytes:
    """
    Return the bytes that *text* has in hex.
    """
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise argparse.ArgumentTypeError("not hex") from None


def add_json_argument(parser: Parser) -> None:
    """
    Let the command print JSON for machines.
    """
    parser.add_argument(
        "--json", action="store_true", help="print JSON for machines instead of tables"
    )


def add_envelope_arguments(parser: Parser) -> None:
    """
    Let the command read an envelope. See `reading.read_envelope`.
    """
    parser.add_argument(
        "envelope",
        nargs="?",
        metavar="ENVELOPE",
        help="its text, @FILE, or - for standard input, which is read unless given; "
        "what stands on a command line is seen by others on this machine",
    )
    parser.add_argument("--file", metavar="FILE", help="read it from this file")


def add_opening_arguments(parser: Parser) -> None:
    """
    Let the command verify an envelope as a receiver does.
    """
    parser.add_argument(
        "--key-set", required=True, metavar="FILE", help="the domain's public key set"
    )
    parser.add_argument(
        "--pin", metavar="PIN", help="the domain's pin, where its key set is signed"
    )
    parser.add_argument(
        "--at",
        type=instant,
        metavar="INSTANT",
        help="judge keys and deliveries as of then, such as 2026-01-31T12:00:00Z",
    )
    parser.add_argument(
        "--binding",
        metavar="TEXT",
        help="what the receiver knows of the message: a call id, a request target",
    )
    parser.add_argument(
        "--reply-to",
        type=hex_bytes,
        metavar="HEX",
        help="in a response, the id of the request's delivery",
    )
    parser.add_argument(
        "--max-lifetime",
        type=seconds,
        metavar="SECONDS",
        help="the longest delivery to accept, where a queue allows more than 300 s",
    )
