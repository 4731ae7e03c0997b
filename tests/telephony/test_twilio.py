"""
Twilio's webhooks: what the vendor's own library signs is taken, and nothing else.
"""

from __future__ import annotations

import base64
import hmac
import json
import pickle
from hashlib import sha1, sha256
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import attrs
import httpx
import pytest
from calls import CALLER, LINE, SENTINEL
from hypothesis import given
from hypothesis import strategies as st
from loopback import Server, answer
from twilio.request_validator import RequestValidator

from cxcontext.errors import (
    NotPicklableError,
    TooLargeError,
    UsageError,
    WebhookForgedError,
    WebhookMalformedError,
)
from cxcontext.telephony import platforms, twiml
from cxcontext.telephony.ladder import Leg
from cxcontext.telephony.refer_to import parse_address
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Kind, Transfers
from cxcontext.telephony.twilio import (
    MAX_BODY_BYTES,
    TwilioRequest,
    TwilioWebhooks,
    child_key,
    leg_of_request,
)

TOKEN = "2bbb5e7a0f6c4f6e8a0e7c7a7d1f0b9c"
BASE = "https://voice.example.com"
FORM = "application/x-www-form-urlencoded; charset=UTF-8"
CALL = {
    "CallSid": "CA0f1e2d3c4b5a69788796a5b4c3d2e1f0",
    "ParentCallSid": "CA00000000000000000000000000000001",
    "From": "+12025550123",
    "To": "+12025550100",
    "Digits": "572000007",
    "SipHeader_User-to-User": "04435841;encoding=hex",
    "SipHeader_X-Customer-Context": "CXAAAA",
}


@pytest.fixture
def webhooks():
    """
    Checks what comes to voice.example.com.
    """
    return TwilioWebhooks(TOKEN, public_base_url=BASE)


def signed(url, parameters=None, token=TOKEN):
    """
    Return the signature that the vendor's library makes.
    """
    return RequestValidator(token).compute_signature(url, parameters or {})


def post(webhooks, parameters, *, target="/voice", signature=None):
    """
    Verify a form.
    """
    if signature is None:
        signature = signed(BASE + target, parameters)
    return webhooks.verify(
        target,
        signature=signature,
        body=urlencode(parameters).encode(),
        content_type=FORM,
    )


class TestSignatures:
    """
    The vendor's library is the second implementation.
    """

    def test_the_documents_own_example(self):
        """
        The example in Twilio's documentation has the signature that it shows.
        """
        webhooks = TwilioWebhooks("12345", public_base_url="https://mycompany.com")
        parameters = {
            "CallSid": "CA1234567890ABCDE",
            "Caller": "+14158675310",
            "Digits": "1234",
            "From": "+14158675310",
            "To": "+18005551212",
        }
        request = webhooks.verify(
            "/myapp.php?foo=1&bar=2",
            signature="GvWf1cFY/Q7PnoempGyD5oXAezc=",
            body=urlencode(parameters).encode(),
            content_type=FORM,
        )

        assert parameters == request.parameters

    @given(
        parameters=st.dictionaries(
            st.text(max_size=8), st.text(max_size=12), max_size=6
        ),
        port=st.sampled_from(["", ":443", ":8443"]),
        spelled=st.booleans(),
    )
    def test_it_agrees_with_the_vendor(self, parameters, port, spelled):
        """
        Whatever form the vendor's library signs, with a port or without, is taken.
        """
        webhooks = TwilioWebhooks(TOKEN, public_base_url=BASE + port)
        body = urlencode(parameters).encode()
        url = f"{BASE}{port if spelled else ''}/v?a=%20b"
        signature = signed(url, parameters)
        assert RequestValidator(TOKEN).validate(
            f"{BASE}{port}/v?a=%20b", parameters, signature
        )
        request = webhooks.verify(
            "/v?a=%20b", signature=signature, body=body, content_type=FORM
        )

        assert (parameters or {"a": " b"}) == request.parameters

    def test_repeated_parameters_are_signed_once_each(self, webhooks):
        """
        Values of one name are sorted and counted once, as the vendor does.
        """

        class MultiDict(dict):
            def getlist(self, name):
                return {"b": ["2", "1", "2"], "a": ["0"]}[name]

        signature = signed(BASE + "/v", MultiDict(a=1, b=1))
        request = webhooks.verify(
            "/v", signature=signature, body=b"b=2&a=0&b=1&b=2", content_type=FORM
        )

        assert {"b": "2", "a": "0"} == request.parameters

    def test_a_get_has_its_parameters_in_the_url(self, webhooks):
        """
        Of a request without a body the URL alone is signed.
        """
        target = "/voice?CallSid=CA1&Digits="
        request = webhooks.verify(target, signature=signed(BASE + target))

        assert ("CA1", None) == (request.call_sid, request.digits)

    def test_a_web_socket(self):
        """
        ConversationRelay opens a web socket whose URL is signed like any other.
        """
        webhooks = TwilioWebhooks(TOKEN, public_base_url="wss://voice.example.com")
        signature = signed("wss://voice.example.com/relay")

        assert {} == webhooks.verify("/relay", signature=signature).parameters

    def test_a_secondary_token_counts(self):
        """
        While tokens are changed both are taken.
        """
        webhooks = TwilioWebhooks(
            "new", public_base_url=BASE, secondary_auth_token="old"
        )

        for token in ("new", "old"):
            signature = signed(BASE + "/v", token=token)
            assert b"" == webhooks.verify("/v", signature=signature).body

    def test_name_and_password_are_part_of_the_url(self):
        """
        Where the URL set at Twilio has both, both are signed.
        """
        base = "https://twilio:secret@voice.example.com"
        webhooks = TwilioWebhooks(TOKEN, public_base_url=base)

        assert webhooks.verify("/v", signature=signed(base + "/v")).body == b""


