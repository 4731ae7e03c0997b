"""
TwiML: what Twilio would cut or refuse is refused here.
"""

from __future__ import annotations

import json
import secrets
from xml.etree import ElementTree as ET

import pytest
from twilio.twiml.voice_response import Connect, Dial, Enqueue, VoiceResponse

from cxcontext.errors import UsageError
from cxcontext.homes import ReferenceKeys
from cxcontext.telephony import twiml

REFERENCE = ReferenceKeys({0: bytes(32)}).mint(
    expires_s=2**31, random=secrets.token_bytes
)
UUI = "04" + str(REFERENCE).encode().hex() + ";encoding=hex"


def same(ours, theirs):
    """
    Return whether two documents have the same elements.
    """
    return ET.canonicalize(twiml.response(ours)) == ET.canonicalize(str(theirs))


class TestSip:
    """
    A new leg with headers.
    """

    def test_user_to_user(self):
        """
        Escaped as error 32110's page shows it, and as the vendor's builder has it.
        """
        verb = twiml.dial_sip("sip:a@example.com", headers={"User-to-User": UUI})
        vendors, dial = VoiceResponse(), Dial()
        escaped = UUI.replace(";", "%3B").replace("=", "%3D")
        dial.sip(f"sip:a@example.com?User-to-User={escaped}")
        vendors.append(dial)

        assert same(verb, vendors)

    def test_several_headers_are_joined_and_escaped_in_xml(self):
        """
        The & between headers is &amp; in the document.
        """
        text = twiml.response(
            twiml.dial_sip(
                "sip:a@example.com;transport=tls",
                headers={"X-A": "1&2", "X-B": "3"},
                answerOnBridge="true",
            )
        )

        assert (
            '<Dial answerOnBridge="true"><Sip>sip:a@example.com;transport=tls'
            "?X-A=1%262&amp;X-B=3</Sip></Dial>"
        ) in text

    def test_refer(self):
        """
        The headers stand in the URI that is referred to.
        """
        text = twiml.response(
            twiml.refer("sip:a@example.com", headers={"X-A": "1"}, action="/done")
        )

        assert (
            '<Refer action="/done"><Sip>sip:a@example.com?X-A=1</Sip></Refer>' in text
        )

    def test_no_headers(self):
        """
        Without headers there is no question mark.
        """
        assert "sip:a@example.com" == twiml.sip_uri("sip:a@example.com", headers={})

    @pytest.mark.parametrize(
        "headers",
        [
            {"Subject": "a"},
            {"X-": "a"},
            {"X-A\r\nB": "a"},
            {"X-A": "a\r\nX-B: b"},
            {"X-A": "a\x00"},
            {"X-A": "ä"},
            {"X-A": "1", "x-a": "2"},
            {"X-A": "a" * 1020},
        ],
        ids=["standard", "empty", "name", "crlf", "nul", "latin", "twice", "long"],
    )
    def test_headers_that_no_invite_gets(self, headers):
        """
        What would be left out, cut or read as another header is refused.
        """
        with pytest.raises(UsageError):
            twiml.dial_sip("sip:a@example.com", headers=headers)

    def test_the_longest_headers(self):
        """
        1,023 characters are taken, 1,024 are not.
        """
        assert twiml.sip_uri("sip:a@b", headers={"X-A": "a" * 1019})

    @pytest.mark.parametrize(
        "uri", ["a@b", "tel:+1202", "sip:a@b?X-A=1", "sip:a b", "<sip:a@b>", "sip:"]
    )
    def test_uris(self, uri):
        """
        No other scheme, no headers of its own, no brackets.
        """
        with pytest.raises(UsageError):
            twiml.dial_sip(uri, headers={})

    def test_a_long_uri(self):
        """
        Twilio asks for fewer than 255 characters.
        """
        with pytest.raises(UsageError):
            twiml.dial_sip("sip:" + "a" * 251, headers={})


