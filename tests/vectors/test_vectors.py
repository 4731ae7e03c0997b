"""
The library against every vector: what is read, and what is refused as what.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

from make import make
from making.reading import forms_of, readings_of, refusals_of
from vector_files import ROOT, VECTORS, load, paths_of

from cxcontext import errors
from cxcontext.core.envelope import decode_envelope, to_text
from cxcontext.errors import VerificationError

SPECIFICATION = (ROOT / "docs" / "specification.md").read_text(encoding="utf-8")
CODES = {
    kind.code
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, VerificationError) and kind is not VerificationError
}

PARTS = {
    "a delivery that expires before it is issued",
    "age",
    "arrival",
    "bytes in a protected header",
    "bytes in a section",
    "claims",
    "clear fact",
    "clear fact in an erasable journey",
    "clear facts",
    "delivery",
    "entries in a map",
    "envelope",
    "fact",
    "field number",
    "heads",
    "how known",
    "instant",
    "items",
    "levels of nesting",
    "parents",
    "protected header",
    "scope",
    "scopes",
    "section",
    "sections",
    "statement",
    "statements",
    "statements are not sorted by id, or repeated",
    "text",
}


def test_a_valid_vector_is_read_as_its_file_says(valid):
    """
    In either form, each valid vector is read in every respect as its file says.
    """
    vector = load(valid)

    readings = readings_of(vector, VECTORS)

    assert [vector["reads"]] * len(readings) == readings


def test_a_valid_vector_has_two_forms_of_the_same(valid):
    """
    The text form of each valid vector is that of its binary form.
    """
    binary, text = forms_of(load(valid)["envelope"])

    assert text == to_text(binary)


def test_an_invalid_vector_is_refused_with_its_code(invalid):
    """
    In each form that it has, an invalid vector is refused with exactly its code.
    """
    vector = load(invalid)

    refusals = refusals_of(vector, VECTORS)

    assert [vector["error"]] * len(refusals) == refusals


def test_a_refusal_says_what_was_refused(invalid):
    """
    What is not an envelope at all is refused by the name of the part that is wrong.
    """
    envelope = load(invalid).get("envelope", {})
    if "hex" not in envelope or "followed_by" in envelope:
        return

    try:
        decode_envelope(bytes.fromhex(envelope["hex"]))
    except VerificationError as problem:
        what = getattr(problem, "what", "envelope")
        assert what in PARTS


def test_there_are_enough_of_them():
    """
    There are at least 25 valid and 60 invalid vectors.
    """
    assert len(paths_of("valid")) >= 25
    assert len(paths_of("invalid")) >= 60


def test_every_code_of_the_specification_occurs():
    """
    Each code that the specification names is that of an invalid vector, and no other.
    """
    # Key sets and carriers, which have codes too, are no envelopes.
    named = {code for code in CODES if f"`{code}`" in SPECIFICATION}

    assert {load(path)["error"] for path in paths_of("invalid")} == named


def test_every_row_of_the_order_of_checks_occurs():
    """
    Each row of the order of checks has a code that an invalid vector has.
    """
    rows = re.findall(r"^\| (\d+) \|.*\| (.*) \|$", SPECIFICATION, re.MULTILINE)
    found = {load(path)["error"] for path in paths_of("invalid")}

    without = [
        number
        for number, codes in rows
        if "as 5" not in codes
        and "section 5" not in codes
        and not set(re.findall(r"`([a-z_]+)`", codes)) & found
    ]
    assert [str(number) for number in range(1, 22)] == [number for number, _ in rows]
    assert [] == without


def test_a_file_has_the_name_of_its_vector(valid):
    """
    A vector is named as its file.
    """
    assert valid.stem == load(valid)["name"]


def test_what_makes_them_makes_them_still(tmp_path):
    """
    The script makes files of the same names, which say the same, but for what an
    ephemeral key decides.
    """
    make(tmp_path)

    made = contents_of(tmp_path)
    assert [*contents_of(VECTORS)] == [*made]
    assert [] == [
        name for name, said in contents_of(VECTORS).items() if said != made[name]
    ]


def contents_of(root: Path) -> dict[str, dict[str, Any]]:
    """
    Return what each file says, without what depends on a key that HPKE draws.
    """
    contents = {}
    for kind in ("keys", "vocabularies", "valid", "invalid"):
        for path in paths_of(kind, root):
            said = load(path)
            for drawn in ("envelope", "reads"):
                said.pop(drawn, None)
            contents[f"{kind}/{path.name}"] = said
    return contents
