"""
From arguments to an exit status: the one place where errors become lines.

0 is success. 1 is that something was refused, or that findings were found. 2 is
that the command was not used as it must be, or that a file could not be read.
An interrupt is 130 and a reader that went away 141, both without a word, as
for a program that the signal ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from cxcontext.cli import demo, explain, inspect, keys, verify, vocabulary, who_has
from cxcontext.cli.arguments import CommandError, Parser
from cxcontext.cli.output import printable
from cxcontext.errors import CXContextError, KeySetError, VerificationError

REFUSED = 1
USAGE = 2
INTERRUPTED = 130
BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """
    Run the command that *argv* names and return its exit status.

    Args:
        argv: The arguments; those of the process, unless given.

    .. versionadded:: 0.1.0
    """
    try:
        status = _run(argv)
        # Here rather than at the interpreter's end, which would print a traceback.
        print(end="", flush=True)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        _abandon_output()
        return BROKEN_PIPE
    except OSError as error:
        _abandon_output()
        return _fail(f"cannot write the output: {error.strerror or error}")
    return status


def _run(argv: Sequence[str] | None) -> int:
    try:
        arguments = make_parser().parse_args(argv)
        run = arguments.run
        status: int = run(arguments)
    except SystemExit as exit_:  # argparse, after --help or --version
        return int(exit_.code or 0)
    except KeySetError as error:  # of a file or a name that was given, no peer's
        return _fail(str(error))
    except VerificationError as error:
        return _fail(f"refused ({error.code}): {error}", status=REFUSED)
    except (CommandError, CXContextError) as error:
        return _fail(str(error))
    except OSError as error:
        if error.filename is None:  # not a file's: the output's
            raise
        return _fail(f"{error.filename}: {error.strerror}")
    return status


def make_parser() -> Parser:
    """
    Return the parser of the whole command line.
    """
    parser = Parser(
        prog="cxcontext",
        description="Keys, vocabularies and envelopes of a cxcontext trust domain.",
        epilog="Exit status: 0 success, 1 refused or findings, 2 usage.",
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for group in (keys, vocabulary, inspect, explain, verify, who_has, demo):
        group.add_to(commands)
    return parser


def _fail(message: str, *, status: int = USAGE) -> int:
    print(printable(f"cxcontext: {message}", sys.stderr), file=sys.stderr)
    return status


def _abandon_output() -> None:
    # Else the interpreter tries once more at its end, and prints what happens.
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # nothing of the process's own
        return
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, descriptor)
    os.close(devnull)
