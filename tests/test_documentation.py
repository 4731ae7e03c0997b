"""
The documentation's own programs: pictures are what their scripts draw.
"""

import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"


def test_the_picture_is_what_its_script_draws():
    """
    Whoever changes the script draws the picture anew.
    """
    drawn = subprocess.run(
        [
            sys.executable,
            "-c",
            "import draw_journey; print(draw_journey.draw(), end='')",
        ],
        cwd=DOCS,
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout

    assert (DOCS / "_static" / "journey.svg").read_text("utf-8") == drawn


def test_every_code_block_of_the_french_tutorial_is_the_english_one():
    """
    Both tutorials have as many blocks, of the same languages and files.
    """
    shapes = []
    for name in ("tutorial.md", "fr/tutoriel.md"):
        lines = (DOCS / name).read_text("utf-8").splitlines()
        shapes.append([x for x in lines if x.startswith(("```", "<!-- file"))])

    english, french = shapes
    assert english == french
