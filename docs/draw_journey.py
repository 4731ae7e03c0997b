"""
Draws `_static/journey.svg`: one customer's journey without cxcontext, and with it.

``python docs/draw_journey.py`` writes it anew; a test compares.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

PICTURE: Final = Path(__file__).parent / "_static" / "journey.svg"
WIDTH: Final = 880
ROW_HEIGHT: Final = 190
BOX: Final = (168, 96)
GAP: Final = 36
INK, PALE, WARN, GOOD = "#1f2933", "#f5f7fa", "#b3261e", "#1b7f4d"


class Stop(NamedTuple):
    """
    One department, and what it says to the customer.
    """

    name: str
    says: str
    asks: bool


WITHOUT: Final = (
    Stop("chatbot", "Your order number?", asks=True),
    Stop("support", "Your order number?", asks=True),
    Stop("billing", "Your order number?", asks=True),
    Stop("phone, next day", "Your order number?", asks=True),
)
WITH: Final = (
    Stop("chatbot", "Your order number?", asks=True),
    Stop("support", "About A-118 …", asks=False),
    Stop("billing", "Invoice for A-118 …", asks=False),
    Stop("phone, next day", "Hello again. A-118?", asks=False),
)


def text(x: float, y: float, said: str, *, size: int = 15, **style: str) -> str:
    """
    Return a line of text whose middle is at *x*.
    """
    attributes = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in style.items())
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size}" text-anchor="middle"'
        f"{attributes}>{escape(said)}</text>"
    )


def row(
    title: str, stops: tuple[Stop, ...], *, top: int, carried: bool
) -> Iterator[str]:
    """
    Draw one journey through all departments.
    """
    yield (
        f'<text x="44" y="{top + 22}" font-size="17" font-weight="bold" '
        f'fill="{GOOD if carried else WARN}">{escape(title)}</text>'
    )
    width, height = BOX
    for number, stop in enumerate(stops):
        left, box_top = 44 + number * (width + GAP), top + 44
        colour = WARN if stop.asks else GOOD
        yield (
            f'<rect x="{left}" y="{box_top}" width="{width}" height="{height}" rx="10" '
            f'fill="{PALE}" stroke="{colour}" stroke-width="2"/>'
        )
        middle = left + width / 2
        yield text(middle, box_top + 32, stop.name, font_weight="bold", fill=INK)
        yield text(middle, box_top + 66, stop.says, size=14, fill=colour)
        if number:
            yield from hop(left - GAP, box_top + height // 2, carried=carried)


def hop(x: int, y: int, *, carried: bool) -> Iterator[str]:
    """
    Draw what goes from one department to the next: an envelope, or nothing.
    """
    dashes = "" if carried else ' stroke-dasharray="4 4"'
    yield (
        f'<path d="M{x + 3} {y} h{GAP - 8}" stroke="{GOOD if carried else WARN}" '
        f'stroke-width="2"{dashes} marker-end="url(#to)"/>'
    )
    if carried:
        yield (
            f'<path d="M{x + 6} {y - 26} h24 v16 h-24 z m0 0 l12 9 l12 -9" '
            f'fill="white" stroke="{GOOD}" stroke-width="1.5"/>'
        )


def draw() -> str:
    """
    Return the picture.
    """
    width, height = WIDTH, 2 * ROW_HEIGHT
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} '
        f'{height}" width="{width}" font-family="sans-serif" role="img">'
    )
    arrow = (
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" '
        f'fill="{INK}"/></marker></defs>'
    )
    parts = [
        opening,
        "<title>One customer's journey without cxcontext, and with it</title>",
        arrow,
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *row("Without: asked four times", WITHOUT, top=8, carried=False),
        *row("With cxcontext: asked once", WITH, top=8 + ROW_HEIGHT - 8, carried=True),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(draw(), "utf-8")
