"""
Propagation: what goes into a message, what comes out of one, and what is told.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import attrs
import pytest
from acme import Acme, World
from forge import flip, pack, unpack
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.core.envelope import to_text
from cxcontext.core.events import Received, Rejected, Sent, Skipped, Unsent
from cxcontext.errors import (
    DestinationError,
    MalformedError,
    RetainedError,
    UnavailableError,
    UnknownDepartmentError,
    UsageError,
)

NAME = "customer-context"
TEXT = cx.Limits()
BILLING = cx.Destination("billing", origins=["https://billing.example"])
BINARY = cx.Limits(binary=True)


class Record:
    """
    A message whose headers are pairs in order, as Kafka has them.
    """

    def __init__(self, *values: str | bytes, limits: cx.Limits = TEXT) -> None:
        self.headers: list[tuple[str, str | bytes]] = [("trace", "t-1")]
        self.headers += [(NAME, value) for value in values]
        self.limits = limits

    @property
    def values(self) -> list[str | bytes]:
        """
        What a receiver finds.
        """
        return self.get_all(NAME)

    def get_all(self, name: str) -> list[str | bytes]:
        """
        Return all, in order.
        """
        return [value for key, value in self.headers if key == name]

    def set(self, name: str, value: str | bytes) -> None:
        """
        Put one in place of all.
        """
        self.remove(name)
        self.headers.append((name, value))

    def remove(self, name: str) -> None:
        """
        Take all away.
        """
        self.headers = [pair for pair in self.headers if pair[0] != name]


@attrs.frozen
class KMS:
    """
    A signer whose key is elsewhere, and which can be cut off.
    """

    signer: Any
    cut_off: list[bool]

    @property
    def key_id(self) -> bytes:
        """
        That of the key.
        """
        return self.signer.key_id

    @property
    def algorithm(self) -> int:
        """
        That of the key.
        """
        return self.signer.algorithm

    def sign(self, data: bytes) -> bytes:
        """
        Sign, unless it is cut off.
        """
        if self.cut_off:
            raise UnavailableError("the KMS")
        return self.signer.sign(data)


@pytest.fixture
def sender(sales):
    """
    Sales, which may send to billing.
    """
    return cx.Propagator(sales, [BILLING])


@pytest.fixture
def receiver(elsewhere):
    """
    Billing in its own process.
    """
    return cx.Propagator(elsewhere["billing"])


@pytest.fixture
def journey(sales):
    """
    A journey at sales on which something was learned.
    """
    journey = sales.begin(channel="chat")
    journey.learn(Acme.full_name, "Ada Lovelace")
    journey.learn(Acme.card_last4, "4242")
    return journey


@pytest.fixture
def cut_off():
    """
    Empty as long as `remote` can reach its KMS.
    """
    return []


@pytest.fixture
def remote(ring, world, cut_off):
    """
    Sales again, whose key is in a KMS.
    """
    keys = ring.private["sales"]
    signers = tuple(KMS(signer, cut_off) for signer in keys.signers)
    return world.domain.department("sales", keys=attrs.evolve(keys, signers=signers))


def full(department) -> cx.Journey[Any]:
    """
    Return a journey that is larger than any envelope may be.
    """
    journey = department.begin(channel="chat")
    for _ in range(18):
        journey.correct(Acme.photo, bytes(15_000))
    return journey


def without(world: World, name: str) -> None:
    """
    Let the world have a newer key set, in which a department is no more.
    """
    public = world.domain.key_set
    departments = {n: d for n, d in public.departments.items() if n != name}
    world.domain.update_keys(
        attrs.evolve(public, sequence=public.sequence + 1, departments=departments)
    )


class TestPropagator:
    """
    What is refused before the first message.
    """

    def test_a_destination_must_be_in_the_key_set(self, sales):
        """
        A misspelt department is an error when the propagator is made.
        """
        with pytest.raises(UnknownDepartmentError, match="billing"):
            cx.Propagator(sales, [cx.Destination("biling")])

    def test_an_origin_reaches_one_destination(self, sales):
        """
        Who is meant by an origin is never a matter of order.
        """
        other = cx.Destination("support", origins=["https://billing.example:443"])

        with pytest.raises(DestinationError, match=r"https://billing\.example:443"):
            cx.Propagator(sales, [BILLING, other])

    def test_the_channel_must_be_one(self, sales):
        """
        A bad channel is an error at once, and not in the first refused request.
        """
        with pytest.raises(ValueError, match="a channel is"):
            cx.Propagator(sales, channel="Web Shop")

    def test_a_destination_is_found_by_its_origin(self, sender):
        """
        The origin leads to the destination, any other to none.
        """
        found = [
            sender.destination_at(cx.Origin.parse(text))
            for text in (
                "https://billing.example",
                "http://billing.example",
                "https://billing.example:8443",
                "https://www.billing.example",
                "https://billing.example.elsewhere.example",
            )
        ]

        assert [BILLING, None, None, None, None] == found

    def test_its_repr_names_who_is_sent_to(self, sender, receiver):
        """
        The representation shows departments only.
        """
        assert (
            "<Propagator of sales to billing>",
            "<Propagator of billing to nobody>",
        ) == (repr(sender), repr(receiver))


class TestInjecting:
    """
    What goes into a message.
    """

    def test_the_receiver_knows_what_the_sender_learned(
        self, sender, receiver, journey
    ):
        """
        A journey that was injected comes out with its facts.
        """
        message = Record()
        sender.inject(journey, message, to="billing", name=NAME)
        found = receiver.extract(message, name=NAME)

        assert "4242" == found.journey.recall(Acme.card_last4)

    def test_it_says_what_happened(self, sender, journey, world):
        """
        Result and event name the receiver and the size; the result the delivery.
        """
        message = Record()
        sent = sender.inject(journey, message, to="billing", name=NAME)
        (value,) = message.values

        assert (
            cx.Injected(
                destination="billing",
                transport=cx.Transport.INLINE,
                delivery_id=world["billing"].receive(value).delivery_id,
                size_bytes=len(value),
            ),
            f"sent to billing, {len(value)} bytes",
            [
                Sent(
                    department="sales",
                    journey_id=journey.id,
                    destination="billing",
                    size_bytes=len(value),
                )
            ],
        ) == (sent, str(sent), world.told(Sent))

    def test_other_metadata_is_left_alone(self, sender, journey):
        """
        Only the one name is touched.
        """
        message = Record()
        sender.inject(journey, message, to="billing", name=NAME)

        assert ["t-1"] == message.get_all("trace")

    @pytest.mark.parametrize(
        ("limits", "kind"), [(TEXT, str), (BINARY, bytes)], ids=["text", "binary"]
    )
    def test_the_carrier_decides_the_form(
        self, sender, receiver, journey, limits, kind
    ):
        """
        A binary carrier is given bytes, any other text, and both come out again.
        """
        message = Record(limits=limits)
        sender.inject(journey, message, to="billing", name=NAME)
        found = receiver.extract(message, name=NAME)

        assert (kind, "4242") == (
            type(message.values[0]),
            found.journey.recall(Acme.card_last4),
        )

    def test_what_stands_there_is_replaced(self, sender, receiver, journey):
        """
        However many values the message has, afterwards it has the new one only.
        """
        message = Record("somebody else's", "and another")
        sender.inject(journey, message, to="billing", name=NAME)

        assert receiver.extract(message, name=NAME).problem is None

    @pytest.mark.parametrize(
        "to", [None, "support", "nobody", cx.Destination("billing", bound=True)]
    )
    def test_nobody_off_the_list_is_sent_anything(self, sender, journey, world, to):
        """
        To whoever is not on the allow-list the message goes without a value.
        """
        message = Record("somebody else's")
        result = sender.inject(journey, message, to=to, name=NAME)

        assert ([], cx.SkipReason.NOT_ALLOWED, "not sent (not_allowed)", []) == (
            message.values,
            result.skipped,
            str(result),
            world.told(Sent),
        )

    def test_without_a_list_nobody_is_sent_anything(self, sales, journey):
        """
        A propagator without destinations sends to nobody, whoever is named.
        """
        message = Record()
        result = cx.Propagator(sales).inject(journey, message, to=BILLING, name=NAME)

        assert ([], cx.SkipReason.NOT_ALLOWED) == (message.values, result.skipped)

    def test_what_was_sent_is_not_unsent(self, sender, journey, world):
        """
        A unit of work whose facts were injected ends without the event.
        """
        with cx.bound(journey):
            sender.inject(journey, Record(), to=BILLING, name=NAME)

        assert [] == world.told(Unsent)

    def test_the_receiver_of_a_binding_must_know_it(self, sales, receiver, journey):
        """
        A bound delivery is refused with another message, and without one.
        """
        sender = cx.Propagator(sales, [cx.Destination("billing", bound=True)])
        message = Record()
        sender.inject(journey, message, to="billing", name=NAME, binding=b"call 7")
        found = [
            receiver.extract(message, name=NAME, binding=binding).problem
            for binding in (b"call 7", b"call 8", None)
        ]

        assert [None, "wrong_binding", "wrong_binding"] == [
            getattr(problem, "code", None) for problem in found
        ]

    def test_an_unbound_destination_is_not_bound(self, sender, receiver, journey):
        """
        Where the destination does not ask for it, what is known is not bound.
        """
        message = Record()
        sender.inject(journey, message, to="billing", name=NAME, binding=b"call 7")

        assert receiver.extract(message, name=NAME).problem is None

    def test_a_delivery_lives_as_long_as_its_destination_says(
        self, sales, receiver, journey, clock
    ):
        """
        After the destination's own lifetime, and the leeway, it is refused.
        """
        short = cx.Destination("billing", lifetime=timedelta(seconds=5))
        message = Record()
        cx.Propagator(sales, [short]).inject(journey, message, to="billing", name=NAME)
        clock.advance(seconds=64)
        alive = receiver.extract(message, name=NAME)
        clock.advance(seconds=1)
        dead = receiver.extract(message, name=NAME)

        assert (None, "delivery_expired") == (alive.problem, dead.problem.code)


class TestSkipping:
    """
    What cannot go is reported, and the message goes on.
    """

    def test_what_is_too_large_is_not_sent(self, sender, journey, world):
        """
        One byte over the carrier's limit is too much, and who must ask is told.
        """
        size = sender.inject(journey, Record(), to="billing", name=NAME).size_bytes
        fits = Record(limits=cx.Limits(value_bytes=size))
        sender.inject(journey, fits, to="billing", name=NAME)
        message = Record("old", limits=cx.Limits(value_bytes=size - 1))
        result = sender.inject(journey, message, to="billing", name=NAME)

        assert (
            1,
            [],
            cx.SkipReason.TOO_LARGE,
            "not sent (too_large); billing will have to ask for full_name, card_last4",
            [
                Skipped(
                    department="sales",
                    journey_id=journey.id,
                    destination="billing",
                    reason="too_large",
                    will_ask=("full_name", "card_last4"),
                )
            ],
        ) == (
            len(fits.values),
            message.values,
            result.skipped,
            str(result),
            world.told(Skipped),
        )

    def test_where_there_is_no_room_nothing_is_sent(self, sender, journey, world):
        """
        A carrier that takes no value at all is told apart from one that is too small.
        """
        full = Record(limits=cx.Limits(value_bytes=0))
        fit = sender.fit(journey, full, to="billing")
        result = sender.inject(journey, full, to="billing", name=NAME)

        assert (cx.SkipReason.NO_ROOM, cx.SkipReason.NO_ROOM, [], ["no_room"]) == (
            fit.skipped,
            result.skipped,
            full.values,
            [event.reason for event in world.told(Skipped)],
        )

    def test_the_binary_form_is_measured_in_bytes(self, sender, journey):
        """
        What is too long as text can fit as bytes.
        """
        size = sender.inject(journey, Record(), to="billing", name=NAME).size_bytes
        limits = cx.Limits(value_bytes=size - 1, binary=True)

        assert (
            sender.inject(
                journey, Record(limits=limits), to="billing", name=NAME
            ).skipped
            is None
        )

    def test_who_must_ask_for_nothing_is_told_so(self, sender, sales):
        """
        Where the receiver loses nothing, only the reason is said.
        """
        result = sender.inject(
            sales.begin(channel="chat"),
            Record(limits=cx.Limits(value_bytes=1)),
            to="billing",
            name=NAME,
        )

        assert "not sent (too_large)" == str(result)

    def test_only_what_the_receiver_may_read_is_named(self, sales, journey, world):
        """
        The consequence is the receiver's own: what it never could read is left out.
        """
        sender = cx.Propagator(sales, [cx.Destination("ivr")])
        limits = cx.Limits(value_bytes=1)
        result = sender.inject(journey, Record(limits=limits), to="ivr", name=NAME)

        assert ("full_name",) == result.will_ask

    def test_what_was_too_large_is_unsent(self, sender, journey, world):
        """
        A skip takes nothing, so the unit of work ends with the event.
        """
        with cx.bound(journey):
            limits = cx.Limits(value_bytes=1)
            sender.inject(journey, Record(limits=limits), to="billing", name=NAME)

        assert [(1, 20)] == [event.fields for event in world.told(Unsent)]

    def test_without_a_signing_key_it_is_skipped(self, sender, journey, clock):
        """
        A key that no longer signs does not break the message.
        """
        clock.advance(days=91)

        assert cx.SkipReason.NO_KEY is (
            sender.inject(journey, Record(), to="billing", name=NAME).skipped
        )

    def test_without_a_receiver_it_is_skipped(self, sender, journey, world):
        """
        A department that the key set no longer has does not break the message.
        """
        without(world, "billing")

        assert cx.SkipReason.NO_KEY is (
            sender.inject(journey, Record(), to="billing", name=NAME).skipped
        )

    def test_a_signer_out_of_reach_is_skipped(self, remote, cut_off):
        """
        A KMS that does not answer does not break the message.
        """
        journey = remote.begin(channel="chat")
        journey.learn(Acme.full_name, "Ada Lovelace")
        cut_off.append(True)
        result = cx.Propagator(remote, [BILLING]).inject(
            journey, Record(), to="billing", name=NAME
        )

        assert (cx.SkipReason.UNAVAILABLE, ("full_name",)) == (
            result.skipped,
            result.will_ask,
        )

    def test_what_was_skipped_goes_with_the_next_message(
        self, remote, cut_off, receiver
    ):
        """
        Nothing is lost by a skip: once the signer answers, all of it goes.
        """
        sender = cx.Propagator(remote, [BILLING])
        journey = remote.begin(channel="chat")
        journey.learn(Acme.card_last4, "4242")
        cut_off.append(True)
        sender.inject(journey, Record(), to="billing", name=NAME)
        cut_off.clear()
        message = Record()
        sender.inject(journey, message, to="billing", name=NAME)
        found = receiver.extract(message, name=NAME)

        assert "4242" == found.journey.recall(Acme.card_last4)

    def test_a_full_journey_is_skipped(self, sender, sales):
        """
        A journey beyond the format's size does not break the message.
        """
        result = sender.inject(full(sales), Record(), to="billing", name=NAME)

        assert cx.SkipReason.FULL is result.skipped


class TestExporting:
    """
    A destination outside the domain.
    """

    def test_a_partner_is_sent_an_export(self, sales, elsewhere, journey):
        """
        It is another journey, with what the partner may read and nothing else.
        """
        journey.learn(Acme.tracking, "T-77")
        sender = cx.Propagator(sales, [cx.Destination("carrier")])
        message = Record()
        sender.inject(journey, message, to="carrier", name=NAME)
        found = elsewhere["carrier"].receive(message.values[0])

        assert (False, "T-77", 1) == (
            found.id == journey.id,
            found.recall(Acme.tracking),
            len(found.trail),
        )

    def test_an_export_leaves_all_unsent(self, sales, journey, world):
        """
        What a partner is given, our departments must still be told.
        """
        sender = cx.Propagator(sales, [cx.Destination("carrier")])
        with cx.bound(journey):
            journey.learn(Acme.tracking, "T-77")
            sender.inject(journey, Record(), to="carrier", name=NAME)

        assert [(1, 20, 50)] == [event.fields for event in world.told(Unsent)]


class TestExtracting:
    """
    What comes out of a message.
    """

    def test_nothing_is_nothing(self, receiver, elsewhere):
        """
        Where no value stands there is no journey, no problem and no event.
        """
        assert (cx.Extracted(), []) == (
            receiver.extract(Record(), name=NAME),
            elsewhere.events,
        )

    @pytest.mark.parametrize(
        ("problem", "code"),
        [
            (MalformedError("envelope"), "malformed"),
            (UnavailableError("the store"), "unavailable"),
        ],
        ids=["rejected", "lost"],
    )
    def test_why_it_would_be_refused(self, journey, problem, code):
        """
        Whoever requires a journey is told why there is none, in one word.
        """
        found = (
            cx.Extracted(),
            cx.Extracted(journey=journey),
            cx.Extracted(journey=journey, problem=problem),
        )

        assert ["absent", None, code] == [one.refusal() for one in found]

    def test_what_was_seen_before_is_refused_where_once_is_meant(
        self, sender, receiver, journey
    ):
        """
        A delivery that comes again is served, unless each is taken once.
        """
        message = Record()
        sender.inject(journey, message, to="billing", name=NAME)
        found = [receiver.extract(message, name=NAME) for _ in range(2)]

        assert [(None, None), (None, "replayed")] == [
            (one.refusal(), one.refusal(once=True)) for one in found
        ]

    def test_a_journey_arrives_with_its_senders_name(
        self, sender, receiver, journey, elsewhere
    ):
        """
        What verifies is a journey that was handed over, with an event.
        """
        message = Record()
        sender.inject(journey, message, to="billing", name=NAME)
        found = receiver.extract(message, name=NAME)

        assert (
            None,
            cx.Arrival.DELIVERY,
            "sales",
            "chat",
            [
                Received(
                    department="billing",
                    journey_id=journey.id,
                    sender="sales",
                    statements=1,
                    replayed=False,
                )
            ],
        ) == (
            found.problem,
            found.journey.arrival,
            found.journey.received_from,
            found.journey.channel,
            elsewhere.events,
        )

    def test_the_channel_may_be_another_here(self, sender, receiver, journey):
        """
        The receiver says through which channel the customer is there now.
        """
        message = Record()
        sender.inject(journey, message, to="billing", name=NAME)

        assert "phone" == (
            receiver.extract(message, name=NAME, channel="phone").journey.channel
        )

    def test_a_second_sight_is_marked(self, sender, receiver, journey):
        """
        The same delivery again is a journey again, and says so.
        """
        message = Record()
        sender.inject(journey, message, to="billing", name=NAME)
        found = [receiver.extract(message, name=NAME).journey for _ in range(2)]

        assert [False, True] == [journey.replayed for journey in found]

    def test_a_second_sight_is_refused_where_once_is_asked(
        self, sender, receiver, journey
    ):
        """
        Where each delivery counts once, the second is rejected.
        """
        message = Record()
        sender.inject(journey, message, to="billing", name=NAME)
        problems = [
            receiver.extract(message, name=NAME, once=True).problem for _ in range(2)
        ]

        assert [None, "replayed"] == [getattr(p, "code", None) for p in problems]

    @pytest.mark.parametrize(
        ("minutes", "code"), [(10, None), (11, "delivery_too_long")]
    )
    def test_who_waits_long_for_others_is_waited_for(
        self, sales, elsewhere, journey, minutes, code
    ):
        """
        Deliveries as long as one's own slowest destination's are accepted.
        """
        slow = cx.Destination("billing", lifetime=timedelta(minutes=minutes))
        queue = cx.Destination("sales", lifetime=timedelta(minutes=10))
        message = Record()
        cx.Propagator(sales, [slow]).inject(journey, message, to="billing", name=NAME)
        receiver = cx.Propagator(elsewhere["billing"], [queue])
        found = receiver.extract(message, name=NAME)

        assert code == getattr(found.problem, "code", None)


REFUSALS = {
    "duplicate_value": lambda text, _: (text, text),
    "too_large": lambda text, _: (text + "A" * (4097 - len(text)),),
    "malformed": lambda text, _: (text + "!",),
    "not_canonical": lambda text, _: (text + "=",),
    "bad_delivery_signature": lambda _, raw: (last_bit(raw),),
    "wrong_audience": lambda _, __: (),
    "delivery_expired": lambda text, _: (text,),
}


def last_bit(raw: bytes) -> str:
    """
    Return the text of an envelope whose delivery has another last bit.
    """
    wire = unpack(raw)
    wire[2][3] = flip(wire[2][3], 511)
    return to_text(pack(wire))


class TestRejecting:
    """
    What came and was refused.
    """

    @pytest.fixture(params=REFUSALS)
    def refused(self, request, journey, clock):
        """
        A code, and the values for which billing gives it.
        """
        envelope = journey.hand_over("billing")
        values = REFUSALS[request.param](str(envelope), bytes(envelope))
        if request.param == "wrong_audience":
            values = (str(journey.hand_over("support")),)
        if request.param == "delivery_expired":
            clock.advance(seconds=360)
        return request.param, values

    def test_it_is_never_taken_for_nothing(self, refused, receiver, elsewhere):
        """
        An empty journey comes, whose every need says REJECTED; an event tells why.
        """
        code, values = refused
        found = receiver.extract(Record(*values), name=NAME)
        needs = found.journey.needs(Acme.full_name, Acme.card_last4)

        assert (
            code,
            [cx.Reason.REJECTED, cx.Reason.REJECTED],
            [Rejected(department="billing", code=code)],
        ) == (
            found.problem.code,
            [gap.reason for gap in needs],
            elsewhere.told(Rejected),
        )

    def test_what_the_carrier_refuses_is_refused(self, receiver, elsewhere):
        """
        A protocol may tell that a value must not be taken, and its carrier says so.
        """

        class Retained(Record):
            def get_all(self, name):
                raise RetainedError

        found = receiver.extract(Retained(), name=NAME)

        assert ("retained", [Rejected(department="billing", code="retained")]) == (
            found.problem.code,
            elsewhere.told(Rejected),
        )

    def test_bytes_are_refused_like_text(self, refused, receiver):
        """
        A carrier that hands out bytes changes nothing about the reason.
        """
        code, values = refused
        message = Record(*(value.encode() for value in values))

        assert code == receiver.extract(message, name=NAME).problem.code

    def test_the_problem_remembers_nothing_of_what_came(self, refused, receiver):
        """
        It has no traceback, whose frames would hold it, and no cause.
        """
        _, values = refused
        problem = receiver.extract(Record(*values), name=NAME).problem

        assert (None, None, None) == (
            problem.__traceback__,
            problem.__cause__,
            problem.__context__,
        )

    def test_work_goes_on_without_it(self, refused, receiver, elsewhere):
        """
        What is learned after a refusal is recalled, and unsent where it stays.
        """
        _, values = refused
        journey = receiver.extract(Record(*values), name=NAME).journey
        with cx.bound(journey):
            journey.learn(Acme.full_name, "Ada Lovelace")
            known = journey.recall(Acme.full_name)

        assert ("Ada Lovelace", [(1,)]) == (
            known,
            [event.fields for event in elsewhere.told(Unsent)],
        )

    def test_its_channel_is_the_propagators(self, elsewhere):
        """
        A refused journey has the channel of the call, or of the propagator.
        """
        receiver = cx.Propagator(elsewhere["billing"], channel="app")
        found = [
            receiver.extract(Record("no"), name=NAME, channel=channel).journey.channel
            for channel in (None, "phone")
        ]

        assert ["app", "phone"] == found

    def test_the_binary_form_is_refused_where_text_goes(self, receiver, journey):
        """
        One carrier has one form: raw bytes are no text.
        """
        message = Record(bytes(journey.hand_over("billing")))

        assert "malformed" == receiver.extract(message, name=NAME).problem.code

    @given(
        value=st.one_of(st.text(max_size=99), st.binary(max_size=99)),
        binary=st.booleans(),
    )
    @example(value="", binary=False)
    @example(value="cx1.", binary=False)
    @example(value="cx1.é", binary=False)
    @example(value=b"cx1.\xff", binary=False)
    @example(value=b"", binary=True)
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_nothing_that_comes_raises(self, value, binary, receiver):
        """
        Whatever stands in a message, the request goes on with a refused journey.
        """
        message = Record(value, limits=cx.Limits(binary=binary))
        found = receiver.extract(message, name=NAME)

        assert cx.Reason.REJECTED is found.journey.gap(Acme.full_name).reason


class TestReplying:
    """
    What was learned comes back in the response.
    """

    @pytest.fixture
    def asked(self, sender, receiver, journey):
        """
        The request's result at sales, and the journey at billing.
        """
        message = Record()
        sent = sender.inject(journey, message, to="billing", name=NAME)
        return sent, receiver.extract(message, name=NAME).journey

    @pytest.fixture
    def response(self, asked, receiver):
        """
        A response with what billing learned.
        """
        there = asked[1]
        there.learn(Acme.account, "AC-9")
        message = Record()
        receiver.inject_reply(there, message, name=NAME)
        return message

    def test_the_caller_learns_what_was_learned_there(
        self, asked, response, sender, journey
    ):
        """
        A merged response leaves the caller with what the callee found out.
        """
        merged = sender.merge_reply(
            journey, response, name=NAME, reply_to=asked[0].delivery_id
        )

        assert (True, "AC-9") == (merged, journey.recall(Acme.account))

    def test_a_reply_takes_what_was_learned(self, asked, elsewhere, response):
        """
        What went back with the response is not unsent, and its sending is told.
        """
        with cx.bound(asked[1]):
            pass

        assert ([], ["sales"]) == (
            elsewhere.told(Unsent),
            [event.destination for event in elsewhere.told(Sent)],
        )

    @pytest.mark.parametrize("limits", [TEXT, BINARY], ids=["text", "binary"])
    def test_both_forms_come_back(self, asked, receiver, sender, journey, limits):
        """
        The response's carrier decides the form, as the request's does.
        """
        there = asked[1]
        there.learn(Acme.account, "AC-9")
        message = Record(limits=limits)
        receiver.inject_reply(there, message, name=NAME)
        merged = sender.merge_reply(
            journey, message, name=NAME, reply_to=asked[0].delivery_id
        )

        assert merged

    def test_an_acceptance_is_news(self, asked, receiver, sender, journey):
        """
        That the callee took over comes back, without any fact.
        """
        there = asked[1]
        there.accept()
        message = Record()
        receiver.inject_reply(there, message, name=NAME)
        sender.merge_reply(journey, message, name=NAME, reply_to=asked[0].delivery_id)

        assert [("sales", False), ("billing", True)] == [
            (touched.department, touched.accepted) for touched in journey.trail
        ]

    def test_what_came_from_further_on_is_news(
        self, asked, receiver, elsewhere, sender, journey
    ):
        """
        What the callee merged from somebody else goes back, too.
        """
        there = asked[1]
        support = elsewhere["support"].receive(there.hand_over("support"))
        support.learn(Acme.email, "ada@example.org")
        there.merge(support.hand_over("billing"))
        message = Record()
        receiver.inject_reply(there, message, name=NAME)
        sender.merge_reply(journey, message, name=NAME, reply_to=asked[0].delivery_id)

        assert "ada@example.org" == journey.recall(Acme.email)

    def test_no_news_is_no_reply(self, asked, receiver):
        """
        Where nothing was learned the response has no value, whatever stood there.
        """
        message = Record("copied")

        assert (False, []) == (
            receiver.inject_reply(asked[1], message, name=NAME),
            message.values,
        )

    def test_who_was_not_asked_does_not_reply(self, receiver, elsewhere):
        """
        A journey that began here, or was refused, goes back to nobody.
        """
        begun = elsewhere["billing"].begin(channel="web")
        refused = receiver.extract(Record("no"), name=NAME).journey
        for journey in (begun, refused):
            journey.learn(Acme.account, "AC-9")
        message = Record()

        assert [False, False] == [
            receiver.inject_reply(journey, message, name=NAME)
            for journey in (begun, refused)
        ]

    def test_a_partner_is_not_replied_to(self, elsewhere, journey, world):
        """
        An external department's request is never answered with the journey.
        """
        export = journey.export_to("carrier")
        answered = elsewhere["carrier"].receive(export)
        answered.learn(Acme.tracking, "T-77")
        there, _ = world["sales"].receive_from_external(answered.hand_over("sales"))
        there.learn(Acme.tracking, "T-78")
        message = Record()

        assert (False, []) == (
            cx.Propagator(world["sales"]).inject_reply(there, message, name=NAME),
            message.values,
        )

    @pytest.mark.parametrize("reason", ["too_large", "no_key", "full", "unavailable"])
    def test_what_cannot_go_back_is_reported(
        self, reason, world, elsewhere, cut_off, remote
    ):
        """
        The response is served without it; events say why, and what is unsent.
        """
        there = remote.receive(
            elsewhere["billing"].begin(channel="chat").hand_over("sales")
        )
        there.learn(Acme.full_name, "Ada Lovelace")
        message = Record()
        if reason == "too_large":
            message = Record(limits=cx.Limits(value_bytes=9))
        elif reason == "no_key":
            without(world, "billing")
        elif reason == "full":
            for _ in range(18):
                there.correct(Acme.photo, bytes(15_000))
        else:
            cut_off.append(True)
        with cx.bound(there):
            replied = cx.Propagator(remote).inject_reply(there, message, name=NAME)

        assert (False, [], [("billing", reason)], 1) == (
            replied,
            message.values,
            [(e.destination, e.reason) for e in world.told(Skipped)],
            len(world.told(Unsent)),
        )

    def test_no_value_is_no_reply(self, asked, sender, journey, world):
        """
        A response without the value changes nothing and tells nothing.
        """
        merged = sender.merge_reply(
            journey, Record(), name=NAME, reply_to=asked[0].delivery_id
        )

        assert (False, []) == (merged, world.told(Rejected))


class TestIgnoringReplies:
    """
    A response that does not answer this request is ignored, with an event.
    """

    def merged(self, sender, journey, *values, reply_to, limits=TEXT):
        """
        Return whether it was merged, and what is left in the response.
        """
        message = Record(*values, limits=limits)
        merged = sender.merge_reply(journey, message, name=NAME, reply_to=reply_to)
        return merged, message.values

    @pytest.fixture
    def request_id(self, sender, journey):
        """
        The id of the delivery that a request took to billing.
        """
        return sender.inject(journey, Record(), to="billing", name=NAME).delivery_id

    @pytest.fixture
    def there(self, elsewhere, journey):
        """
        The journey at billing, with something learned.
        """
        there = elsewhere["billing"].receive(journey.hand_over("billing"))
        there.learn(Acme.account, "AC-9")
        return there

    def refusals(self, world):
        """
        Return the codes of what was refused.
        """
        return [event.code for event in world.told(Rejected)]

    def test_the_answer_to_another_request(
        self, sender, journey, request_id, there, world
    ):
        """
        A reply that was given to an earlier request is not merged again.
        """
        earlier = sender.inject(journey, Record(), to="billing", name=NAME)
        reply = str(there.hand_over("sales", reply_to=earlier.delivery_id))
        result = self.merged(sender, journey, reply, reply_to=request_id)

        assert ((False, []), ["wrong_reply"], None) == (
            result,
            self.refusals(world),
            journey.recall(Acme.account),
        )

    def test_a_hand_over_that_answers_nothing(
        self, sender, journey, request_id, there, world
    ):
        """
        An envelope that is no reply does not pass for one.
        """
        result = self.merged(
            sender, journey, str(there.hand_over("sales")), reply_to=request_id
        )

        assert ((False, []), ["wrong_reply"]) == (result, self.refusals(world))

    def test_a_reply_that_is_presented_as_a_request(
        self, sender, there, request_id, journey
    ):
        """
        A reply cannot be handed over: whoever extracts it refuses it.
        """
        reply = str(there.hand_over("sales", reply_to=request_id))

        assert "wrong_reply" == sender.extract(Record(reply), name=NAME).problem.code

    def test_an_answer_about_another_customer(
        self, sender, journey, request_id, elsewhere, world, sales
    ):
        """
        A reply that names the request and brings another journey is not merged.
        """
        other = sales.begin(channel="chat")
        there = elsewhere["billing"].receive(other.hand_over("billing"))
        there.learn(Acme.account, "AC-1")
        reply = str(there.hand_over("sales", reply_to=request_id))
        result = self.merged(sender, journey, reply, reply_to=request_id)

        assert ((False, []), ["wrong_reply"], None, [journey.id]) == (
            result,
            self.refusals(world),
            journey.recall(Acme.account),
            [event.journey_id for event in world.told(Rejected)],
        )

    def test_an_answer_that_was_tampered_with(
        self, sender, journey, request_id, there, world
    ):
        """
        A reply of which a bit was changed is not merged.
        """
        reply = there.hand_over("sales", reply_to=request_id)
        result = self.merged(
            sender, journey, last_bit(bytes(reply)), reply_to=request_id
        )

        assert ((False, []), ["bad_delivery_signature"]) == (
            result,
            self.refusals(world),
        )

    @pytest.mark.parametrize(
        ("sender_name", "codes"), [("billing", []), ("support", ["wrong_reply"])]
    )
    def test_an_answer_of_somebody_else(
        self, sender, journey, request_id, there, world, sender_name, codes
    ):
        """
        A reply is merged if it is from whom the request was for, where that is said.
        """
        reply = str(there.hand_over("sales", reply_to=request_id))
        merged = sender.merge_reply(
            journey,
            Record(reply),
            name=NAME,
            reply_to=request_id,
            sender=sender_name,
        )

        assert (not codes, codes) == (merged, self.refusals(world))

    def test_two_answers(self, sender, journey, request_id, there, world):
        """
        Of two replies none is merged, and none is left in the response.
        """
        reply = str(there.hand_over("sales", reply_to=request_id))
        result = self.merged(sender, journey, reply, reply, reply_to=request_id)

        assert ((False, []), ["duplicate_value"]) == (result, self.refusals(world))

    def test_an_answer_that_is_too_long(
        self, sender, journey, request_id, there, world
    ):
        """
        A reply beyond the carrier's limit is not read.
        """
        reply = str(there.hand_over("sales", reply_to=request_id))
        result = self.merged(
            sender, journey, reply, reply_to=request_id, limits=cx.Limits(value_bytes=9)
        )

        assert ((False, []), ["too_large"]) == (result, self.refusals(world))

    def test_the_same_answer_again_adds_nothing(
        self, sender, journey, request_id, there
    ):
        """
        A reply that is seen twice leaves the journey as it was after the first.
        """
        reply = str(there.hand_over("sales", reply_to=request_id))
        self.merged(sender, journey, reply, reply_to=request_id)
        once = len(journey.trail)
        self.merged(sender, journey, reply, reply_to=request_id)

        assert (2, 2) == (once, len(journey.trail))

    def test_an_answer_that_cannot_be_merged_now(
        self, remote, cut_off, elsewhere, world
    ):
        """
        The response is served also where what is pending cannot be sealed.
        """
        sender = cx.Propagator(remote, [BILLING])
        journey = remote.begin(channel="chat")
        message = Record()
        sent = sender.inject(journey, message, to="billing", name=NAME)
        there = elsewhere["billing"].receive(message.values[0])
        there.learn(Acme.account, "AC-9")
        reply = str(there.hand_over("sales", reply_to=sent.delivery_id))
        journey.learn(Acme.full_name, "Ada Lovelace")
        cut_off.append(True)
        result = self.merged(sender, journey, reply, reply_to=sent.delivery_id)

        assert ((False, []), ["unmerged"], "Ada Lovelace") == (
            result,
            self.refusals(world),
            journey.recall(Acme.full_name),
        )


class TestHiding:
    """
    What nobody sees who looks at results and events.
    """

    def test_results_and_events_show_no_value(self, sender, receiver, journey, world):
        """
        Neither what the customer said nor the envelope is in any of them.
        """
        message = Record()
        small = Record(limits=cx.Limits(value_bytes=1))
        shown = [
            sender.inject(journey, message, to="billing", name=NAME),
            sender.inject(journey, small, to="billing", name=NAME),
            receiver.extract(message, name=NAME),
            receiver.extract(Record(message.values[0] + "!"), name=NAME),
            world.events,
        ]
        text = "".join(f"{thing!r}{thing!s}" for thing in shown)

        assert [] == [
            secret
            for secret in ("Ada", "Lovelace", "4242", message.values[0][4:40])
            if secret in text
        ]


def test_a_usage_error_is_raised_where_the_mistake_is(sales, journey):
    """
    What the calling code does wrong is not reported as a skip.
    """
    with pytest.raises(UsageError, match="1 second or more"):
        cx.Propagator(sales, [cx.Destination("billing", lifetime=timedelta(0))])


class TestQueues:
    """
    Which queue reaches whom.
    """

    def test_a_queue_reaches_its_destination(self, world):
        """
        The queue's name is compared exactly; no other reaches anybody.
        """
        billing = cx.Destination("billing", queues=["billing.tasks"])
        propagator = cx.Propagator(world["sales"], [billing])

        assert billing is propagator.destination_of("billing.tasks")
        assert propagator.destination_of("billing.tasks2") is None
        assert propagator.destination_of("Billing.tasks") is None

    def test_a_queue_reaches_one_destination(self, world):
        """
        A delivery has one audience, so a queue that two consume is refused at once.
        """
        both = [cx.Destination(n, queues=["events"]) for n in ("billing", "support")]

        with pytest.raises(DestinationError, match="two destinations"):
            cx.Propagator(world["sales"], both)
