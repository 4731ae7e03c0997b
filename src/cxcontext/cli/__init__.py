"""
The command line: ``cxcontext keys | vocabulary | inspect | explain | verify | demo``.

One file per group of commands. It imports ``rich`` and the demo only where they
are used, and shows no customer's value anywhere.
"""

from cxcontext.cli.command_line import main

__all__ = ["main"]
