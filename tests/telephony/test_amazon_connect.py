"""
Amazon Connect: the function that a flow calls, with events as AWS documents them.
"""

from __future__ import annotations

import copy
import json

import pytest
from acme import Acme
from calls import CALLER, LINE, SENTINEL
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.errors import UnavailableError, UsageError, WebhookMalformedError
from cxcontext.telephony.amazon_connect import (
    MAX_ATTRIBUTES_BYTES,
    ConnectLambda,
    contact_attributes,
    contact_key,
    leg_of_event,
    update_contact_attributes,
)
from cxcontext.telephony.user_to_user import user_to_user

# "Example Amazon Connect request event", AWS Lambda Developer Guide, Using Lambda with
# Amazon Connect; with numbers of nobody.
DOCUMENTED = {
    "Details": {
        "ContactData": {
            "Attributes": {},
            "Channel": "VOICE",
            "ContactId": "4a573372-1f28-4e26-b97b-XXXXXXXXXXX",
            "CustomerEndpoint": {"Address": CALLER, "Type": "TELEPHONE_NUMBER"},
            "InitialContactId": "4a573372-1f28-4e26-b97b-XXXXXXXXXXX",
            "InitiationMethod": "INBOUND",
            "InstanceARN": "arn:aws-cn:connect:aws-region:1234567890:instance/"
            "c8c0e68d-2200-4265-82c0-XXXXXXXXXX",
            "PreviousContactId": "4a573372-1f28-4e26-b97b-XXXXXXXXXXX",
            "Queue": {
                "ARN": "arn:aws-cn:connect:eu-west-2:111111111111:instance/"
                "cccccccc-bbbb-dddd-eeee-ffffffffffff/queue/"
                "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
                "Name": "PasswordReset",
            },
            "SystemEndpoint": {"Address": LINE, "Type": "TELEPHONE_NUMBER"},
        },
        "Parameters": {"sentAttributeKey": "sentAttributeValue"},
    },
    "Name": "ContactFlowEvent",
}
CONTACT = DOCUMENTED["Details"]["ContactData"]["ContactId"]


def event(*, contact=None, parameters=None):
    """
    Return the documented event, but for some members.
    """
    made = copy.deepcopy(DOCUMENTED)
    made["Details"]["ContactData"].update(contact or {})
    made["Details"]["Parameters"].update(parameters or {})
    return made


@pytest.fixture
def handler(desk):
    """
    Billing's function.
    """
    return ConnectLambda(
        desk.ladder("billing"),
        needs=(Acme.full_name, Acme.email),
        transfers=desk.transfers,
    )


def is_string_map(answer):
    """
    Return whether Connect takes it for STRING_MAP.
    """
    flat = all(isinstance(v, str) for pair in answer.items() for v in pair)
    return flat and len(json.dumps(answer)) < MAX_ATTRIBUTES_BYTES


class TestLeg:
    """
    What a flow asks about.
    """

    def test_the_documented_event(self):
        """
        Ids, numbers and channel are read; without a reference there are no offers.
        """
        leg = leg_of_event(DOCUMENTED)

        assert (CONTACT, LINE, CALLER, "phone", (), (contact_key(CONTACT),)) == (
            leg.lease,
            leg.line,
            leg.caller,
            leg.channel,
            leg.offers,
            leg.ids,
        )
        assert not leg.transferred
        assert not leg.trusted

    @pytest.mark.parametrize("method", ["TRANSFER", "OUTBOUND", "QUEUE_TRANSFER"])
    def test_a_transferred_contact(self, method):
        """
        Nobody is found by the number of a leg that was not dialled by the customer.
        """
        made = event(
            contact={"InitiationMethod": method, "InitialContactId": "the first"}
        )
        leg = leg_of_event(made)

        assert leg.transferred
        assert (contact_key(CONTACT), contact_key("the first")) == leg.ids

    @pytest.mark.parametrize(
        "wrong",
        [
            {},
            {"Details": None},
            {"Details": {"ContactData": []}},
            {"Details": {"ContactData": {}}},
            [],
            event(contact={"ContactId": 7}),
        ],
    )
    def test_no_event_of_a_flow(self, handler, wrong):
        """
        It is refused, and the flow takes its Error branch.
        """
        with pytest.raises(WebhookMalformedError):
            handler(wrong, None)

    @given(
        st.recursive(
            st.none() | st.text() | st.integers(),
            lambda inner: st.dictionaries(
                st.sampled_from(
                    [
                        *DOCUMENTED["Details"]["ContactData"],
                        "Parameters",
                        "User-to-User",
                    ]
                ),
                inner,
            ),
        )
    )
    def test_whatever_the_members_are(self, odd):
        """
        With an id there is a leg, of whatever type all other members are.
        """
        contact = {**(odd if isinstance(odd, dict) else {}), "ContactId": "C1"}
        made = {"Details": {"ContactData": contact, "Parameters": odd}}

        assert "C1" == leg_of_event(made).lease


