"""
The documentation: MyST and the docstrings, by Sphinx. Warnings are errors.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from pygments.lexers.special import TextLexer

if TYPE_CHECKING:
    from sphinx.application import Sphinx

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from reference_pages import write_pages  # noqa: E402 - it lies beside this file

project = "cxcontext"
author = "The cxcontext maintainers"
copyright = author  # noqa: A001 - Sphinx asks for this name
version = release = "0.1.0"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "cxcontext"
html_static_path = ["_static"]
html_theme_options = {"source_edit_link": "", "navigation_with_keys": True}
pygments_style = "friendly"

myst_enable_extensions = ["colon_fence", "deflist", "attrs_inline"]
myst_heading_anchors = 3
# Comments before blocks are for the tests that run these.
myst_fence_as_directive: list[str] = []
copybutton_prompt_text = r"\$ |>>> "
copybutton_prompt_is_regexp = True

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autoclass_content = "class"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True
# `like this` in a docstring is a name of the library.
default_role = "code"


def setup(app: Sphinx) -> None:
    """
    Write the pages that are lists of what the code has, whenever Sphinx begins.
    """
    # Pygments does not know it.
    app.add_lexer("haproxy", TextLexer)
    app.connect("builder-inited", lambda _app: write_pages(HERE / "reference"))
