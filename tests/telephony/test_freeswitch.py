"""
FreeSWITCH: an event socket, asked by a peer that speaks the protocol; nothing leaks.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from acme import Acme
from calls import LINE, SENTINEL
from freeswitch_peer import Channel
from hypothesis import given, settings
from hypothesis import strategies as st

from cxcontext.errors import UnavailableError, UsageError
from cxcontext.telephony import event_socket
from cxcontext.telephony.call_server import MAX_LINE_BYTES, ConversationError
from cxcontext.telephony.freeswitch import EventSocket, call_key
from cxcontext.telephony.ladder import replaces_key
from cxcontext.telephony.user_to_user import user_to_user

NEEDS = (Acme.full_name, Acme.email)


def calls(socket, *channels):
    """
    Let channels be answered about, one after the other.
    """

    async def main():
        async with await socket.serve(port=0) as server:
            for channel in channels:
                async with asyncio.timeout(30):
                    await channel.run(server)

    asyncio.run(main())


def said(channel):
    """
    Return the variables that were set for the dialplan.
    """
    names = {"cx_outcome", "cx_rung", "cx_arrival", "cx_known", "cx_ask", "cx_code"}
    return {n: v for n, v in channel.variables.items() if n in names}


@pytest.fixture
def socket(desk):
    """
    Billing's socket.
    """
    return EventSocket(desk.ladder("billing"), needs=NEEDS, transfers=desk.transfers)


class TestFinding:
    """
    A call comes in.
    """

    @pytest.mark.parametrize("how", ["uui", "x"])
    def test_a_reference(self, desk, socket, how):
        """
        From a header it leads to what need not be asked; no value goes to FreeSWITCH.
        """
        text = str(desk.put())
        header = {
            "uui": ("User-to-User", user_to_user(text).encode()),
            "x": ("X-Customer-Context", text),
        }[how]
        channel = Channel(headers=[header])
        calls(socket, channel)

        assert {
            "cx_outcome": "found",
            "cx_rung": "user_to_user" if how == "uui" else "x_customer_context",
            "cx_arrival": "possession",
            "cx_known": "full_name",
            "cx_ask": "email",
        } == said(channel)
        assert SENTINEL not in repr(channel.executed)

    def test_peers_of_ours(self, desk):
        """
        Where all peers are ours, it arrives as a delivery.
        """
        socket = EventSocket(desk.ladder("billing"), trusted=True)
        channel = Channel(headers=[("X-Customer-Context", str(desk.put()))])
        calls(socket, channel)

        assert "delivery" == channel.variables["cx_arrival"]

    def test_a_code(self, desk, socket):
        """
        What the dialplan has read into cx_typed is redeemed.
        """
        code = str(desk.codes.issue(desk.put(), line=LINE))
        channel = Channel(cx_typed=code)
        calls(socket, channel)

        assert "code" == channel.variables["cx_rung"]

    def test_repeated_headers(self, desk, socket):
        """
        Two customers' references, the second as -1: neither is taken.
        """
        headers = [
            ("User-to-User", user_to_user(str(desk.put())).encode()),
            ("User-to-User", user_to_user(str(desk.put())).encode()),
        ]
        channel = Channel(headers=headers)
        calls(socket, channel)

        assert {"cx_outcome": "conflict"} == said(channel)
        assert not [n for n in channel.variables if n.startswith("sip_h_")]

    def test_nothing_and_anothers(self, desk, socket):
        """
        None is none; another department's is refused.
        """
        nothing = Channel(unique_id="1", call_uuid="1")
        header = ("X-Customer-Context", str(desk.put("support")))
        other = Channel(unique_id="2", call_uuid="2", headers=[header])
        calls(socket, nothing, other)

        assert {"cx_outcome": "none"} == said(nothing)
        assert {"cx_outcome": "refused", "cx_code": "wrong_audience"} == said(other)

    def test_a_replaced_dialog(self, desk, socket):
        """
        A leg that takes another's place is found by the dialog that it names.
        """
        reference = desk.put()
        desk.correlations.note(
            replaces_key("d1@pbx", exchange="freeswitch"),
            reference=reference,
            expires_at=reference.expires_at,
        )
        channel = Channel(sip_replaces_call_id="d1@pbx;to-tag=1;from-tag=2")
        calls(socket, channel)

        assert "index" == channel.variables["cx_rung"]


class TestLeaking:
    """
    mod_sofia copies what came to whomever the call is bridged to, unless told not to.
    """

    HEADERS = (
        ("X-Customer-Context", "CX" + "A" * 46),
        ("x-user-to-user", "04"),
        ("User-to-User", "04"),
        ("X-Internal-Note", "sentinel"),
    )

    def test_the_peer_leaks(self):
        """
        Without us all of it goes on: the peer does what mod_sofia does.
        """
        assert len(self.HEADERS) == len(Channel(headers=self.HEADERS).bridged())

    @pytest.mark.parametrize("wrong", ["forged", "away"])
    def test_nothing_leaks(self, desk, socket, wrong):
        """
        Whatever comes of it, the next leg has none of the headers that came.
        """
        if wrong == "away":

            def claim(*_, **__):
                raise UnavailableError("the store")

            desk.store.claim = claim
        channel = Channel(headers=self.HEADERS)
        calls(socket, channel)

        assert {} == channel.bridged()

    def test_it_is_the_first_thing(self, desk, socket):
        """
        Before anything is looked for.
        """
        channel = Channel(headers=[("X-Customer-Context", str(desk.put()))])
        calls(socket, channel)

        assert [
            ("set", "sip_copy_custom_headers=false"),
            ("unset", "sip_h_X-Customer-Context"),
        ] == channel.executed[:2]


class TestHandingOver:
    """
    A call goes on.
    """

    def test_the_next_leg_has_its_own(self, desk, socket):
        """
        Its headers lead support to the journey, and billing's are not among them; the
        caller's own leg does not see them.
        """
        text = str(desk.put())
        caller = Channel(headers=[("X-Customer-Context", text)])
        calls(socket, caller)
        caller.variables["cx_to"] = "support"
        calls(socket, caller)
        headers = caller.bridged()
        agent = Channel(unique_id="2", call_uuid="2", headers=headers.items())
        calls(EventSocket(desk.ladder("support"), needs=NEEDS), agent)

        assert ("ready", "email") == (
            caller.variables["cx_outcome"],
            caller.variables["cx_ask"],
        )
        assert {"User-to-User", "X-Customer-Context"} == set(headers)
        assert text not in headers.values()
        assert not [n for n in caller.variables if n.startswith("sip_h_")]
        assert ("found", "full_name") == (
            agent.variables["cx_outcome"],
            agent.variables["cx_known"],
        )

    def test_without_any_header(self, desk, socket):
        """
        Legs of one call have one call_uuid.
        """
        header = ("X-Customer-Context", str(desk.put()))
        caller = Channel(headers=[header], cx_to="support")
        calls(socket, caller)
        agent = Channel(unique_id="2")
        calls(EventSocket(desk.ladder("support")), agent)

        assert "vendor" == agent.variables["cx_rung"]
        assert "call" == call_key("1").kind

    def test_nowhere(self, desk, socket):
        """
        Without a journey, or with a typing error, nothing is exported.
        """
        header = ("X-Customer-Context", str(desk.put()))
        nothing = Channel(unique_id="1", call_uuid="1", cx_to="support")
        typed = Channel(unique_id="2", call_uuid="2", cx_to="suport", headers=[header])
        calls(socket, nothing, typed)

        assert {"cx_outcome": "none"} == said(nothing)
        assert "refused" == typed.variables["cx_outcome"]
        assert {} == nothing.exported | typed.exported

    def test_not_here(self, desk):
        """
        Without transfers the conversation ends, and nothing leaks all the same.
        """
        channel = Channel(cx_to="support", headers=TestLeaking.HEADERS)
        calls(EventSocket(desk.ladder("billing")), channel)

        assert {} == said(channel)
        assert {} == channel.bridged()


class TestHostile:
    """
    Whoever connects is not FreeSWITCH because of that.
    """

    @pytest.mark.parametrize(
        "sent",
        [
            b"",
            b"\n",
            b"Content-Type: auth/request\n\n",
            b"Content-Type: command/reply\n\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"a" * 100_000,
            b"A: 1\n" * 2000 + b"\n",
            b"Content-Type: command/reply\nUnique-ID: 1\n\n\n",
            (
                b"Content-Type: command/reply\nUnique-ID: 1\n\n"
                b"Content-Type: text/disconnect-notice\n\n"
            ),
        ],
    )
    def test_what_is_no_conversation_ends(self, socket, sent):
        """
        It is closed, no exception gets out, and the next call is answered.
        """
        problems = []

        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, told: problems.append(told))
            async with await socket.serve(port=0) as server:
                port = server.sockets[0].getsockname()[1]
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                with suppress(OSError):
                    writer.write(sent)
                    writer.write_eof()
                    async with asyncio.timeout(30):
                        await reader.read()
                writer.close()
                channel = Channel()
                await channel.run(server)
                assert "none" == channel.variables["cx_outcome"]

        asyncio.run(main())

        assert [] == problems

    @given(st.binary(max_size=400))
    @settings(max_examples=50, deadline=None)
    def test_bytes_end_in_one_way(self, raw):
        """
        A block of any bytes is one, or ConversationError.
        """

        async def main():
            reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
            reader.feed_data(raw)
            reader.feed_eof()
            with suppress(ConversationError):
                await event_socket.Channel(reader, None)._block()

        asyncio.run(main())

    @pytest.mark.parametrize(
        ("application", "argument"),
        [
            ("set", "a=${system(id)}"),
            ("set", "a=1\nexecute-app-name: system"),
            ("set", "a='1'"),
            ("set a", "1"),
            ("SET", "1"),
            ("set", "a" * 1025),
        ],
    )
    def test_nothing_is_expanded(self, application, argument):
        """
        No argument is a command, a quote or another line.
        """
        with pytest.raises(UsageError):
            asyncio.run(event_socket.Channel(None, None).execute(application, argument))

    def test_hostile_headers(self, desk, socket):
        """
        Names and values that callers choose are not executed.
        """
        headers = [("X-User-to-User", "${system(id)}"), ("X-Customer-Context", "\n")]
        channel = Channel(headers=headers)
        calls(socket, channel)

        assert "system" not in repr(channel.executed)
        assert {} == channel.bridged()

    def test_only_named_networks(self, desk):
        """
        Who connects from elsewhere is not told anything.
        """
        socket = EventSocket(desk.ladder("billing"), peers=["192.0.2.0/24"])
        channel = Channel()
        with suppress(ConnectionError):
            calls(socket, channel)

        assert [] == channel.executed
        assert "<EventSocket of billing>" == repr(socket)
