"""
Chats of many turns over hours: real web sockets, a home between the turns.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading

import pytest
import uvicorn
from acme import Acme
from loopback import PATIENCE_S
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.sync.client import connect

import cxcontext as cx
from cxcontext.core.events import NearlyFull, Repeated, Unsent
from cxcontext.homes import AsyncHome
from cxcontext.stores.memory import MemoryStore
from cxcontext.stores.threads import InThreads
from cxcontext.web.asgi import CustomerContextMiddleware

# A journey takes 256 statements, and a short one is quick; then the chat goes on anew.
ENOUGH = 32
FIELDS = {
    "name": Acme.full_name,
    "order": Acme.order_number,
    "note": Acme.account,
    "product": Acme.product,
}


class Chats:
    """
    A server of chats: what is in each, its sessions remember.

    A turn is JSON: what to learn, by name; the answer is what is known, or asked.
    """

    def __init__(self, department):
        self.department = department
        self.home = AsyncHome(InThreads(MemoryStore()), pepper=bytes(32))
        self.sessions = {}
        self.tasks = []
        self.journeys = set()

    async def chat(self, websocket):
        """
        Serve one connection, which goes on where the session's former one ended.
        """
        session = websocket.cookies["session"]
        place = self.sessions.get(session)
        journey = None
        if place is not None:
            journey = await self.home.resume(
                place, department=self.department, channel="chat"
            )
        journey = journey or self.department.begin(channel="chat")
        await websocket.accept()
        async for text in websocket.iter_text():
            with cx.bound(journey):
                answer = await self.turn(json.loads(text))
                journey = await self.keep(session, journey)
            await websocket.send_text(json.dumps(answer))

    async def keep(self, session, journey):
        """
        Bring home what the turn learned; go on in a new journey before one is full.
        """
        if len(journey.context.statements) > ENOUGH:
            fresh = self.department.begin(channel="chat")
            fresh.restate(journey)
            await self.home.contribute(journey)
            journey = fresh
        self.sessions[session] = await self.home.contribute(journey)
        self.journeys.add(journey.id)
        return journey

    async def turn(self, said):
        """
        Learn what was said, while others take their turns, and answer.
        """
        before = cx.require_current()
        for name, value in said.items():
            if name == "later":
                self.tasks.append(asyncio.create_task(cx.carry(self.later)(value)))
                self.tasks.append(asyncio.create_task(self.bare()))
            elif name == "asks":
                before.asking(FIELDS[value])
            else:
                before.learn(FIELDS[name], value)
            await asyncio.sleep(0)
        assert before is cx.current()
        needs = before.needs(Acme.full_name, Acme.order_number)
        known = {
            name: before.recall(key)
            for name, key in FIELDS.items()
            if before.recall(key) is not None
        }
        return {"known": known, "gaps": [gap.reason.name for gap in needs.gaps]}

    async def later(self, value):
        """
        Find something out when the turn is over, and take it home.
        """
        await asyncio.sleep(0.05)
        journey = cx.require_current()
        journey.learn(Acme.product, value)
        await self.home.contribute(journey)
        return journey.recall(Acme.full_name)

    async def bare(self):
        """
        Look whose turn it is when this one is over.
        """
        await asyncio.sleep(0.05)
        return cx.current()


@pytest.fixture
def chats(world):
    """
    The chats of sales.
    """
    return Chats(world["sales"])


@pytest.fixture
def talk(chats, world):
    """
    Return what connects a session to the server, under uvicorn.
    """
    app = Starlette(routes=[WebSocketRoute("/chat", chats.chat)])
    app.add_middleware(
        CustomerContextMiddleware, propagator=cx.Propagator(world["sales"]), edge=True
    )
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_config=None))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()

    def connected(session):
        return connect(
            f"ws://127.0.0.1:{port}/chat",
            additional_headers={"Cookie": f"session={session}"},
            open_timeout=PATIENCE_S,
        )

    yield connected
    server.should_exit = True
    thread.join()
    listener.close()


def say(websocket, **said):
    """
    Take one turn.
    """
    websocket.send(json.dumps(said))
    return json.loads(websocket.recv(timeout=PATIENCE_S))


def test_a_chat_learns_over_its_turns(talk, chats, world):
    """
    What was said in one turn is known in all that follow, and rests at home already.
    """
    with talk("1") as websocket:
        first = say(websocket, name="Ada")
        second = say(websocket, order="A-118")
        rests = asyncio.run(
            chats.home.resume(chats.sessions["1"], department=world["support"])
        )

    assert (["NEVER_STATED"], []) == (first["gaps"], second["gaps"])
    assert {"name": "Ada", "order": "A-118"} == second["known"]
    assert ("Ada", "A-118") == (
        rests.recall(Acme.full_name),
        rests.recall(Acme.order_number),
    )
    assert [] == world.told(Unsent)


def test_a_reconnect_goes_on_where_the_chat_was(talk, world):
    """
    Whoever loses the connection, or comes back tomorrow, is not asked again.
    """
    with talk("1") as websocket:
        say(websocket, asks="name", name="Ada")
    world.clock.advance(hours=20)
    with talk("1") as websocket:
        found = say(websocket)

    assert ({"name": "Ada"}, ["NEVER_STATED"]) == (found["known"], found["gaps"])
    assert [] == world.told(Repeated)


def test_over_hours_a_socket_keeps_its_customer(talk, clock):
    """
    A connection that is open for a month still has its own, aged as the clock says.
    """
    with talk("1") as ada, talk("2") as bob:
        say(ada, name="Ada", order="A-118")
        say(bob, name="Bob", order="B-7")
        clock.advance(hours=9)
        at_night = say(ada), say(bob)
        clock.advance(days=31)
        a_month_later = say(ada), say(bob)

    assert [{"name": "Ada", "order": "A-118"}, {"name": "Bob", "order": "B-7"}] == [
        answer["known"] for answer in at_night
    ]
    # The field's max_age is 30 days.
    assert [({"name": "Ada"}, ["STALE"]), ({"name": "Bob"}, ["STALE"])] == [
        (answer["known"], answer["gaps"]) for answer in a_month_later
    ]


def test_interleaved_sockets_never_mix(talk):
    """
    However eight chats take turns, each answers of its own customer.
    """
    found = {}

    def chat(number):
        with talk(number) as websocket:
            say(websocket, name=f"Customer {number}")
            found[number] = {
                json.dumps(say(websocket, note=f"{number}-{turn}")["known"])
                for turn in range(10)
            }

    threads = [threading.Thread(target=chat, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {
        str(n): {
            json.dumps({"name": f"Customer {n}", "note": f"{n}-{turn}"})
            for turn in range(10)
        }
        for n in range(8)
    } == found


def test_a_chat_of_three_hundred_turns_loses_nothing(talk, chats, world):
    """
    Before a journey is full the chat goes on in a new one, which knows what it knew.
    """
    with talk("1") as websocket:
        say(websocket, name="Ada", order="A-118")
        for turn in range(300):
            last = say(websocket, note=f"turn {turn}")

    assert {"name": "Ada", "order": "A-118", "note": "turn 299"} == last["known"]
    assert (10, [], []) == (
        len(chats.journeys),
        world.told(NearlyFull),
        world.told(Unsent),
    )


def test_what_a_turn_starts_and_leaves_behind(talk, chats, world):
    """
    A task that is carried beyond its turn has the chat's journey and takes home what
    it finds; one that is not carried has nobody's.
    """
    with talk("1") as websocket:
        say(websocket, name="Ada", later="kettle")
        deadline = threading.Event()
        while not all(task.done() for task in chats.tasks):
            deadline.wait(0.01)
        found = say(websocket)

    assert ["Ada", None] == [task.result() for task in chats.tasks]
    assert {"name": "Ada", "product": "kettle"} == found["known"]
    assert [] == world.told(Unsent)
