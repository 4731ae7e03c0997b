"""
SQS and SNS: the contract on moto's server, and by ourselves what that does not limit.
"""

from __future__ import annotations

import json
from contextlib import contextmanager

import attrs
import boto3
import pytest
from botocore.config import Config
from places import moto_at, working

import cxcontext as cx
from cxcontext.core.events import Skipped
from cxcontext.errors import DestinationError
from cxcontext.queues.messages import Messages
from cxcontext.queues.sqs import NAME, bound, injected, register
from cxcontext.testing.contract import HandlerError, Process, QueueContract
from cxcontext.testing.shop import NAME as ADA
from cxcontext.testing.shop import NOBODY, REFUSED, customer

URL = "https://sqs.example.com/1/orders"
ARN = "arn:aws:sns:eu-west-1:1:orders"


@pytest.fixture(scope="module")
def moto():
    """
    moto's server.
    """
    with moto_at() as address:
        yield address


def client_of(service, address):
    """
    Return a client that needs no account.
    """
    return boto3.client(
        service,
        endpoint_url=address,
        region_name="eu-west-1",
        aws_access_key_id="none",
        aws_secret_access_key="none",
        config=Config(max_pool_connections=20, proxies={}),
    )


def text(value):
    """
    Return a message attribute.
    """
    return {"DataType": "String", "StringValue": value}


