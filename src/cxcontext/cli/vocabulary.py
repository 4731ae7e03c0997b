"""
``cxcontext vocabulary``: write a vocabulary's file, and compare two.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from typing import Final

import attrs

from cxcontext.cli.arguments import Commands, add_json_argument
from cxcontext.cli.output import say, say_json
from cxcontext.cli.reading import read_vocabulary
from cxcontext.core.compatibility import Level, compare
from cxcontext.core.vocabulary_file import vocabulary_to_json

# By --fail-on.
_FAILING: Final = {
    "warning": (Level.BREAKING, Level.WARNING),
    "breaking": (Level.BREAKING,),
}


def add_to(commands: Commands) -> None:
    """
    Add the group to the command line.
    """
    group = commands.add_parser(
        "vocabulary", help="write a vocabulary's file, compare two"
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    export = actions.add_parser(
        "export", help="print the file that repositories and languages share"
    )
    export.add_argument("vocabulary", metavar="MODULE:CLASS|FILE")
    export.set_defaults(run=_export)
    check = actions.add_parser(
        "check",
        help="say what a change means: a line per finding, and status 1",
        description="A line per finding: breaking (what was said is lost or means "
        "something else), warning (somebody must do something, or is behind until "
        "updated), note. The status is 1 if there is a breaking one or a warning; "
        "notes do not count.",
    )
    check.add_argument("old", metavar="OLD", help="a file or MODULE:CLASS")
    check.add_argument("new", metavar="NEW", help="a file or MODULE:CLASS")
    check.add_argument(
        "--fail-on",
        choices=[*_FAILING],
        default="warning",
        help="the least level that makes the status 1; warning by default",
    )
    add_json_argument(check)
    check.set_defaults(run=_check)


def _export(arguments: Namespace) -> int:
    text = vocabulary_to_json(read_vocabulary(arguments.vocabulary))
    # A file is UTF-8 in every locale.
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()
    return 0


def _check(arguments: Namespace) -> int:
    old, new = read_vocabulary(arguments.old), read_vocabulary(arguments.new)
    findings = compare(old, new)
    if arguments.json:
        say_json(
            [attrs.asdict(f) | {"level": f.level.value} for f in findings],
        )
    else:
        for finding in findings:
            say(str(finding))
        if not findings:
            say("no findings")
    failing = _FAILING[arguments.fail_on]
    return int(any(finding.level in failing for finding in findings))
