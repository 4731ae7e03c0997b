"""
What a hostile review found in the core, each as the attack that it was.
"""

from __future__ import annotations

from typing import Any

import pytest
from acme import Acme

import cxcontext as cx
from cxcontext import Known
from cxcontext.core.journey import handing_over
from cxcontext.core.section import WireFact
from cxcontext.core.standard import CONSENT, Consent, ConsentStatus
from cxcontext.errors import LimitExceededError, UsageError

MARKETING = "dpv:Marketing"


def test_nobody_concludes_that_a_customer_consented(world):
    """
    A grant that is only inferred does not count.
    """
    journey = world["sales"].begin(channel="chat")
    field = Acme.fields_by_number[CONSENT]
    grant = Consent(status=ConsentStatus.GIVEN)
    journey.learn(field.key, grant, known=Known.INFERRED, qualifier=MARKETING)

    assert not journey.has_consent(MARKETING)


def test_a_partner_does_not_fill_our_journey(world, elsewhere, monkeypatch):
    """
    An answer with more facts than may be taken over at once is refused as a whole.
    """
    monkeypatch.setattr(handing_over, "MAX_ACCEPTED_FACTS", 0)
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.parcel, "packed")
    export = journey.export_to("carrier")
    partner = elsewhere["carrier"].receive(export)
    partner.learn(Acme.parcel, "sent")

    with pytest.raises(LimitExceededError, match="facts from a partner"):
        journey.accept_from(partner.hand_over("sales"), export=export.journey_id)

    assert "packed" == journey.recall(Acme.parcel)


def test_an_export_does_not_launder_a_hint(world, elsewhere):
    """
    What only a matching number brought arrives as that at the partner, too.
    """
    journey = world["sales"].begin(channel="chat")
    journey.learn(Acme.parcel, "packed")
    hinted = world["sales"].resume(journey.save(), arrival=cx.Arrival.HINT)
    hinted.learn(Acme.tracking, "T-1")
    partner = elsewhere["carrier"].receive(hinted.export_to("carrier"))

    assert cx.Arrival.HINT is partner.arrival
    assert partner.recall(Acme.tracking) is None


def test_a_promise_cannot_be_reworded_once_accepted(world, elsewhere):
    """
    A creator who says different things under one name makes a conflict.
    """
    journey = world["sales"].begin(channel="chat")
    promise = journey.promise("call", wording="We call you back.", owner="support")
    support = world["support"].receive(journey.hand_over("support"))
    support.accept_promise(promise.id)
    again = elsewhere["sales"].receive(support.hand_over("sales"))
    field = Acme.fields_by_number[-7]
    entry = cx.standard.PromiseEntry(
        action=cx.standard.PromiseAction.MAKE,
        kind="refund",
        wording="We refund everything.",
        owner="support",
    )
    wire = field.codec.to_wire(entry, field="promise")
    random_id = promise.id.partition("/")[2]
    fact = WireFact(field=-7, has_value=True, value=wire, qualifier=random_id)
    again._add_fact(field, fact, at_s=again.now_s())
    (read,) = elsewhere["support"].receive(again.hand_over("support")).promises

    assert cx.PromiseStatus.CONFLICT is read.status
    assert "We call you back." == read.wording


@pytest.mark.parametrize("keys", ["keys/acme.keys.json", None, b""])
def test_a_path_is_no_key_set(keys: Any):
    """
    What is passed in place of keys is named, with what to pass.
    """
    with pytest.raises(UsageError, match=r"pass KeySet\.load\(path\)"):
        cx.TrustDomain("acme.example", Acme, keys=keys)


def test_a_path_is_no_private_key(domain):
    """
    What is passed in place of private keys is named, with what to pass.
    """
    with pytest.raises(UsageError, match=r"pass PrivateKeys\.load\(path\)"):
        domain.department("sales", keys="keys/sales.keys.json")  # type: ignore[arg-type]
