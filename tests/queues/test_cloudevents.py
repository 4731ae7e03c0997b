"""
CloudEvents: the contract over HTTP, in both modes, and what is special about them.
"""

from __future__ import annotations

import asyncio
import http.client
from contextlib import contextmanager
from queue import Queue

import attrs
import pytest
from aiohttp import web
from cloudevents.core.bindings import http as binding
from cloudevents.core.v1.event import CloudEvent
from places import working

import cxcontext as cx
from cxcontext.errors import DestinationError
from cxcontext.homes import ReferenceKeys, References
from cxcontext.queues.cloudevents import (
    BY_REFERENCE,
    NAME,
    bound,
    bound_async,
    injected,
    injected_async,
)
from cxcontext.queues.messages import Messages
from cxcontext.stores.memory import MemoryStore
from cxcontext.testing.contract import HandlerError, Process, QueueContract
from cxcontext.testing.shop import NAME as ADA
from cxcontext.testing.shop import customer

PLAIN = {
    "type": "com.example.order",
    "source": "/shop",
    "datacontenttype": "text/plain",
}


class EventsContract(QueueContract):
    """
    Events that are posted to a server, and posted again where it fails.
    """

    module = "cxcontext.queues.cloudevents"
    library = "cloudevents"
    name = NAME

    def written(self, event):
        """
        Return the headers and the body of a request.
        """
        raise NotImplementedError

    @contextmanager
    def producing(self, messages, queue):
        """
        Post events.
        """

        def produce(body, by_hand):
            made = injected(messages, PLAIN | dict(by_hand), queue=queue)
            self.post(CloudEvent(made, body.decode()))

        yield produce

    def produce_raw(self, queue, body, values):
        """
        Post what nobody would.
        """
        (value,) = values
        self.post(CloudEvent(PLAIN | {self.name: value}, body.decode()))

    def post(self, event):
        """
        Post an event until the server takes it.
        """
        message = self.written(event)
        while True:
            client = http.client.HTTPConnection("127.0.0.1", self.port)
            try:
                client.request("POST", "/", message.body, message.headers)
                if client.getresponse().status == 204:
                    return
            finally:
                client.close()

    @contextmanager
    def consuming(self, messages, queue, handler):
        """
        Take events in a server, whose headers may be long.
        """

        async def sink(request):
            message = binding.HTTPMessage(dict(request.headers), await request.read())
            event = binding.from_http_event(message)
            try:
                with bound(messages, event):
                    handler(event.get_data().encode())
            except HandlerError:
                return web.Response(status=500)
            return web.Response(status=204)

        async def serve(stopped):
            app = web.Application()
            app.router.add_post("/", sink)
            runner = web.AppRunner(app, max_field_size=200_000, shutdown_timeout=0.1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            serving.put(runner.addresses[0][1])
            await asyncio.to_thread(stopped.wait)
            await runner.cleanup()

        serving = Queue()
        with working(lambda stopped: asyncio.run(serve(stopped))):
            self.port = serving.get(timeout=30)
            yield


class TestBinary(EventsContract):
    """
    Attributes in headers, the data in the body.
    """

    def written(self, event):
        """
        Return headers and body.
        """
        message = binding.to_binary_event(event)
        assert {"ce-customercontext"} >= {
            name for name in message.headers if "context" in name
        }
        return message


class TestStructured(EventsContract):
    """
    All of the event in one JSON object.
    """

    def written(self, event):
        """
        Return headers and body.
        """
        return binding.to_structured_event(event)


@pytest.fixture
def shop():
    """
    Sales' end and billing's of one queue, with references in one store.
    """
    keys = ReferenceKeys({0: bytes(32)})
    references = References(MemoryStore(), keys=keys, pepper=bytes(32))
    sales, billing = Process(), Process()
    to_billing = cx.Destination("billing", queues=["orders"])
    return (
        sales,
        Messages(
            propagator=cx.Propagator(
                sales.department("sales"), [to_billing], references=references
            )
        ),
        Messages(
            propagator=cx.Propagator(
                billing.department("billing"), references=references
            )
        ),
    )


def found_in(messages, event):
    """
    Return whose journey an event brings.
    """
    with bound(messages, event):
        return customer()


class TestAttributes:
    """
    Names and sizes of the extension attribute.
    """

    def test_what_the_caller_has_stays_as_it_is(self, shop):
        """
        The library keeps and changes what it is given, and so it is given a copy.
        """
        sales, sending, _ = shop
        attributes = dict(PLAIN)
        with cx.bound(sales.begin()):
            CloudEvent(injected(sending, attributes, queue="orders"))

        assert PLAIN == attributes

    @pytest.mark.parametrize(
        "name", ["customer_context", "CustomerContext", "", "a" * 21, "ä"]
    )
    def test_a_name_that_the_specification_forbids_is_an_error(self, shop, name):
        """
        The library takes some of these, and others would lose the attribute.
        """
        _, sending, receiving = shop
        with pytest.raises(DestinationError):
            injected(attrs.evolve(sending, name=name), PLAIN, queue="orders")
        with pytest.raises(DestinationError):
            bound(attrs.evolve(receiving, name=name), CloudEvent(dict(PLAIN)))

    def test_another_name_is_taken(self, shop):
        """
        Small letters and digits, up to twenty.
        """
        sales, sending, receiving = shop
        sending, receiving = (
            attrs.evolve(one, name="acmecontext1") for one in (sending, receiving)
        )
        with cx.bound(sales.begin()):
            event = CloudEvent(injected(sending, PLAIN, queue="orders"))

        assert ADA.encode() == found_in(receiving, event)
        assert "acmecontext1" in event.get_attributes()

    def test_an_archived_event_has_a_reference_only(self, shop):
        """
        Its own data may be elsewhere, too; what says where stays as it is.
        """
        sales, sending, receiving = shop
        ref = {"dataref": "https://objects.example.com/orders/17"}
        with cx.bound(sales.begin()):
            made = injected(sending, PLAIN | ref, queue="orders", limits=BY_REFERENCE)

        assert (48, "CX") == (len(made[NAME]), made[NAME][:2])
        assert ref["dataref"] == made["dataref"]
        assert ADA.encode() == found_in(receiving, CloudEvent(made))

    def test_the_same_event_again_is_no_replay(self, shop):
        """
        Source and id tell an event from others: sent again it is the same, copied not.
        """
        sales, sending, receiving = shop
        with cx.bound(sales.begin()):
            made = injected(sending, PLAIN | {"id": "1"}, queue="orders")
        seen = []
        for other in ({}, {}, {"id": "2"}, {"source": "/other"}):
            with bound(receiving, CloudEvent(made | other)) as journey:
                seen.append(journey.replayed)

        assert [False, False, True, True] == seen

    def test_both_directions_can_be_awaited(self, shop):
        """
        For applications that must not wait.
        """
        sales, sending, receiving = shop

        async def main():
            with cx.bound(sales.begin()):
                made = await injected_async(sending, PLAIN, queue="orders")
            async with bound_async(receiving, CloudEvent(made)):
                return customer()

        assert ADA.encode() == asyncio.run(main())