class TestJSON:
    """
    A body that is no form counts by its hash in the URL.
    """

    BODY = json.dumps({"CallSid": "CA1"}).encode()

    def target(self, body=BODY):
        """
        Return the target that Twilio calls with *body*.
        """
        return f"/events?bodySHA256={sha256(body).hexdigest()}"

    def test_the_named_body_is_taken(self, webhooks):
        """
        The vendor's library takes it, too.
        """
        target = self.target()
        signature = signed(BASE + target)
        request = webhooks.verify(
            target,
            signature=signature,
            body=self.BODY,
            content_type="application/json",
        )

        assert self.BODY == request.body
        assert RequestValidator(TOKEN).validate(
            BASE + target, self.BODY.decode(), signature
        )

    @pytest.mark.parametrize(
        "target",
        ["/events", "/events?bodySHA256=", "/events?bodySHA256=00"],
    )
    def test_another_body_is_refused(self, webhooks, target):
        """
        Without its hash, or with another, a signed URL vouches for no body.
        """
        with pytest.raises(WebhookForgedError):
            webhooks.verify(
                target,
                signature=signed(BASE + target),
                body=self.BODY,
                content_type="application/json",
            )

    def test_two_hashes_are_refused(self, webhooks):
        """
        Of two hashes neither counts.
        """
        target = f"{self.target()}&bodySHA256=00"
        with pytest.raises(WebhookForgedError):
            webhooks.verify(
                target,
                signature=signed(BASE + target),
                body=self.BODY,
                content_type="application/json",
            )

    def test_a_form_by_another_name_is_no_form(self, webhooks):
        """
        Who changes the content type does not get an unsigned body through.
        """
        with pytest.raises(WebhookForgedError):
            webhooks.verify(
                "/voice",
                signature=signed(BASE + "/voice"),
                body=b"Digits=1",
                content_type="text/plain",
            )