class TestFinding:
    """
    A contact begins.
    """

    @pytest.mark.parametrize("how", ["attribute", "header", "code"])
    def test_found(self, desk, handler, how):
        """
        By attribute, SIP header or code; the answer has names and no values.
        """
        reference = desk.put()
        text = str(reference)
        made = {
            "attribute": lambda: event(
                contact={"Attributes": contact_attributes(reference)}
            ),
            "header": lambda: event(
                parameters={"User-to-User": user_to_user(text).encode()}
            ),
            "code": lambda: event(
                parameters={"code": str(desk.codes.issue(reference, line=LINE))}
            ),
        }[how]()
        answer = handler(made, None)

        assert is_string_map(answer)
        assert {
            "outcome": "found",
            "rung": {
                "attribute": "x_customer_context",
                "header": "user_to_user",
                "code": "code",
            }[how],
            "arrival": "possession",
            "known": "full_name",
            "ask": "email",
        } == answer
        assert SENTINEL not in json.dumps(answer)

    def test_attributes_of_ours(self, desk):
        """
        Where only our flows and services set them, it arrives as a delivery.
        """
        handler = ConnectLambda(
            desk.ladder("billing"), needs=(Acme.order_number,), trusted=True
        )
        answer = handler(
            event(contact={"Attributes": contact_attributes(desk.put())}), None
        )

        assert ("delivery", "order_number") == (answer["arrival"], answer["known"])

    def test_none(self, handler):
        """
        Nothing came.
        """
        assert {"outcome": "none"} == handler(DOCUMENTED, None)

    def test_refused(self, desk, handler):
        """
        Another department's reference says so.
        """
        made = event(contact={"Attributes": contact_attributes(desk.put("support"))})

        assert {"outcome": "refused", "code": "wrong_audience"} == handler(made, None)

    def test_conflict(self, desk, handler):
        """
        Two customers' references: neither.
        """
        made = event(
            contact={"Attributes": contact_attributes(desk.put())},
            parameters={"User-to-User": user_to_user(str(desk.put())).encode()},
        )

        assert {"outcome": "conflict"} == handler(made, None)


class TestHandingOver:
    """
    A contact goes on.
    """

    def test_the_next_department(self, desk, handler):
        """
        The flow gets a reference for support, which finds it by attribute, and also by
        the first contact's id alone.
        """
        made = event(contact={"Attributes": contact_attributes(desk.put())})
        handler(made, None)
        ready = handler(event(parameters={"to": "support"}), None)
        support = ConnectLambda(desk.ladder("support"), needs=(Acme.full_name,))
        next_one = {
            "ContactId": "the next",
            "InitialContactId": CONTACT,
            "InitiationMethod": "TRANSFER",
        }
        by_id = support(event(contact=next_one), None)
        text = ready["customer_context"]
        by_attribute = support(
            event(contact={**next_one, "Attributes": contact_attributes(text)}), None
        )

        assert is_string_map(ready)
        assert ("ready", "email") == (ready["outcome"], ready["ask"])
        assert ("found", "vendor", "full_name") == (
            by_id["outcome"],
            by_id["rung"],
            by_id["known"],
        )
        assert "found" == by_attribute["outcome"]

    def test_nobody(self, handler):
        """
        Without a journey there is nothing to hand over.
        """
        assert {"outcome": "none"} == handler(event(parameters={"to": "support"}), None)

    def test_a_store_that_is_away(self, desk, handler):
        """
        The flow goes on without.
        """
        made = event(contact={"Attributes": contact_attributes(desk.put())})
        handler(made, None)

        def replace(*_, **__):
            raise UnavailableError("the store")

        desk.store.replace = replace
        answer = handler(
            event(parameters={"to": "support"}, contact=made["Details"]["ContactData"]),
            None,
        )

        assert {"outcome": "refused", "code": "unavailable"} == answer

    def test_not_set_up(self, desk):
        """
        A flow that hands over where nothing may be is a mistake of ours.
        """
        handler = ConnectLambda(desk.ladder("billing"))
        with pytest.raises(UsageError):
            handler(event(parameters={"to": "support"}), None)

        assert "<ConnectLambda of billing>" == repr(handler)


class TestAttributes:
    """
    What is sent to Connect.
    """

    def test_an_update(self, desk):
        """
        The instance's id and the first contact's, as the API wants them.
        """
        reference = desk.put()

        assert {
            "InstanceId": "c8c0e68d-2200-4265-82c0-XXXXXXXXXX",
            "InitialContactId": CONTACT,
            "Attributes": {"customer_context": str(reference)},
        } == update_contact_attributes(DOCUMENTED, reference=reference)

    def test_without_an_instance(self, desk):
        """
        Nothing is made up.
        """
        with pytest.raises(WebhookMalformedError):
            update_contact_attributes(
                event(contact={"InstanceARN": ""}), reference=desk.put()
            )

    @pytest.mark.parametrize(
        "others",
        [
            {"customer_context": "x"},
            {"a b": "x"},
            {"ä": "x"},
            {"": "x"},
            {"a": "é" * 16_384},
        ],
    )
    def test_limits(self, desk, others):
        """
        Names that Connect refuses and sizes that take the Error branch.
        """
        with pytest.raises(UsageError):
            contact_attributes(desk.put(), others=others)

    def test_the_last_byte(self, desk):
        """
        32,768 bytes are taken.
        """
        room = MAX_ATTRIBUTES_BYTES - len("customer_context") - 48 - 1

        assert contact_attributes(desk.put(), others={"a": "b" * room})
        with pytest.raises(UsageError):
            contact_attributes(desk.put(), others={"a": "b" * (room + 1)})

    @pytest.mark.parametrize("reference", ["Ada", "", "CX" + "A" * 47])
    def test_references_only(self, reference):
        """
        A fact is not put there.
        """
        with pytest.raises(UsageError):
            contact_attributes(reference)
