"""
A copy of the store: what it says about customers, journeys and references.
"""

from __future__ import annotations

from acme import START_S, Acme
from keeping import PEPPER, home_on, references_on

from cxcontext.core.numeric_date import from_seconds
from cxcontext.homes import CustomerKey, KeyKind

LEG = "CA-leg-1"


class TestDump:
    """
    What a copy of the store gives away.
    """

    def test_it_has_nothing_that_leads_to_anybody(self, every_store, dump, sales):
        """
        No value, no journey id, no reference, no call id, no department, no wording.
        """
        home, references = home_on(every_store), references_on(every_store)
        journey = sales.begin(channel="phone")
        journey.learn(Acme.full_name, "Ada Zebedee")
        promise = journey.promise(
            "zebra", wording="we call you, Zebedee", due=_in_an_hour(sales)
        )
        number = CustomerKey(KeyKind.PHONE, "+12025550123")
        home.contribute(journey, keys=[number])
        home.note_handed(journey.id, to="billing", scopes=[1, 3], at=_now(sales))
        put = [
            references.put(journey, "sales", carried=carried, once=once)
            for carried in (True, False)
            for once in (True, False)
        ]
        child = references.put(journey, "sales", parent=put[-1])
        for reference in (put[-1], child):
            references.redeem(str(reference), department=sales, lease=LEG)
        references.revoke(put[0], now_s=START_S)
        found = dump()
        secret = [PEPPER, journey.id.encode(), bytes.fromhex(journey.id)]
        secret += [LEG.encode(), b"Zebedee", b"2025550123", b"zebra", b"billing"]
        secret += [promise.id.encode(), promise.id.partition("/")[2].encode()]
        for reference in (*put, child):
            secret += [str(reference).encode(), bytes(reference), reference.id]
        secret += [repr(word)[2:-1].encode() for word in secret]

        assert len(found) > 3000
        assert [] == [word for word in secret if word in found]


def _now(department):
    return from_seconds(department.now_s())


def _in_an_hour(department):
    return from_seconds(department.now_s() + 3600)