class TestRefusals:
    """
    What is not signed is not read.
    """

    @pytest.mark.parametrize("signature", [None, "", "é", "A" * 28])
    def test_none_or_another_signature(self, webhooks, signature):
        """
        Missing is as wrong as false.
        """
        with pytest.raises(WebhookForgedError):
            webhooks.verify("/voice", signature=signature)

    @pytest.mark.parametrize("name", sorted(CALL))
    def test_every_parameter_counts(self, webhooks, name):
        """
        One changed value, and nothing of it is believed; no value is in the message.
        """
        signature = signed(BASE + "/voice", CALL)
        with pytest.raises(WebhookForgedError) as ei:
            post(webhooks, {**CALL, name: "sentinel-7"}, signature=signature)

        assert "sentinel-7" not in repr(ei.value) + str(ei.value)

    def test_a_parameter_more(self, webhooks):
        """
        Added parameters are not signed.
        """
        signature = signed(BASE + "/voice", CALL)
        with pytest.raises(WebhookForgedError):
            post(webhooks, {**CALL, "Extra": ""}, signature=signature)

    def test_another_path_or_host(self, webhooks):
        """
        A signature for one URL is none for another.
        """
        for url in (f"{BASE}/other", "https://evil.example.com/voice"):
            with pytest.raises(WebhookForgedError):
                post(webhooks, CALL, signature=signed(url, CALL))

    def test_another_algorithm(self, webhooks):
        """
        HMAC-SHA256 under the same token is refused: the algorithm is pinned.
        """
        made = RequestValidator(TOKEN).compute_signature(
            BASE + "/voice", CALL, "HMAC_SHA256"
        )
        with pytest.raises(WebhookForgedError):
            post(webhooks, CALL, signature=made)

    def test_headers_and_targets_that_are_no_text(self, webhooks):
        """
        Bytes that a framework could not decode are forged, and not an error of ours.
        """
        for target, signature in (("/voice", "\udcff"), ("/voice\udcff", "x")):
            with pytest.raises(WebhookForgedError):
                webhooks.verify(target, signature=signature)

    def test_a_body_over_the_limit(self, webhooks):
        """
        Too much is refused before it is parsed.
        """
        with pytest.raises(TooLargeError):
            webhooks.verify("/v", signature="", body=bytes(MAX_BODY_BYTES + 1))

    @pytest.mark.parametrize(
        ("target", "body"),
        [
            ("voice", b""),
            ("https://voice.example.com/voice", b""),
            ("/" + "a" * 9000, b""),
            ("/v", b"a=%ff"),
            ("/v", b"\xff=a"),
            ("/v", b"&".join(b"a=1" for _ in range(600))),
        ],
    )
    def test_shapes(self, webhooks, target, body):
        """
        What is no target or form is refused, and not half read.
        """
        with pytest.raises(WebhookMalformedError):
            webhooks.verify(target, signature="", body=body, content_type=FORM)

    def test_a_query_of_too_many(self, webhooks):
        """
        A signed query is bounded, too.
        """
        target = "/v?" + "&".join("a=1" for _ in range(600))
        with pytest.raises(WebhookMalformedError):
            webhooks.verify(target, signature=signed(BASE + target))

    @given(st.binary(max_size=200), st.text(max_size=40), st.text(max_size=40))
    def test_hostile_bytes_only_ever_refuse(self, body, signature, content_type):
        """
        Nobody guesses a signature, and nothing but a refusal comes of trying.
        """
        webhooks = TwilioWebhooks(TOKEN, public_base_url=BASE)
        for kind in (FORM, content_type):
            with pytest.raises((WebhookForgedError, WebhookMalformedError)):
                webhooks.verify("/v", signature=signature, body=body, content_type=kind)


class TestConfiguration:
    """
    What cannot be checked safely is refused at the start.
    """

    @pytest.mark.parametrize(
        "url",
        [
            "",
            "voice.example.com",
            "ftp://example.com",
            "https://",
            "https://example.com/voice",
            "https://example.com?x=1",
            "https://example.com:port",
            "https://exämple.com",
            "https://example.com /",
        ],
    )
    def test_the_url(self, url):
        """
        Scheme and host, and nothing else.
        """
        with pytest.raises(UsageError):
            TwilioWebhooks(TOKEN, public_base_url=url)

    @pytest.mark.parametrize("secondary", ["", None])
    def test_an_empty_token(self, secondary):
        """
        Under an empty key everybody can sign.
        """
        with pytest.raises(UsageError):
            TwilioWebhooks(
                TOKEN if secondary == "" else "",
                public_base_url=BASE,
                secondary_auth_token=secondary,
            )

    def test_the_token_is_not_shown(self, webhooks):
        """
        Neither in repr nor in a pickle.
        """
        assert "<TwilioWebhooks at voice.example.com>" == repr(webhooks)
        with pytest.raises(NotPicklableError):
            pickle.dumps(webhooks)


@pytest.fixture(scope="module")
def server():
    """
    Where Twilio's requests come in.
    """
    with Server() as server:
        yield server