class TestOthers:
    """
    Queues, streams, relays, telephone numbers.
    """

    def test_a_task(self):
        """
        The attributes are what routes, and the reference.
        """
        verb = twiml.enqueue(
            reference=REFERENCE, workflow_sid="WW1", attributes={"skill": "billing"}
        )
        vendors, enqueue = VoiceResponse(), Enqueue(workflow_sid="WW1")
        enqueue.task(
            json.dumps({"skill": "billing", "customer_context": str(REFERENCE)})
        )
        vendors.append(enqueue)

        assert same(verb, vendors)

    @pytest.mark.parametrize(
        "attributes",
        [{"customer_context": "x"}, {"note": "a" * 4096}],
        ids=["name", "size"],
    )
    def test_task_attributes(self, attributes):
        """
        Neither another under the reference's name nor more than 4,096 bytes.
        """
        with pytest.raises(UsageError):
            twiml.enqueue(
                reference=REFERENCE, workflow_sid="WW1", attributes=attributes
            )

    @pytest.mark.parametrize(
        ("verb", "noun"),
        [(twiml.stream, "stream"), (twiml.conversation_relay, "conversation_relay")],
    )
    def test_parameters(self, verb, noun):
        """
        Both have the reference as a parameter, as the vendor's builder writes it.
        """
        ours = verb("wss://voice.example.com/a", reference=str(REFERENCE))
        vendors, connect = VoiceResponse(), Connect()
        inner = getattr(connect, noun)(url="wss://voice.example.com/a")
        inner.parameter(name="customer_context", value=str(REFERENCE))
        vendors.append(connect)

        assert same(ours, vendors)

    @pytest.mark.parametrize("url", ["https://a", "wss://a?x=1", ""])
    def test_urls(self, url):
        """
        Twilio sends neither a query nor audio to anything but wss.
        """
        with pytest.raises(UsageError):
            twiml.stream(url, reference=REFERENCE)

    @pytest.mark.parametrize("reference", ["", "CX", "Ada", "CX" + "0" * 46])
    def test_only_references(self, reference):
        """
        A fact of the customer's is no reference.
        """
        with pytest.raises(UsageError):
            twiml.stream("wss://a", reference=reference)

    def test_a_number_with_digits(self):
        """
        Half seconds of w, then the code.
        """
        text = twiml.response(twiml.dial_number("+12025550100", digits="ww572000007"))

        assert (
            '<Dial><Number sendDigits="ww572000007">+12025550100</Number></Dial>'
            in text
        )

    @pytest.mark.parametrize(
        ("number", "digits"), [("2025550100", None), ("+12025550100", "1;2")]
    )
    def test_numbers(self, number, digits):
        """
        E.164, and what a keypad has.
        """
        with pytest.raises(UsageError):
            twiml.dial_number(number, digits=digits)

    def test_numbers_need_no_digits(self):
        """
        A leg without digits is a leg.
        """
        assert b"<Dial><Number>+12025550100</Number></Dial>" == ET.tostring(
            twiml.dial_number("+12025550100")
        )

    @pytest.mark.parametrize(("long", "digits"), [(False, "9"), (True, "15")])
    def test_gather(self, long, digits):
        """
        Nine digits, or fifteen; no key ends them, and silence is told as well.
        """
        verb = twiml.gather_code(
            "/code", prompt="Your code & welcome", language="en-US", long=long
        )
        vendors = VoiceResponse()
        gather = vendors.gather(
            input="dtmf",
            num_digits=digits,
            finish_on_key="",
            timeout="8",
            action_on_empty_result="true",
            method="POST",
            action="/code",
        )
        gather.say("Your code & welcome", language="en-US")

        assert same(verb, vendors)


class TestResponse:
    """
    The document.
    """

    def test_inline_is_short(self):
        """
        In a request to the API 4,000 characters are the end, in an answer not.
        """
        verb = twiml.gather_code("/c", prompt="a" * 4000, language="en")

        assert len(twiml.response(verb)) > 4000
        with pytest.raises(UsageError):
            twiml.response(verb, inline=True)

    def test_no_control_characters(self):
        """
        XML has none, escaped or not.
        """
        verb = twiml.gather_code("/c", prompt="a\x00b", language="en")
        with pytest.raises(UsageError):
            twiml.response(verb)
