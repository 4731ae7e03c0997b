"""
Voice platforms: their documented webhooks are read, their signatures checked against
another implementation, and a call that one of them sends on is found by the next.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import pickle
from datetime import UTC, datetime

import attrs
import jwt
import pytest
from acme import START_S
from calls import CALLER, LINE
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from cxcontext.errors import (
    NotPicklableError,
    TooLargeError,
    UsageError,
    WebhookExpiredError,
    WebhookForgedError,
    WebhookMalformedError,
)
from cxcontext.homes import CallKey
from cxcontext.telephony import (
    azure,
    genesys,
    jambonz,
    livekit,
    openai_realtime,
    platforms,
    telnyx,
    twilio,
    vonage,
)
from cxcontext.telephony.ladder import Leg
from cxcontext.telephony.refer_to import parse_address
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.sip import read
from cxcontext.telephony.transfer import Kind, Transfers
from cxcontext.telephony.user_to_user import user_to_user
from cxcontext.telephony.webhook import MAX_BODY_BYTES, header_pairs, member

BODY = json.dumps({"type": "call", "data": {}}).encode()
TARGET = "sip:agents@pbx.example"

# --- what the platforms document, with numbers of nobody ---------------------------

# "Realtime API with SIP", OpenAI's guide.
OPENAI = {
    "object": "event",
    "id": "evt_685343a1381c819085d44c354e1b330e",
    "type": "realtime.call.incoming",
    "created_at": 1750287018,
    "data": {
        "call_id": "some_unique_id",
        "sip_headers": [
            {"name": "From", "value": f"sip:{CALLER}@sip.example.com"},
            {"name": "To", "value": f"sip:{LINE}@sip.example.com"},
            {"name": "Call-ID", "value": "03782086-4ce9-44bf-8b0d-4e303d2cc590"},
        ],
    },
}
# "call.initiated", Telnyx's Voice API webhooks.
TELNYX = {
    "data": {
        "record_type": "event",
        "event_type": "call.initiated",
        "id": "0ccc7b54-4df3-4bca-a65a-3da1ecc777f0",
        "occurred_at": "2018-02-02T22:25:27.521992Z",
        "payload": {
            "call_control_id": "v2:7subYr8fLrXmaAXm8egeAMpoSJ72J3SGPUuome81-hQuaKRf9b7hKA",
            "call_leg_id": "5ca81340-5beb-11eb-ae45-02420a0f8b69",
            "call_session_id": "5ca81eee-5beb-11eb-ba6c-02420a0f8b69",
            "client_state": None,
            "connection_id": "1240401930086254526",
            "from": CALLER,
            "to": LINE,
            "direction": "incoming",
            "state": "parked",
            "custom_headers": [],
        },
    }
}
# "Answer webhook", Vonage's Voice API webhooks reference, by POST.
VONAGE = {
    "from": CALLER.lstrip("+"),
    "to": LINE.lstrip("+"),
    "uuid": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
    "conversation_uuid": "CON-aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
    "region_url": "https://api-eu-1.nexmo.com",
}
# An initial request, as jambonz sends it by POST.
JAMBONZ = {
    "sip": {
        "headers": {
            "via": "SIP/2.0/UDP 2.2.2.2;rport=5060;branch=z9hG4bK4K2DX22eNDUcm",
            "max-forwards": "70",
            "from": f"<sip:{CALLER}@2.2.2.2:5060>;tag=1tm903aBy5K8a",
            "to": f"<sip:{LINE}@2.2.2.2;user=phone>",
            "call-id": "935f3b60-2775-123d-a6a1",
            "cseq": "77732787 INVITE",
            "X-Account-Sid": "66acafce-44c2-417a-a7c0",
        },
        "raw": "INVITE ...",
        "method": "INVITE",
        "uri": f"sip:{LINE}@172.31.1.11:5060",
        "payload": [{"type": "application/sdp", "content": "SDP ..."}],
    },
    "direction": "inbound",
    "call_sid": "ac5c697a-bfae-4335-ad8a",
    "account_sid": "66acafce-44c2-417a-a7c0",
    "from": CALLER,
    "to": LINE,
    "call_id": "935f3b60-2775-123d-a6a1",
    "call_status": "trying",
}
# "Incoming call" of the voice events, Azure Communication Services as an Event Grid source.
AZURE = {
    "id": "d5546be8-227a-4db8-b2c3-4f06fd4c1e0d",
    "topic": "/subscriptions/x/providers/Microsoft.Communication/communicationServices/y",
    "subject": "/caller/4%3A16041234567/recipient/8%3Aacs%3Ax",
    "eventType": "Microsoft.Communication.IncomingCall",
    "dataVersion": "1.0",
    "data": {
        "to": {
            "kind": "phoneNumber",
            "rawId": f"4:{LINE}",
            "phoneNumber": {"value": LINE},
        },
        "from": {
            "kind": "phoneNumber",
            "rawId": f"4:{CALLER}",
            "phoneNumber": {"value": CALLER},
        },
        "serverCallId": "aHR0cHM6Ly9hcGk",
        "callerDisplayName": "VOIP Caller",
        "customContext": {"sipHeaders": {}, "voipHeaders": {}},
        "incomingCallContext": "{incomingCallContextValue}",
        "correlationId": "correlationId",
    },
}
# "SIP attributes", LiveKit's page on SIP participants.
LIVEKIT = {
    "sip.callID": "SCL_7Xr5fHeKQ9Pg",
    "sip.callIDFull": "1b2c3d@203.0.113.7",
    "sip.callStatus": "active",
    "sip.phoneNumber": CALLER,
    "sip.ruleID": "SDR_x",
    "sip.trunkID": "ST_x",
    "sip.trunkPhoneNumber": LINE,
}


def with_reference(platform, text):
    """
    Return a platform's leg of its documented shape, with a reference in it.
    """
    uui = user_to_user(text).encode()

    def changed(shape):
        return json.loads(json.dumps(shape))

    if platform == "openai":
        event = changed(OPENAI)
        event["data"]["sip_headers"].append({"name": "User-to-User", "value": uui})
        return openai_realtime.leg_of_event(event)
    if platform == "telnyx":
        event = changed(TELNYX)
        event["data"]["payload"]["custom_headers"] = [
            {"name": "X-Customer-Context", "value": text}
        ]
        return telnyx.leg_of_event(event)
    if platform == "vonage":
        found = {**VONAGE, "SipHeader_X-Customer-Context": text}
        return vonage.leg_of_webhook(found)
    if platform == "jambonz":
        found = changed(JAMBONZ)
        found["sip"]["headers"]["X-Customer-Context"] = text
        return jambonz.leg_of_webhook(found)
    if platform == "azure":
        event = changed(AZURE)
        event["data"]["customContext"]["sipHeaders"] = {"User-to-User": uui}
        return azure.leg_of_event(event)
    if platform == "livekit":
        return livekit.leg_of_attributes({**LIVEKIT, "sip.h.x-customer-context": text})
    if platform == "genesys":
        return genesys.leg_of_participant(
            "P1", conversation_id="CV1", uui=text, ani=f"tel:{CALLER}", dnis=LINE
        )
    parameters = {
        "CallSid": "CA1",
        "From": CALLER,
        "To": LINE,
        "SipHeader_X-Customer-Context": text,
    }
    return twilio.leg_of_request(twilio.TwilioRequest(parameters=parameters))


PLATFORMS = [
    *("openai", "telnyx", "vonage", "jambonz"),
    *("azure", "livekit", "genesys", "twilio"),
]


class TestReading:
    """
    A call comes in.
    """

    @pytest.mark.parametrize("platform", PLATFORMS)
    def test_the_documented_shape(self, desk, platform):
        """
        With a reference in it, it leads to the journey; numbers are where they belong,
        and nothing is believed more than a header deserves.
        """
        leg = with_reference(platform, str(desk.put()))
        resolved = desk.ladder("billing").resolve(leg)

        assert resolved.rung in (Rung.USER_TO_USER, Rung.X_CUSTOMER_CONTEXT)
        assert "POSSESSION" == resolved.journey.arrival.name
        assert (LINE.lstrip("+"), CALLER.lstrip("+")) == (
            leg.line.lstrip("+"),
            leg.caller.lstrip("+"),
        )
        assert leg.lease
        assert "5550123" not in repr(leg)

    @pytest.mark.parametrize("platform", PLATFORMS)
    def test_the_same_call_is_found_by_its_id(self, desk, platform):
        """
        A later webhook without the header finds it all the same.
        """
        ladder = desk.ladder("billing")
        leg = with_reference(platform, str(desk.put()))
        ladder.resolve(leg)
        later = ladder.resolve(Leg(lease=leg.lease, ids=leg.ids))

        assert Rung.VENDOR is later.rung

    @pytest.mark.parametrize(
        ("read_it", "shape"),
        [
            (openai_realtime.leg_of_event, OPENAI),
            (telnyx.leg_of_event, TELNYX),
            (vonage.leg_of_webhook, VONAGE),
            (jambonz.leg_of_webhook, JAMBONZ),
            (azure.leg_of_event, AZURE),
            (livekit.leg_of_attributes, LIVEKIT),
        ],
    )
    def test_without_a_reference(self, read_it, shape):
        """
        As documented there is none; of another shape nothing is taken for granted.
        """
        assert () == read_it(shape).offers
        for wrong in ({}, {"data": []}, {"data": {"payload": 7}}, {"uuid": 7}):
            with pytest.raises(WebhookMalformedError):
                read_it(wrong)

    @given(
        st.recursive(
            st.none() | st.text() | st.integers() | st.lists(st.text()),
            lambda inner: st.dictionaries(
                st.sampled_from(
                    [
                        *("sip_headers", "custom_headers", "sip", "headers", "from"),
                        *("to", "customContext", "sipHeaders", "customerData", "uri"),
                        *("name", "value", "phoneNumber", "direction"),
                    ]
                ),
                inner,
            ),
        )
    )
    def test_odd_members(self, odd):
        """
        With an id there is a leg, whatever all other members are.
        """
        rest = odd if isinstance(odd, dict) else {}
        legs = [
            openai_realtime.leg_of_event({"data": {**rest, "call_id": "1"}}),
            telnyx.leg_of_event({"data": {"payload": {**rest, "call_leg_id": "1"}}}),
            vonage.leg_of_webhook({**rest, "uuid": "1"}),
            jambonz.leg_of_webhook({**rest, "call_sid": "1"}),
            azure.leg_of_event(
                {"type": azure.INCOMING, "data": {**rest, "correlationId": "1"}}
            ),
        ]

        assert {"1"} == {leg.lease for leg in legs}

    def test_legs_of_legs(self):
        """
        Whoever was dialled by another call is not found by a caller's number.
        """
        outbound = json.loads(json.dumps(TELNYX))
        outbound["data"]["payload"]["direction"] = "outgoing"
        child = twilio.TwilioRequest(
            parameters={"CallSid": "CA2", "ParentCallSid": "CA1", "SipCallId": "x"}
        )
        legs = [
            telnyx.leg_of_event(outbound),
            jambonz.leg_of_webhook(
                {**JAMBONZ, "direction": "outbound", "parent_call_sid": "p"}
            ),
            twilio.leg_of_request(child),
            genesys.leg_of_participant("P", conversation_id="C", transferred=True),
        ]

        assert all(leg.transferred for leg in legs)
        assert twilio.child_key("CA1") in legs[2].ids
        assert CallKey("sip", "call", "x") in legs[2].index
        with pytest.raises(WebhookMalformedError):
            twilio.leg_of_request(twilio.TwilioRequest(parameters={}))

    def test_a_tag(self):
        """
        What jambonz was given as data comes back as customerData.
        """
        text = "CX" + "A" * 46
        leg = jambonz.leg_of_webhook(
            {"call_sid": "1", "customerData": {"customer_context": text}}
        )

        assert [text] == [offer.text for offer in leg.offers]

    def test_headers_as_platforms_have_them(self):
        """
        Objects, objects of lists, lists of names and values; everything else is none.
        """
        assert [("A", "1"), ("A", "2")] == header_pairs({"A": ["1", "2"], "B": 3})
        assert [("A", "1")] == header_pairs([{"name": "A", "value": "1"}, {}, 7])
        assert [] == header_pairs("A: 1")
        assert member({"a": []}, "a", "b") is None


class TestWriting:
    """
    A call goes on.
    """

    @pytest.fixture
    def transfer(self, desk):
        """
        Prepare a transfer of some kind.
        """

        def prepared(kind, platform=platforms.SIP):
            transfers = Transfers(
                desk.references, correlations=desk.correlations, platform=platform
            )
            target = TARGET if kind is Kind.BLIND else None
            return transfers.transfer(
                desk.journey(), to="billing", kind=kind, target=target
            )

        return prepared

    def headers_of(self, uri):
        """
        Return what whoever follows a Refer-To puts into the new INVITE.
        """
        return parse_address(uri).headers

    def found(self, desk, headers):
        """
        Return by what billing finds the journey of a call with these headers.
        """
        leg = Leg(lease="next", offers=read(headers).offers)
        return desk.ladder("billing").resolve(leg).rung

    @pytest.mark.parametrize(
        "uri_of",
        [
            lambda t: openai_realtime.refer(t)["target_uri"],
            lambda t: jambonz.sip_refer(t)["referTo"],
            lambda t: livekit.transfer_request(t)["transfer_to"],
        ],
        ids=["openai", "jambonz", "livekit"],
    )
    def test_refer(self, desk, transfer, uri_of):
        """
        The header is in the URI, not only on the REFER, and nothing is before the ?.
        """
        uri = uri_of(transfer(Kind.BLIND))

        assert uri.startswith(f"{TARGET}?User-to-User=04")
        assert Rung.USER_TO_USER is self.found(desk, self.headers_of(uri))

    @pytest.mark.parametrize(
        "headers_of",
        [
            lambda t: jambonz.dial(t, target={"type": "sip"})["headers"].items(),
            lambda t: livekit.call_request(t)["headers"].items(),
            lambda t: [
                (e["name"], e["value"])
                for entries in telnyx.command(t).values()
                for e in entries
            ],
            lambda t: vonage.connect(t, uri=TARGET)["endpoint"][0][
                "standardHeaders"
            ].items(),
            lambda t: [
                (f"X-{name}", value)
                for name, value in vonage.connect(t, uri=TARGET)["endpoint"][0][
                    "headers"
                ].items()
            ],
        ],
        ids=["jambonz", "livekit", "telnyx", "vonage", "vonage-x"],
    )
    def test_a_leg_of_ones_own(self, desk, transfer, headers_of):
        """
        The headers that a platform is given lead the next leg to the journey.
        """
        assert self.found(desk, headers_of(transfer(Kind.BRIDGE)))

    def test_telnyx(self, transfer):
        """
        X- headers are custom ones, User-to-User is one of SIP's; a Refer-To is neither.
        """
        command = telnyx.command(transfer(Kind.BLIND))

        assert ["X-Customer-Context"] == [h["name"] for h in command["custom_headers"]]
        assert ["User-to-User"] == [h["name"] for h in command["sip_headers"]]

    def test_azure(self, desk, transfer):
        """
        What Azure takes, under names that it takes; other headers are refused.
        """
        context = azure.custom_calling_context(transfer(Kind.BRIDGE, platforms.AZURE))
        event = json.loads(json.dumps(AZURE))
        event["data"]["customContext"] = context
        leg = azure.leg_of_event(event)

        assert {"User-to-User", "X-MS-Custom-cxref"} == set(context["sipHeaders"])
        assert desk.ladder("billing").resolve(leg).rung

    @pytest.mark.parametrize(
        "headers",
        [
            (("X-" + "a" * 63, "1"),),
            (("X-A", "a" * 257),),
            (("X-A", 'a"b'),),
            tuple((f"X-{n}", "1") for n in range(6)),
        ],
        ids=["name", "value", "alphabet", "many"],
    )
    def test_azure_refuses(self, transfer, headers):
        """
        64, 256, its alphabet, five.
        """
        wrong = attrs.evolve(transfer(Kind.BRIDGE), headers=headers)
        with pytest.raises(UsageError):
            azure.custom_calling_context(wrong)

    def test_genesys(self, desk, transfer):
        """
        UUI data has at most 128 characters, of which the first octet gets lost.
        """
        prepared = transfer(Kind.BRIDGE, platforms.GENESYS)
        data = genesys.uui_data(prepared)
        attribute = genesys.participant_attributes(prepared)["customer_context"]
        leg = genesys.leg_of_participant("P2", conversation_id="C", uui=data[2:])

        assert len(data) == 98
        assert attribute == str(prepared.reference)
        assert desk.ladder("billing").resolve(leg).rung is Rung.USER_TO_USER

    def test_jambonz_tag(self, transfer):
        """
        The reference, and whatever else is to stay.
        """
        prepared = transfer(Kind.BRIDGE)
        verb = jambonz.tag(prepared, data={"queue": "billing"})

        assert {
            "verb": "tag",
            "data": {
                "queue": "billing",
                "customer_context": str(prepared.reference),
            },
        } == verb

    @pytest.mark.parametrize(
        ("write", "kind"),
        [
            (openai_realtime.refer, Kind.BRIDGE),
            (jambonz.sip_refer, Kind.BRIDGE),
            (livekit.transfer_request, Kind.BRIDGE),
        ],
    )
    def test_another_kind(self, transfer, write, kind):
        """
        A refer without a target is refused before the call.
        """
        with pytest.raises(UsageError):
            write(transfer(kind))

    def test_vonage_without_headers(self, transfer):
        """
        An NCCO that would lose the reference is refused.
        """
        bare = attrs.evolve(transfer(Kind.BRIDGE), headers=())
        with pytest.raises(UsageError):
            vonage.connect(bare, uri=TARGET)


# --- signatures ----------------------------------------------------------------------

SECRET = base64.b64encode(b"a secret of OpenAI's endpoints").decode()
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = base64.b64encode(PRIVATE.public_key().public_bytes_raw()).decode()


class OpenAI:
    """
    Signs as the reference implementation of Standard Webhooks does.
    """

    def __init__(self, clock):
        self.checks = openai_realtime.OpenAIWebhooks(f"whsec_{SECRET}", clock=clock)

    def signed(self, body, at_s):
        """
        Return the headers of a delivery.
        """
        at = datetime.fromtimestamp(at_s, UTC)
        made = Webhook(f"whsec_{SECRET}").sign("wh_1", at, body.decode())
        return {"webhook_id": "wh_1", "timestamp": str(at_s), "signature": made}

    def forged(self, headers):
        """
        Return headers that are nearly right.
        """
        return [
            {**headers, "webhook_id": "wh_2"},
            {**headers, "signature": ""},
            {**headers, "signature": "v1a," + headers["signature"][3:]},
            {**headers, "signature": "v1,é"},
            {**headers, "timestamp": str(int(headers["timestamp"]) + 1)},
        ]


class Telnyx:
    """
    Signs as Telnyx documents it.
    """

    def __init__(self, clock):
        self.checks = telnyx.TelnyxWebhooks(PUBLIC, clock=clock)

    def signed(self, body, at_s):
        """
        Return the headers of a delivery.
        """
        made = PRIVATE.sign(f"{at_s}|".encode() + body)
        return {"timestamp": str(at_s), "signature": base64.b64encode(made).decode()}

    def forged(self, headers):
        """
        Return headers that are nearly right.
        """
        return [
            {**headers, "signature": ""},
            {**headers, "signature": "é"},
            {**headers, "signature": headers["signature"][:-4] + "AAA="},
            {**headers, "timestamp": str(int(headers["timestamp"]) + 1)},
        ]


class Vonage:
    """
    Signs with PyJWT.
    """

    secret = "a signature secret of 64 characters or more, as PyJWT wants for HS512"

    def __init__(self, clock):
        self.checks = vonage.VonageWebhooks(self.secret, clock=clock)

    def token(self, claims, **options):
        """
        Return a header with a token of these claims.
        """
        return {
            "authorization": "Bearer "
            + jwt.encode(claims, **{"key": self.secret, "algorithm": "HS256"} | options)
        }

    def signed(self, body, at_s):
        """
        Return the headers of a delivery.
        """
        claims = {
            "iat": at_s,
            "jti": "c5ba8f24-1a14-4c10-bfdf-3fbe8ce511b5",
            "iss": "Vonage",
            "payload_hash": hashlib.sha256(body).hexdigest(),
            "api_key": "a1b2c3d",
            "application_id": "aaaaaaaa-bbbb-cccc-dddd-0123456789ab",
        }
        return self.token(claims)

    def forged(self, headers):
        """
        Return headers that are nearly right: also none, "none", and other algorithms.
        """
        head, claims, signature = (
            headers["authorization"].removeprefix("Bearer ").split(".")
        )
        known = jwt.decode(
            f"{head}.{claims}.{signature}", options={"verify_signature": False}
        )
        without = {k: v for k, v in known.items() if k != "payload_hash"}
        none = jwt.encode(known, key=None, algorithm="none")
        return [
            {"authorization": ""},
            {"authorization": f"Basic {head}.{claims}.{signature}"},
            {"authorization": f"Bearer {head}.{claims}"},
            {"authorization": f"Bearer {head}.{claims}."},
            {"authorization": f"Bearer {head}.{claims}.é"},
            {"authorization": "Bearer " + "a" * 5000 + ".b.c"},
            {"authorization": f"Bearer {none}"},
            self.token(known, algorithm="HS512"),
            self.token(
                known,
                key="another signature secret of 64 characters, as PyJWT wants them to be.",
            ),
            self.token(without),
            self.raw("[]", json.dumps(known)),
            self.raw("{", json.dumps(known)),
            self.raw('{"alg":"HS256"}', "7"),
        ]

    def raw(self, head, claims):
        """
        Return a well signed token of any bytes.
        """
        parts = [
            base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
            for part in (head, claims)
        ]
        made = hmac.digest(self.secret.encode(), ".".join(parts).encode(), "sha256")
        signature = base64.urlsafe_b64encode(made).decode().rstrip("=")
        return {"authorization": "Bearer " + ".".join([*parts, signature])}


class Jambonz:
    """
    Signs with HMAC as RFC 2104 spells it out.
    """

    secret = "a webhook secret"

    def __init__(self, clock):
        self.checks = jambonz.JambonzWebhooks(self.secret, clock=clock)

    def signed(self, body, at_s):
        """
        Return the headers of a delivery.
        """
        key = self.secret.encode().ljust(64, b"\0")
        inner = hashlib.sha256(
            bytes(b ^ 0x36 for b in key) + f"{at_s}.".encode() + body
        ).digest()
        made = hashlib.sha256(bytes(b ^ 0x5C for b in key) + inner).hexdigest()
        return {"signature": f"t={at_s},v1={'0' * 64},v1={made}"}

    def forged(self, headers):
        """
        Return headers that are nearly right.
        """
        good = headers["signature"]
        return [
            {"signature": ""},
            {"signature": good.replace("v1=", "v0=")},
            {"signature": good.upper()},
            {"signature": good.replace("t=", "t=1")},
            {"signature": good + ",t=1"},
            {"signature": "t=1,v1=é"},
        ]


@pytest.fixture(params=[OpenAI, Telnyx, Vonage, Jambonz])
def vendor(request, clock):
    """
    Whoever signs.
    """
    return request.param(clock)


class TestSignatures:
    """
    Another implementation signs; nothing else is taken.
    """

    def test_what_is_signed_is_taken(self, vendor):
        """
        At once, and nearly five minutes off.
        """
        for at_s in (START_S, START_S - 299, START_S + 299):
            headers = vendor.signed(BODY, at_s)
            assert json.loads(BODY) == vendor.checks.verify(BODY, **headers)

    def test_what_is_not_is_refused(self, vendor):
        """
        Nearly right is wrong, and so is right for another body.
        """
        headers = vendor.signed(BODY, START_S)
        for wrong in vendor.forged(headers):
            with pytest.raises(WebhookForgedError):
                vendor.checks.verify(BODY, **wrong)
        for body in (BODY + b" ", b""):
            with pytest.raises(WebhookForgedError):
                vendor.checks.verify(body, **headers)

    def test_headers_that_are_no_text(self, vendor):
        """
        Bytes that a framework could not decode are forged, and not an error of ours.
        """
        headers = vendor.signed(BODY, START_S)
        for name, value in headers.items():
            for wrong in ("\udcff", value + "\udcff", value.replace("=", "=\udcff")):
                with pytest.raises((WebhookForgedError, WebhookMalformedError)):
                    vendor.checks.verify(BODY, **{**headers, name: wrong + "\udcff"})

    def test_late_and_early(self, vendor):
        """
        Five minutes and a second off is refused.
        """
        for at_s in (START_S - 301, START_S + 301):
            with pytest.raises(WebhookExpiredError):
                vendor.checks.verify(BODY, **vendor.signed(BODY, at_s))

    @pytest.mark.parametrize("body", [b"[]", b"{", b"7", b"[" * 20_000])
    def test_signed_and_no_object(self, vendor, body):
        """
        A signature makes no object of a list.
        """
        with pytest.raises(WebhookMalformedError):
            vendor.checks.verify(body, **vendor.signed(body, START_S))

    def test_too_large(self, vendor):
        """
        Nothing of it is parsed.
        """
        body = b" " * (MAX_BODY_BYTES + 1)
        with pytest.raises(TooLargeError):
            vendor.checks.verify(body, **vendor.signed(body, START_S))

    def test_secrets_are_not_shown(self, vendor):
        """
        Neither in repr nor in a pickle.
        """
        assert "secret" not in repr(vendor.checks)
        if not isinstance(vendor, Telnyx):
            with pytest.raises(NotPicklableError):
                pickle.dumps(vendor.checks)

    def test_times_that_are_none(self, clock):
        """
        A token without a time, or with a text for one, is refused.
        """
        vendor = Vonage(clock)
        digest = hashlib.sha256(BODY).hexdigest()
        for issued in ("now", None, True, 1e300, -1):
            claims = json.dumps({"payload_hash": digest, "iat": issued})
            with pytest.raises(WebhookMalformedError):
                vendor.checks.verify(BODY, **vendor.raw('{"alg":"HS256"}', claims))

    @pytest.mark.parametrize(
        "make",
        [
            lambda: openai_realtime.OpenAIWebhooks(""),
            lambda: openai_realtime.OpenAIWebhooks("whsec_é"),
            lambda: telnyx.TelnyxWebhooks("AAAA"),
            lambda: telnyx.TelnyxWebhooks("é"),
            lambda: vonage.VonageWebhooks(""),
            lambda: jambonz.JambonzWebhooks(""),
            lambda: azure.AzureEvents(""),
        ],
    )
    def test_no_secret(self, make):
        """
        Under an empty key everybody can sign.
        """
        with pytest.raises(UsageError):
            make()


class TestAzure:
    """
    Event Grid signs nothing, and brings our secret.
    """

    def test_deliveries(self):
        """
        In both schemas; a subscription begins with a code.
        """
        events = azure.AzureEvents("a secret of ours")
        code = {"eventType": azure.VALIDATION, "data": {"validationCode": "512d38b6"}}
        (first, second) = events.verify(
            json.dumps([AZURE, code]).encode(), given="a secret of ours"
        )
        (cloud,) = events.verify(
            json.dumps({**AZURE, "type": azure.INCOMING}).encode(),
            given="a secret of ours",
        )

        assert (azure.INCOMING, azure.VALIDATION) == (
            azure.kind_of(first),
            azure.kind_of(second),
        )
        assert azure.INCOMING == azure.kind_of(cloud)
        assert {"validationResponse": "512d38b6"} == azure.validation_response(second)
        with pytest.raises(WebhookMalformedError):
            azure.validation_response(first)

    def test_refused(self):
        """
        Another secret, and what is no event.
        """
        events = azure.AzureEvents("a secret of ours")
        for given_secret in ("", "é", "\udcff", "a secret of other"):
            with pytest.raises(WebhookForgedError):
                events.verify(b"[]", given=given_secret)
        for body in (b"{", b"[7]", b"7", b"[" * 20_000):
            with pytest.raises(WebhookMalformedError):
                events.verify(body, given="a secret of ours")

        assert "<AzureEvents>" == repr(events)