class TestCalls:
    """
    Whole calls: an application on a socket, and requests that the vendor's library signs.
    """

    @pytest.fixture
    def twilio(self, server, desk):
        """
        Return how Twilio posts to the application, and what it answers.
        """
        webhooks = TwilioWebhooks(TOKEN, public_base_url=BASE)
        transfers = Transfers(
            desk.references,
            correlations=desk.correlations,
            platform=platforms.TWILIO,
        )

        async def app(scope, receive, send):
            headers = {name: value.decode() for name, value in scope["headers"]}
            try:
                request = webhooks.verify(
                    scope["raw_path"].decode(),
                    signature=headers.get(b"x-twilio-signature"),
                    body=(await receive())["body"],
                    content_type=headers.get(b"content-type"),
                )
            except WebhookForgedError:
                await answer(send, status=403)
                return
            leg = leg_of_request(request)
            resolved = await desk.ladder("ivr").resolve_async(leg)
            if resolved.rung is None:
                verb = twiml.gather_code("/code", prompt="Code?", language="en-US")
            else:
                transfer = await transfers.transfer_async(
                    resolved.journey,
                    to="billing",
                    kind=Kind.BRIDGE,
                    parent=resolved.reference,
                    keys=[child_key(request.call_sid)],
                )
                verb = twiml.dial_sip(
                    "sip:billing@pbx.example", headers=dict(transfer.headers)
                )
            await answer(send, twiml.response(verb).encode())

        server.reset()
        server.app = app

        def posted(path, parameters, *, sign=True):
            signature = signed(BASE + path, parameters) if sign else "forged"
            return httpx.post(
                server.origin + path,
                data=parameters,
                headers={"X-Twilio-Signature": signature},
            )

        return posted

    def test_from_a_code_to_the_agent(self, twilio, desk):
        """
        Asked for the code, the caller types it; billing's leg has the journey by its
        header, and by the parent's CallSid where the header is lost.
        """
        code = str(desk.codes.issue(desk.put("ivr"), line=LINE))
        call = {"CallSid": "CA1", "From": CALLER, "To": LINE}
        asked = twilio("/voice", call)
        dialled = twilio("/code", {**call, "Digits": code})
        uri = ET.fromstring(dialled.text).findtext("Dial/Sip")  # noqa: S314 - our own
        headers = parse_address(uri).headers
        by_header = desk.ladder("billing").resolve(
            Leg(lease="L1", offers=read(headers).offers)
        )
        child = TwilioRequest(
            parameters={"CallSid": "CA2", "ParentCallSid": "CA1", "From": LINE}
        )
        by_id = desk.ladder("billing").resolve(
            attrs.evolve(leg_of_request(child), lease="L1")
        )

        assert "<Gather" in asked.text
        assert (Rung.USER_TO_USER, Rung.VENDOR) == (by_header.rung, by_id.rung)
        assert SENTINEL not in asked.text + dialled.text

    def test_nobody_else_may_ask(self, twilio, desk):
        """
        A code that somebody posts without a signature is not redeemed.
        """
        code = str(desk.codes.issue(desk.put("ivr"), line=LINE))
        call = {"CallSid": "CA1", "From": CALLER, "To": LINE, "Digits": code}
        forged = twilio("/code", call, sign=False)
        genuine = twilio("/code", call)

        assert (403, 200) == (forged.status_code, genuine.status_code)
        assert "<Dial>" in genuine.text


class TestReading:
    """
    What the call is, once it is believed.
    """

    def test_a_call(self, webhooks):
        """
        Ids, numbers, digits and SIP headers are where the rest looks for them.
        """
        request = post(webhooks, CALL)

        assert (
            CALL["CallSid"],
            CALL["ParentCallSid"],
            "+12025550100",
            "+12025550123",
            "572000007",
            (
                ("User-to-User", "04435841;encoding=hex"),
                ("X-Customer-Context", "CXAAAA"),
            ),
        ) == (
            request.call_sid,
            request.parent_call_sid,
            request.line,
            request.caller,
            request.digits,
            request.sip_headers,
        )

    def test_values_are_not_shown(self, webhooks):
        """
        Neither number nor digits stand in repr.
        """
        assert "<" not in repr(post(webhooks, CALL)).replace("TwilioRequest", "")
        assert "5550123" not in repr(post(webhooks, CALL))

    def test_the_plain_formula(self, webhooks):
        """
        URL, then name and value of each parameter, sorted: nothing else is signed.
        """
        text = BASE + "/v" + "a1" + "b2"
        made = hmac.new(TOKEN.encode(), text.encode(), sha1).digest()
        signature = base64.b64encode(made).decode()

        assert {"b": "2", "a": "1"} == post(
            webhooks, {"b": "2", "a": "1"}, target="/v", signature=signature
        ).parameters
