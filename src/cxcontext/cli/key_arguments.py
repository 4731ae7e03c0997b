"""
What the commands of ``cxcontext keys`` take alike.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from cxcontext.cli.arguments import Parser, days
from cxcontext.core.keygen import PUBLISH_AHEAD, SEAL_FOR, SIGN_FOR
from cxcontext.core.sealing import MLKEM768_X25519, X25519
from cxcontext.core.signing import ED25519, ESP256

ALGORITHMS: Final = {"Ed25519": ED25519, "ESP256": ESP256}
SUITES: Final = (X25519, MLKEM768_X25519)


def add_directory_argument(parser: Parser) -> None:
    """
    Let the command name the key files.
    """
    parser.add_argument("directory", metavar="DIR", help="where the key files are")


def add_making_arguments(parser: Parser) -> None:
    """
    Let the command say what new keys are, and for how long they count.
    """
    parser.add_argument(
        "--algorithm",
        choices=[*ALGORITHMS],
        default="Ed25519",
        help="of new signing keys",
    )
    parser.add_argument(
        "--suite",
        choices=SUITES,
        help="of new scope keys; as before, or X25519 at first",
    )
    parser.add_argument(
        "--sign-for", type=days, default=SIGN_FOR, metavar="DAYS", help="90 by default"
    )
    parser.add_argument(
        "--seal-for", type=days, default=SEAL_FOR, metavar="DAYS", help="30 by default"
    )


def add_publishing_argument(parser: Parser) -> None:
    """
    Let the command say when new signing keys begin to sign.
    """
    parser.add_argument(
        "--at-once",
        dest="publish_ahead",
        action="store_const",
        const=timedelta(0),
        default=PUBLISH_AHEAD,
        help="let new signing keys sign now, and not only in an hour: whoever has an "
        "older key set refuses what they sign",
    )


def add_signing_argument(parser: Parser, more: str = "") -> None:
    """
    Let the command sign the public key set.
    """
    parser.add_argument(
        "--sign-with",
        metavar="FILE",
        help=f"the domain key that signs the public key set{more and f'; {more}'}",
    )
