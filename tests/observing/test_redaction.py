"""
Redaction finds envelopes and references wherever they stand, and nothing else.
"""

from __future__ import annotations

import secrets
import time

import pytest

from cxcontext.homes import ReferenceKeys
from cxcontext.observing.redaction import redact, redacted
from cxcontext.telephony.user_to_user import user_to_user
from cxcontext.testing.shop import Process

ENVELOPE = str(Process().begin().hand_over("billing"))
REFERENCE = str(
    ReferenceKeys({0: secrets.token_bytes(32)}).mint(
        expires_s=int(time.time()) + 60, random=secrets.token_bytes
    )
)
AROUND = (
    "{}",
    "Customer-Context: {}\r\n",
    "b'{}'",
    "https://shop.example/continue?cx={}&a=1",
    "https%3A%2F%2Fshop.example%2F%3Fcx%3D{}%26",
    '{{"customer-context": "{}"}}',
    "Zurück zu {}, bitte",
)


@pytest.mark.parametrize("around", AROUND)
def test_an_envelope_is_taken_out(around):
    """
    The text around it stays.
    """
    assert around.format("cx1.[redacted]") == redact(around.format(ENVELOPE))


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(
    "reference", [REFERENCE, REFERENCE.lower()], ids=["as minted", "small"]
)
def test_a_reference_is_taken_out(around, reference):
    """
    In small letters as well, as some mail servers write it.
    """
    expected = around.format(f"{reference[:2]}[redacted]")

    assert expected == redact(around.format(reference))


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("upper", [False, True])
def test_a_reference_in_hex_is_taken_out(around, upper):
    """
    As calls carry it in ``User-to-User``, behind a discriminator.
    """
    written = user_to_user(REFERENCE).data
    written = written.upper() if upper else written
    expected = around.format("044358[redacted]")

    assert expected == redact(around.format(written))


@pytest.mark.parametrize("length", [12, 40, 79])
def test_an_envelope_that_was_cut_off_is_taken_out(length):
    """
    Logs cut long values off, and the rest is enough to be found by.
    """
    assert "cx1.[redacted]..." == redact(f"{ENVELOPE[:length]}...")


@pytest.mark.parametrize(
    "text", ["", "cx1.", "cx1.ABC", "CX", "version cx1.2.3", "CXABCDEFGH", "A-118"]
)
def test_other_text_stays(text):
    """
    What is neither is returned as it is.
    """
    assert text == redact(text)


def test_a_report_is_redacted_all_through():
    """
    In keys, values, tuples and bytes, however deep; what was given is not changed.
    """
    report = {"a": [{ENVELOPE: (ENVELOPE, 1, None)}, ENVELOPE.encode()], "b": 1.5}
    short = "cx1.[redacted]"

    assert {"a": [{short: (short, 1, None)}, short.encode()], "b": 1.5} == redacted(
        report
    )
    assert ENVELOPE in report["a"][0]