class SQSContract(QueueContract):
    """
    What is the same for queues, and for topics that lead to one.
    """

    module = "cxcontext.queues.sqs"
    name = NAME
    # The emulator takes some 10 ms for each call.
    customers = 40
    # At DEBUG botocore writes down every request and response.
    wire_logs = ("botocore",)

    @pytest.fixture(autouse=True)
    def _at(self, moto):
        self.sqs, self.sns = client_of("sqs", moto), client_of("sns", moto)
        self.address = moto

    def make_queue(self):
        """
        Make a queue, and name it by its URL.
        """
        name = super().make_queue()
        return self.sqs.create_queue(QueueName=name)["QueueUrl"]

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Receive in two threads; what failed can be received again at once.
        """
        client = client_of("sqs", self.address)
        register(client, messages)
        url = self.url_of(queue)

        def work(stopped):
            while not stopped.is_set():
                received = client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
                stopped.wait(0.01)
                for message in received.get("Messages", []):
                    handle(message)

        def handle(message):
            receipt = {"QueueUrl": url, "ReceiptHandle": message["ReceiptHandle"]}
            try:
                with bound(messages, message):
                    handler(self.body_of(message))
            except HandlerError:
                client.change_message_visibility(**receipt, VisibilityTimeout=0)
            else:
                client.delete_message(**receipt)

        with working(work, threads=2):
            yield

    def url_of(self, queue):
        """
        Return the URL to receive from.
        """
        return queue

    def body_of(self, message):
        """
        Return what was sent.
        """
        return message["Body"].encode()


class TestSQS(SQSContract):
    """
    One message after the other, each injected by hand.
    """

    @contextmanager
    def producing(self, messages, queue):
        """
        Send with parameters that were injected into.
        """

        def produce(body, by_hand):
            params = {"QueueUrl": queue, "MessageBody": body.decode()}
            params["MessageAttributes"] = {name: text(v) for name, v in by_hand}
            self.sqs.send_message(**injected(messages, params))

        yield produce

    def produce_raw(self, queue, body, values):
        """
        Send what nobody would.
        """
        (value,) = values
        self.sqs.send_message(
            QueueUrl=queue,
            MessageBody=body.decode(),
            MessageAttributes={self.name: text(value)},
        )


class SNSContract(SQSContract):
    """
    A topic, and a queue that subscribes to it.
    """

    raw: bool

    def make_queue(self):
        """
        Make both, and name them by the topic's ARN.
        """
        url = super().make_queue()
        name = url.rpartition("/")[2]
        arn = self.sns.create_topic(Name=name)["TopicArn"]
        self.sns.subscribe(
            TopicArn=arn,
            Protocol="sqs",
            Endpoint=f"arn:aws:sqs:eu-west-1:123456789012:{name}",
            Attributes={"RawMessageDelivery": str(self.raw).lower()},
        )
        return arn

    def url_of(self, queue):
        """
        Return the URL of the queue that subscribes.
        """
        name = queue.rpartition(":")[2]
        return self.sqs.get_queue_url(QueueName=name)["QueueUrl"]

    @contextmanager
    def producing(self, messages, queue):
        """
        Publish with a client that does it by itself.
        """
        client = client_of("sns", self.address)
        register(client, messages)

        def produce(body, by_hand):
            client.publish(
                TopicArn=queue,
                Message=body.decode(),
                MessageAttributes={name: text(v) for name, v in by_hand},
            )

        yield produce

    def produce_raw(self, queue, body, values):
        """
        Publish what nobody would.
        """
        (value,) = values
        self.sns.publish(
            TopicArn=queue,
            Message=body.decode(),
            MessageAttributes={self.name: text(value)},
        )


class TestRawSNS(SNSContract):
    """
    By SNS to SQS as they are.
    """

    raw = True


class TestSNS(SNSContract):
    """
    By SNS to SQS, as JSON in the body.
    """

    raw = False

    def body_of(self, message):
        """
        Return what was published.
        """
        return json.loads(message["Body"])["Message"].encode()


@pytest.fixture
def sales():
    """
    Sales' process.
    """
    return Process()


@pytest.fixture
def ours(sales):
    """
    Sales' end of a queue and a topic of billing's.
    """
    to_billing = cx.Destination("billing", queues=[URL, ARN])
    return Messages(propagator=cx.Propagator(sales.department("sales"), [to_billing]))


@pytest.fixture
def billing():
    """
    Billing's end.
    """
    return Messages(propagator=cx.Propagator(Process().department("billing")))


def with_ada(ours, sales, **params):
    """
    Return the parameters with Ada's journey.
    """
    with cx.bound(sales.begin()):
        return injected(ours, {"QueueUrl": URL, "MessageBody": "1"} | params)


def skipped(sales):
    """
    Return why journeys were not sent.
    """
    return [event.reason for event in sales.events if isinstance(event, Skipped)]


class TestSlots:
    """
    Ten attributes, of which ours is one.
    """

    def test_the_tenth_slot_is_taken(self, ours, sales):
        """
        Where nine are taken ours is the tenth, and the caller's own dict stays.
        """
        others = {f"n{number}": text("1") for number in range(9)}
        made = with_ada(ours, sales, MessageAttributes=others)

        assert {*others, NAME} == {*made["MessageAttributes"]}
        assert NAME not in others

    def test_no_free_slot_is_reported_and_the_message_is_sent(self, ours, sales):
        """
        Where ten are taken by others none is touched, and an event says why.
        """
        others = {f"n{number}": text("1") for number in range(10)}
        made = with_ada(ours, sales, MessageAttributes=others)

        assert (others, ["no_room"]) == (made["MessageAttributes"], skipped(sales))

    def test_an_attribute_in_place_is_overwritten(self, ours, sales):
        """
        With nine others, what stands under our name makes room for what is new.
        """
        stood = {f"n{number}": text("1") for number in range(9)} | {NAME: text("old")}
        made = with_ada(ours, sales, MessageAttributes=stood)["MessageAttributes"]

        assert 10 == len(made)
        assert made[NAME]["StringValue"].startswith("cx1.")

    def test_without_a_journey_no_empty_attributes_are_sent(self, ours):
        """
        Where nothing is to be said the parameters are as they were.
        """
        params = {"QueueUrl": URL, "MessageBody": "1"}
        with cx.bound(None):
            assert params == injected(ours, params)


class TestSize:
    """
    Body, names, types and values count together.
    """

    @pytest.mark.parametrize(
        ("where", "body", "limit"),
        [
            ({"QueueUrl": URL}, "MessageBody", 1_048_576),
            ({"TopicArn": ARN}, "Message", 262_144),
        ],
        ids=["SQS", "SNS"],
    )
    def test_the_last_byte_counts(self, ours, sales, where, body, limit):
        """
        What fills the message to its limit goes, and one byte more does not.
        """
        other, found = {"n": text("é")}, []
        with cx.bound(sales.begin()):
            value = injected(ours, {**where, body: "1"})["MessageAttributes"][NAME]
            taken = len(f"nString\u00e9{NAME}String".encode())
            taken += len(value["StringValue"])
            for more in (0, 1):
                params = {**where, body: "x" * (limit - taken + more)}
                made = injected(ours, {**params, "MessageAttributes": other})
                found.append(NAME in made["MessageAttributes"])

        assert ([True, False], ["too_large"]) == (found, skipped(sales))

    def test_what_is_full_has_no_room(self, ours, sales):
        """
        A body that is as large as a message may be leaves none.
        """
        made = with_ada(ours, sales, MessageBody="x" * 1_048_576)

        assert "MessageAttributes" not in made
        assert ["no_room"] == skipped(sales)

    def test_a_queue_may_take_less(self, ours, sales):
        """
        Whoever has made a queue smaller says so.
        """
        params = {"QueueUrl": URL, "MessageBody": "x" * 1000}
        with cx.bound(sales.begin()):
            made = injected(ours, params, queue_bytes=1024)

        assert (params, ["too_large"]) == (made, skipped(sales))

    def test_a_batch_is_as_large_as_a_message(self, ours, sales):
        """
        Entries share the room: the first has it, the second has what is left.
        """
        entries = [
            {"Id": str(number), "MessageBody": "x" * 523_800} for number in range(2)
        ]
        with cx.bound(sales.begin()):
            made = injected(ours, {"QueueUrl": URL, "Entries": entries})

        assert [True, False] == ["MessageAttributes" in e for e in made["Entries"]]
        assert ["too_large"] == skipped(sales)
        assert not any("MessageAttributes" in entry for entry in entries)

    def test_a_form_for_each_protocol_has_no_attributes(self, ours, sales):
        """
        SNS would not send them, so nothing is put there and an event says so.
        """
        params = {"TopicArn": ARN, "Message": "{}", "MessageStructure": "json"}
        with cx.bound(sales.begin()):
            made = injected(ours, params)

        assert (params, ["no_room"]) == (made, skipped(sales))

    def test_a_text_message_to_a_phone_goes_without(self, ours, sales):
        """
        What goes to no queue and no topic is no destination.
        """
        params = {"PhoneNumber": "+12025550123", "Message": "1"}
        with cx.bound(sales.begin()):
            assert params == injected(ours, params)


class TestNames:
    """
    How an attribute may be called.
    """

    @pytest.mark.parametrize("name", ["CustomerContext", "a.b", "our-context_1"])
    def test_amazon_takes_it(self, ours, sales, name):
        """
        Letters, digits, underscores, hyphens, and periods inside.
        """
        made = with_ada(attrs.evolve(ours, name=name), sales)

        assert [name] == [*made["MessageAttributes"]]

    @pytest.mark.parametrize(
        "name",
        [
            "AWS.Context",
            "amazon.context",
            "a..b",
            ".a",
            "a.",
            "a:b",
            "ä",
            "",
            "a" * 257,
        ],
    )
    def test_amazon_does_not_take_it(self, ours, sales, moto, name):
        """
        It is an error where a client is registered, and wherever it would be sent.
        """
        wrong = attrs.evolve(ours, name=name)
        with pytest.raises(DestinationError):
            register(client_of("sqs", moto), wrong)
        with pytest.raises(DestinationError):
            with_ada(wrong, sales)


class TestEvents:
    """
    What botocore's events do for every call.
    """

    @pytest.fixture
    def sqs(self, moto):
        """
        A client.
        """
        return client_of("sqs", moto)

    def sent(self, sales, sqs):
        """
        Return a queue, and a client that sends journeys to it.
        """
        url = sqs.create_queue(QueueName=QueueContract().make_queue())["QueueUrl"]
        to_billing = cx.Destination("billing", queues=[url])
        propagator = cx.Propagator(sales.department("sales"), [to_billing])
        register(sqs, Messages(propagator=propagator))
        return url

    def test_each_message_of_a_batch_has_its_own(self, sales, sqs, billing):
        """
        A batch is injected into, entry for entry, and what the caller holds is not.
        """
        url = self.sent(sales, sqs)
        entries = [{"Id": str(number), "MessageBody": "1"} for number in range(10)]
        with cx.bound(sales.begin()):
            sqs.send_message_batch(QueueUrl=url, Entries=entries)
        found = []
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)[
            "Messages"
        ]:
            with bound(billing, message):
                found.append(customer())

        assert [ADA.encode()] * 10 == found
        assert all(["Id", "MessageBody"] == [*entry] for entry in entries)

    @pytest.mark.parametrize("asked", [["Other"], ["All"], [".*"], [NAME]])
    def test_it_is_asked_for(self, sales, sqs, moto, billing, asked):
        """
        A registered client asks for it in addition, and another one must by itself.
        """
        url = self.sent(sales, sqs)
        plain = client_of("sqs", moto)
        with cx.bound(sales.begin()):
            sqs.send_message(QueueUrl=url, MessageBody="1")
        found = []
        for client, names in ((plain, []), (sqs, asked)):
            (message,) = client.receive_message(
                QueueUrl=url, MessageAttributeNames=names, VisibilityTimeout=0
            )["Messages"]
            with bound(billing, message):
                found.append(customer())

        assert [NOBODY, ADA.encode()] == found

    def test_a_batch_of_sns_has_its_own(self, moto, sales):
        """
        Publishing in batches is injected into, too.
        """
        sns = client_of("sns", moto)
        arn = sns.create_topic(Name="batched")["TopicArn"]
        to_billing = cx.Destination("billing", queues=[arn])
        propagator = cx.Propagator(sales.department("sales"), [to_billing])
        register(sns, Messages(propagator=propagator))
        seen = []
        sns.meta.events.register(
            "before-parameter-build.sns.PublishBatch",
            lambda params, **_: seen.extend(params["PublishBatchRequestEntries"]),
        )
        entries = [{"Id": str(number), "Message": "1"} for number in range(3)]
        with cx.bound(sales.begin()):
            sns.publish_batch(TopicArn=arn, PublishBatchRequestEntries=entries)

        assert [[NAME]] * 3 == [[*entry["MessageAttributes"]] for entry in seen]


class TestBodies:
    """
    Bodies that SNS wrote, and bodies that look so.
    """

    @pytest.mark.parametrize(
        ("body", "who"),
        [
            ('{"TopicArn": "x", "CustomerContext"', NOBODY),
            ('{"TopicArn": "x", "MessageAttributes": ["CustomerContext"]}', NOBODY),
            ('"TopicArn" "CustomerContext"' + "[" * 100_000, NOBODY),
            ("[" * 100_000 + '"TopicArn", "CustomerContext"', NOBODY),
            ('{"CustomerContext": 1}', NOBODY),
            (
                '{"MessageAttributes": {"CustomerContext": {"Value": 1}}, "TopicArn": 1}',
                REFUSED,
            ),
        ],
    )
    def test_what_is_wrong_there_stops_nobody(self, billing, body, who):
        """
        What cannot be read there is nothing, and what is no text is refused.
        """
        with bound(billing, {"MessageId": "1", "Body": body}):
            assert who == customer()

    def test_an_attribute_of_bytes_is_read(self, sales, billing):
        """
        Whoever wrote the text as bytes has written it all the same.
        """
        value = str(sales.begin().hand_over("billing")).encode()
        attribute = {"DataType": "Binary", "BinaryValue": value}
        message = {"MessageId": "1", "MessageAttributes": {NAME: attribute}}
        with bound(billing, message):
            assert ADA.encode() == customer()
