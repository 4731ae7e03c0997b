"""
The page of docs/howto/links.md: loading it sends nothing, a click does.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cxcontext.homes import web_link

DOCUMENT = Path(__file__).parents[2] / "docs" / "howto" / "links.md"
REFERENCE = b"\x15\xc0" + bytes(range(28))
LINK = web_link("https://example.com/continue?from=chat", reference=REFERENCE)
TOKEN = LINK.partition("#cx=")[2]
SECONDS = 60

# What a browser has, and what becomes of it: before the click and after it.
BROWSER = """
const seen = { fetched: [], address: null, replaced: null };
const url = new URL(process.argv[2]);
globalThis.location = {
  hash: url.hash, pathname: url.pathname, search: url.search,
  replace: (to) => { seen.replaced = to; },
};
globalThis.history = { replaceState: (_, __, to) => { seen.address = to; } };
const elements = { go: { disabled: true }, told: { textContent: "" } };
let click = null;
elements.go.addEventListener = (_, does) => { click = does; };
globalThis.document = { getElementById: (id) => elements[id] };
globalThis.fetch = async (...asked) => {
  seen.fetched.push(asked);
  return { ok: process.argv[3] === "ok" };
};
const state = () => JSON.parse(JSON.stringify(
  { ...seen, disabled: elements.go.disabled, told: elements.told.textContent }));
require("vm").runInThisContext(
  require("fs").readFileSync(process.argv[1 + 3], "utf8"));
const loaded = state();
const clicked = elements.go.disabled ? Promise.resolve() : click();
clicked.then(() => console.log(JSON.stringify([loaded, state()])));
"""


def file_of(name):
    """
    Return the file that the document shows under this name.
    """
    found = re.search(
        rf"<!-- file: {re.escape(name)} -->\n```\w+\n(.*?)^```",
        DOCUMENT.read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    return found[1]


@pytest.fixture
def visit(tmp_path):
    """
    Return what lets a browser load the page at a link, and a person click.
    """
    node = shutil.which("node")
    if node is None:
        pytest.skip("node cannot be found: install Node.js")
    script = tmp_path / "continue.js"
    script.write_text(file_of("continue.js"), "utf-8")
    browser = tmp_path / "browser.cjs"
    browser.write_text(BROWSER, "utf-8")

    def visit(link, *, answer="ok"):
        done = subprocess.run(
            [node, browser, link, answer, script],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=True,
        )
        return json.loads(done.stdout)

    return visit


class TestPage:
    """
    The HTML.
    """

    def test_it_loads_its_own_script_and_nothing_else(self):
        """
        One source, of the same site; no style, image, frame or inline script.
        """
        loaded = []

        class Page(HTMLParser):
            def handle_starttag(self, tag, attrs):
                for name, value in attrs:
                    if name in {"src", "href", "action", "style"} or name[:2] == "on":
                        loaded.append((tag, name, value))

        Page().feed(file_of("continue.html"))

        assert [("script", "src", "/continue.js")] == loaded


class TestScript:
    """
    The script, in a browser made of a few objects.
    """

    def test_loading_sends_nothing(self, visit):
        """
        A scanner that runs scripts finds a button, and an address without the rest.
        """
        loaded, _ = visit(LINK)

        assert ([], "/continue?from=chat", False) == (
            loaded["fetched"],
            loaded["address"],
            loaded["disabled"],
        )

    def test_a_click_posts_it(self, visit):
        """
        Once, in the body, to the same site.
        """
        _, clicked = visit(LINK)
        ((url, options),) = clicked["fetched"]

        assert ("/continue", "POST", {"reference": TOKEN}, "/chat", True) == (
            url,
            options["method"],
            json.loads(options["body"]),
            clicked["replaced"],
            clicked["disabled"],
        )

    def test_what_was_refused_is_told(self, visit):
        """
        Without saying why.
        """
        _, clicked = visit(LINK, answer="refused")

        assert (None, "This link does not work any more.") == (
            clicked["replaced"],
            clicked["told"],
        )

    @pytest.mark.parametrize("fragment", ["", "#", "#cx=", "#cx=CX12", "#x=" + TOKEN])
    def test_without_a_reference_there_is_nothing_to_click(self, visit, fragment):
        """
        The button stays as it is.
        """
        loaded, clicked = visit("https://example.com/continue" + fragment)

        assert (True, []) == (loaded["disabled"], clicked["fetched"])
