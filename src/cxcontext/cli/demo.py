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
    # Only now, for it may need what is not installed.
    from cxcontext.demo import run  # noqa: PLC0415

    try:
        return run(json=arguments.json)
    except ImportError as error:
        if error.name not in ("httpx", "uvicorn"):
            raise
        msg = f"the demo needs {error.name}; run `pip install 'cxcontext[demo]'`"
        raise CommandError(msg) from None
