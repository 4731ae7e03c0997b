"""
The comparison: the library's own row above those of the peers that are installed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from bench.envelope import COLD, FROM_VALUES, Bench
from bench.payload import PLAIN, SCOPED
from bench.peer_cwt import make_cwt
from bench.peers import DUMPS, MAKERS, AbsentError, Keys, Peer, check_peer
from bench.table import Table, number
from bench.timing import Case

OURS: Final = "cxcontext"


@attrs.frozen(kw_only=True)
class Timed:
    """
    A peer and its cases.
    """

    peer: Peer
    seal: Case
    open: Case
    present: Case | None
    text_bytes: int

    @property
    def cases(self) -> list[Case]:
        """
        What takes its turn in the rounds.
        """
        return [c for c in (self.seal, self.open, self.present) if c is not None]


def find_peers(
    cwt_directory: Path | None, *, only: Sequence[str] | None = None
) -> tuple[list[Peer], dict[str, str]]:
    """
    Return the peers that are installed and work, and why the others are absent.

    Args:
        cwt_directory: Where cwt is installed with the older cbor2 that it needs.
        only: Which are looked for; all, if None.
    """
    makers: dict[str, Callable[[Keys], Peer]] = {
        **MAKERS,
        "cwt": lambda keys: make_cwt(keys, cwt_directory),
    }
    keys = Keys()
    peers: list[Peer] = []
    absent: dict[str, str] = {}
    for name in makers if only is None else only:
        try:
            peer = makers[name](keys)
        except ImportError:
            absent[name] = "not installed"
        except AbsentError as problem:
            absent[name] = str(problem)
        else:
            check_peer(peer)
            peers.append(peer)
    return peers, absent


def timed(peer: Peer) -> Timed:
    """
    Return the cases of *peer*.
    """
    issued = peer.seal()
    shown = issued if peer.present is None else peer.present(issued)

    def seal(_: Any) -> object:
        return peer.seal()

    def open_shown(_: Any) -> object:
        return peer.open(shown)

    present: Case | None = None
    if peer.present is not None:
        step = peer.present
        present = Case(f"{peer.name}: present", lambda _: step(issued))
    return Timed(
        peer=peer,
        seal=Case(f"{peer.name}: seal", seal),
        open=Case(f"{peer.name}: open", open_shown),
        present=present,
        text_bytes=len(shown),
    )


def peer_table(
    bench: Bench, measured: Sequence[Timed], absent: dict[str, str]
) -> Table:
    """
    Return the table of the peers, once their cases are measured.
    """
    by_name = {row.case.name: row.case.median_us for row in bench.rows}
    seal_us, open_us = by_name[FROM_VALUES], by_name[COLD]
    size = bench.text_bytes
    rows = [[OURS, number(seal_us), "1.00", number(open_us), "1.00", f"{size:,}"]]
    remarks: list[str] = []
    for entry in measured:
        peer = entry.peer
        sealed, opened = entry.seal.median_us, entry.open.median_us
        rows.append(
            [
                f"{peer.name} {peer.version}",
                number(sealed),
                f"{sealed / seal_us:.2f}",
                number(opened),
                f"{opened / open_us:.2f}",
                f"{entry.text_bytes:,}",
            ]
        )
        shown = (
            f" To present takes {number(entry.present.median_us)} us more."
            if entry.present
            else ""
        )
        remarks.append(
            f"{peer.name} does: {peer.does}. It lacks: {peer.lacks}. It offers what "
            f"{OURS} does not: {peer.offers}.{shown}"
        )
    remarks += [f"absent: {name} ({why})" for name, why in absent.items()]
    remarks.append(
        f"the same payload as bare JSON is {len(DUMPS(PLAIN)):,} bytes, "
        f"its {len(SCOPED)} scopes unprotected"
    )
    return Table(
        "Peers: from values to text, and from text to the facts of 2 scopes",
        ("library", "seal us", "to ours", "open us", "to ours", "text bytes"),
        rows,
        remarks,
    )
