"""
``cxcontext demo``: one customer's journey through a shop of real processes.
"""

from __future__ import annotations

from argparse import Namespace

from cxcontext.cli.arguments import CommandError, Commands, add_json_argument


def add_to(commands: Commands) -> None:
    """
    Add the command to the command line.
    """
    parser = commands.add_parser(
        "demo", help="play one customer's journey through four departments"
    )
    add_json_argument(parser)
    parser.set_defaults(run=_demo)


def _demo(arguments: Namespace) -> int:
    try:
        # Only now, for it may need what is not installed.
        from cxcontext.demo import run  # noqa: PLC0415

        return run(json=arguments.json)
    except ImportError as error:
        # It names what is missing, and how to get it.
        raise CommandError(f"the demo cannot run: {error}") from None
