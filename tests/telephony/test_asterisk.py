"""
Asterisk: a FastAGI server on a socket, asked by a peer that speaks the protocol.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from acme import Acme
from asterisk_peer import Channel, parse_args
from calls import LINE, SENTINEL
from hypothesis import given, settings
from hypothesis import strategies as st

from cxcontext.errors import UnavailableError, UsageError
from cxcontext.telephony.agi import Conversation
from cxcontext.telephony.asterisk import (
    FastAGI,
    ami_action,
    channel_key,
    dial_header,
    linked_key,
    originate_variables,
)
from cxcontext.telephony.call_server import MAX_LINE_BYTES, ConversationError
from cxcontext.telephony.transfer import Kind
from cxcontext.telephony.user_to_user import user_to_user

NEEDS = (Acme.full_name, Acme.email)


def calls(agi, *todo):
    """
    Let channels call a server, one after the other: pairs of channel and arguments.
    """

    async def main():
        async with await agi.serve(port=0) as server:
            for channel, *arguments in todo:
                async with asyncio.timeout(30):
                    await channel.run(server, *arguments)

    asyncio.run(main())


@pytest.fixture
def agi(desk):
    """
    Billing's server.
    """
    return FastAGI(desk.ladder("billing"), needs=NEEDS, transfers=desk.transfers)


class TestResolve:
    """
    A call comes in.
    """

    @pytest.mark.parametrize("how", ["uui", "x", "variable"])
    def test_a_reference(self, desk, agi, how):
        """
        From a header or an inherited variable it leads to what need not be asked.
        """
        text = str(desk.put())
        headers = {
            "uui": [("User-to-User", user_to_user(text).encode())],
            "x": [("X-Customer-Context", text)],
            "variable": [],
        }[how]
        channel = Channel(headers=headers)
        if how == "variable":
            channel.variables["CXREF"] = text
        calls(agi, (channel, "resolve"))
        channel.variables.pop("CXREF", None)

        assert {
            "CX_OUTCOME": "found",
            "CX_RUNG": "user_to_user" if how == "uui" else "x_customer_context",
            "CX_ARRIVAL": "possession",
            "CX_KNOWN": "full_name",
            "CX_ASK": "email",
        } == channel.variables
        assert SENTINEL not in "".join(channel.asked)

    def test_peers_of_ours(self, desk):
        """
        Where all peers are ours, it arrives as a delivery.
        """
        agi = FastAGI(desk.ladder("billing"), trusted=True)
        channel = Channel(headers=[("X-Customer-Context", str(desk.put()))])
        calls(agi, (channel, "resolve"))

        assert "delivery" == channel.variables["CX_ARRIVAL"]

    def test_a_code(self, desk, agi):
        """
        What the dialplan has read into CX_TYPED is redeemed for this call.
        """
        channel = Channel()
        channel.variables["CX_TYPED"] = str(desk.codes.issue(desk.put(), line=LINE))
        calls(agi, (channel, "resolve"))

        assert ("found", "code") == (
            channel.variables["CX_OUTCOME"],
            channel.variables["CX_RUNG"],
        )

    def test_what_is_unknown_is_none(self, desk, agi):
        """
        Asterisk writes "unknown" for a number that it has not: then the extension is
        the line.
        """
        channel = Channel(dnid="unknown", callerid="unknown", extension=LINE)
        channel.variables["CX_TYPED"] = str(desk.codes.issue(desk.put(), line=LINE))
        calls(agi, (channel, "resolve"))

        assert "code" == channel.variables["CX_RUNG"]

    def test_the_same_call_asks_again(self, desk, agi):
        """
        By its id alone, when the header is gone; another call is refused.
        """
        text = str(desk.put())
        header = [("X-Customer-Context", text)]
        first, again = Channel(headers=header), Channel()
        other = Channel(uniqueid="1769.9", headers=header)
        other.functions["CHANNEL(linkedid)"] = "1769.8"
        calls(agi, (first, "resolve"), (again, "resolve"), (other, "resolve"))

        assert ("found", "vendor") == (
            again.variables["CX_OUTCOME"],
            again.variables["CX_RUNG"],
        )
        assert {"CX_OUTCOME": "refused", "CX_CODE": "reference_used"} == other.variables

    def test_nothing_came(self, agi):
        """
        Then nothing is found, and that is all that is said.
        """
        channel = Channel()
        calls(agi, (channel, "resolve"))

        assert {"CX_OUTCOME": "none"} == channel.variables

    def test_two_that_differ(self, desk, agi):
        """
        Of two customers' references neither is taken.
        """
        headers = [
            ("User-to-User", user_to_user(str(desk.put())).encode()),
            ("User-to-User", user_to_user(str(desk.put())).encode()),
        ]
        channel = Channel(headers=headers)
        calls(agi, (channel, "resolve"))

        assert {"CX_OUTCOME": "conflict"} == channel.variables

    def test_values_only_where_they_are_wanted(self, desk):
        """
        A value stands in a variable when it was named; quotes and backslashes survive.
        """
        agi = FastAGI(
            desk.ladder("billing"),
            variables={"CX_NAME": Acme.full_name, "CX_MAIL": Acme.email},
        )
        name = 'Ada "the \\ first" ${EVIL}'
        journey = desk.world["sales"].begin(channel="chat")
        journey.learn(Acme.full_name, name)
        text = str(desk.references.put(journey, "billing"))
        channel = Channel(headers=[("X-Customer-Context", text)])
        calls(agi, (channel, "resolve"))

        assert name == channel.variables["CX_NAME"]
        assert "CX_MAIL" not in channel.variables

    def test_a_value_that_is_too_long_is_left_out(self, desk):
        """
        Its customer has written a novel; the variables after it are set.
        """
        agi = FastAGI(
            desk.ladder("billing"),
            variables={"CX_NAME": Acme.full_name, "CX_MAIL": Acme.email},
        )
        for chars, there in ((4_000, True), (4_001, False)):
            journey = desk.world["sales"].begin(channel="chat")
            journey.learn(Acme.full_name, '"' * chars)
            journey.learn(Acme.email, "ada@example.com")
            text = str(desk.references.put(journey, "billing"))
            headers = [("X-Customer-Context", text)]
            channel = Channel(uniqueid=f"1769.{chars}", headers=headers)
            channel.functions["CHANNEL(linkedid)"] = f"1769.{chars}"
            calls(agi, (channel, "resolve"))

            assert there is ("CX_NAME" in channel.variables)
            assert "ada@example.com" == channel.variables["CX_MAIL"]

    def test_no_value_begins_a_command(self, desk):
        """
        A value with a line break is left out.
        """
        agi = FastAGI(desk.ladder("billing"), variables={"CX_NAME": Acme.full_name})
        journey = desk.world["sales"].begin(channel="chat")
        journey.learn(Acme.full_name, 'A"\nSET VARIABLE EVIL "1')
        text = str(desk.references.put(journey, "billing"))
        channel = Channel(headers=[("X-Customer-Context", text)])
        calls(agi, (channel, "resolve"))

        assert "found" == channel.variables["CX_OUTCOME"]
        assert not {"EVIL", "CX_NAME"} & set(channel.variables)

    def test_a_store_that_is_away(self, desk, agi):
        """
        The call goes on without.
        """

        def claim(*_, **__):
            raise UnavailableError("the store")

        text = str(desk.put())
        desk.store.claim = claim
        channel = Channel(headers=[("X-Customer-Context", text)])
        calls(agi, (channel, "resolve"))

        assert {"CX_OUTCOME": "refused", "CX_CODE": "unavailable"} == channel.variables


class TestTransfer:
    """
    A call goes on.
    """

    def test_the_next_channel_has_its_own(self, desk, agi):
        """
        The child is inherited, support redeems it, and billing's is not passed on.
        """
        text = str(desk.put())
        caller = Channel(headers=[("X-Customer-Context", text)])
        calls(agi, (caller, "resolve"), (caller, "transfer", "support"))
        agent = Channel(uniqueid="1769.2")
        agent.variables.update(caller.inherited)
        calls(FastAGI(desk.ladder("support"), needs=NEEDS), (agent, "resolve"))

        assert "ready" == caller.variables["CX_OUTCOME"]
        assert text not in caller.inherited.values()
        assert ("found", "full_name", "email") == (
            agent.variables["CX_OUTCOME"],
            agent.variables["CX_KNOWN"],
            agent.variables["CX_ASK"],
        )

    def test_without_any_variable(self, desk, agi):
        """
        What belongs together has one linked id, by which the next leg is found.
        """
        caller = Channel(headers=[("X-Customer-Context", str(desk.put()))])
        calls(agi, (caller, "resolve"), (caller, "transfer", "support"))
        agent = Channel(uniqueid="1769.2")
        calls(FastAGI(desk.ladder("support")), (agent, "resolve"))

        assert ("found", "vendor") == (
            agent.variables["CX_OUTCOME"],
            agent.variables["CX_RUNG"],
        )

    def test_nobody_to_hand_over(self, agi):
        """
        Without a journey nothing is minted.
        """
        channel = Channel()
        calls(agi, (channel, "transfer", "support"))

        assert {"CX_OUTCOME": "none"} == channel.variables
        assert {} == channel.inherited

    def test_no_such_department(self, desk, agi):
        """
        A typing error in the dialplan is refused, and the call goes on.
        """
        channel = Channel(headers=[("X-Customer-Context", str(desk.put()))])
        calls(agi, (channel, "transfer", "suport"))

        assert "refused" == channel.variables["CX_OUTCOME"]

    def test_not_here(self, desk):
        """
        Without transfers the script is none, and nothing is set.
        """
        channel = Channel()
        calls(FastAGI(desk.ladder("billing")), (channel, "transfer", "support"))

        assert {} == channel.variables


class TestHostile:
    """
    Whoever connects is not Asterisk because of that.
    """

    @pytest.mark.parametrize(
        "sent",
        [
            b"",
            b"\n",
            b"GET / HTTP/1.1\r\n\r\n",
            b"agi_network_script: other\nagi_uniqueid: 1\n\n",
            b"agi_network_script: resolve\n\n",
            b"agi_x: " + b"a" * 9000 + b"\n\n",
            b"agi_x: 1\n" * 300 + b"\n",
            b"a" * 100_000,
            b"agi_network_script: resolve\nagi_uniqueid: 1\n\n" + b"200 nothing\n",
            b"agi_network_script: resolve\nagi_uniqueid: 1\n\n" + b"\xff" * 9000,
            b"agi_network_script: resolve\nagi_uniqueid: 1\n\n" + b"520-Us\n" * 99,
        ],
    )
    def test_what_is_no_conversation_ends(self, agi, sent):
        """
        It is closed, no exception gets out, and the next call is answered.
        """
        problems = []

        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda _, said: problems.append(said))
            async with await agi.serve(port=0) as server:
                port = server.sockets[0].getsockname()[1]
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(sent)
                with suppress(OSError):
                    writer.write_eof()
                    async with asyncio.timeout(30):
                        await reader.read()
                writer.close()
                channel = Channel()
                await channel.run(server, "resolve")
                assert "none" == channel.variables["CX_OUTCOME"]

        asyncio.run(main())

        assert [] == problems

    @given(st.binary(max_size=400))
    @settings(max_examples=50, deadline=None)
    def test_bytes_end_in_one_way(self, raw):
        """
        An environment of any bytes is one, or ConversationError.
        """

        async def main():
            reader = asyncio.StreamReader(limit=MAX_LINE_BYTES)
            reader.feed_data(raw)
            reader.feed_eof()
            with suppress(ConversationError):
                found = await Conversation(reader, None).environment()
                assert all("\n" not in value for value in found.values())

        asyncio.run(main())

    def test_who_says_nothing_is_left(self, desk):
        """
        After its time a conversation ends.
        """
        agi = FastAGI(desk.ladder("billing"), timeout_s=0.1)

        async def main():
            async with await agi.serve(port=0) as server:
                port = server.sockets[0].getsockname()[1]
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                async with asyncio.timeout(30):
                    assert b"" == await reader.read()
                writer.close()

        asyncio.run(main())

    def test_only_named_networks(self, desk):
        """
        Who connects from elsewhere is not even read.
        """
        agi = FastAGI(desk.ladder("billing"), peers=["192.0.2.0/24"])
        channel = Channel(headers=[("X-Customer-Context", str(desk.put()))])
        with suppress(ConnectionError):
            calls(agi, (channel, "resolve"))

        assert ([], {}) == (channel.asked, channel.variables)

    def test_so_many_at_once(self, desk):
        """
        One more than may be answered is closed at once; one that ends makes room.
        """
        agi = FastAGI(desk.ladder("billing"), calls=1)

        async def main():
            async with await agi.serve(port=0) as server:
                port = server.sockets[0].getsockname()[1]
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"agi_uniqueid: 1\nagi_network_script: resolve\n\n")
                await reader.readline()
                late = Channel()
                with suppress(ConnectionError):
                    await late.run(server, "resolve")
                writer.close()
                await reader.read()
                next_one = Channel()
                # The server hears of the end a little later than this side says it.
                while not next_one.variables:
                    with suppress(ConnectionError):
                        await next_one.run(server, "resolve")
                return late.variables, next_one.variables

        assert ({}, {"CX_OUTCOME": "none"}) == asyncio.run(main())

    def test_commands_are_safe(self):
        """
        No name, value or expression gets a line break or another word in.
        """
        channel = Conversation(None, None)
        for name, value in [("A B", "1"), ("A\n", "1"), ("A", "1\n2"), ("A", "\0")]:
            with pytest.raises(UsageError):
                asyncio.run(channel.set(name, value))
        with pytest.raises(UsageError):
            asyncio.run(channel.set("A", "a" * MAX_LINE_BYTES))
        for expression in ["X", "${A}\nHANGUP", "${A B}", '${A"}']:
            with pytest.raises(UsageError):
                asyncio.run(channel.read(expression))

    def test_a_dead_channel(self, desk, agi):
        """
        HANGUP in between, 510, 511 and 520 are no values, and the rest goes on.
        """

        class Dying(Channel):
            def answer(self, line):
                if "User-to-User,1" in line:
                    return "HANGUP\n511 Command Not Permitted on a dead channel"
                if "User-to-User,2" in line:
                    return "520-Invalid command syntax.\nUsage: x\n520 End of usage."
                return super().answer(line)

        channel = Dying()
        calls(agi, (channel, "resolve"))

        assert {"CX_OUTCOME": "none"} == channel.variables


class TestPeer:
    """
    The peer takes commands apart as Asterisk does.
    """

    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"])))
    def test_quoting(self, value):
        """
        Whatever stands between quotes, escaped as ours are, is one word.
        """
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')

        assert ["SET", value] == parse_args(f'SET "{quoted}"')


class TestAMI:
    """
    Actions as text.
    """

    def test_originate(self, desk):
        """
        Variables are repeated headers; the reference is inherited.
        """
        transfer = desk.transfers.transfer(
            desk.journey(), to="support", kind=Kind.CALLBACK
        )
        ((name, value),) = originate_variables(transfer).items()
        action = ami_action(
            "Originate",
            [
                ("Channel", "Local/s@call-back"),
                ("Variable", f"{name}={value}"),
                ("Variable", "CX_TRIES=1"),
            ],
        )

        assert (
            b"Action: Originate\r\nChannel: Local/s@call-back\r\n"
            b"Variable: __CXREF=" + str(transfer.reference).encode() + b"\r\n"
            b"Variable: CX_TRIES=1\r\n\r\n"
        ) == action
        assert ("PJSIP_HEADER(add,X-Customer-Context)", value) == dial_header(
            transfer.reference
        )

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("Channel", "a\r\nAction: Command"),
            ("Channel", "a\nb"),
            ("Channel", "a\0"),
            ("Cha nnel", "a"),
            ("Channel\r\n", "a"),
            ("", "a"),
            ("Channel", "a" * 1020),
        ],
    )
    def test_injection(self, name, value):
        """
        No value begins another line, and none is discarded.
        """
        with pytest.raises(UsageError):
            ami_action("Originate", [(name, value)])

    def test_so_many_headers(self):
        """
        Asterisk reads 128.
        """
        assert ami_action("Ping", [("A", "")] * 127)
        with pytest.raises(UsageError):
            ami_action("Ping", [("A", "")] * 128)


class TestSettingUp:
    """
    What is refused at the start.
    """

    @pytest.mark.parametrize(
        "wrong", [{"peers": ["here"]}, {"calls": 0}, {"timeout_s": 0}]
    )
    def test_arguments(self, desk, wrong):
        """
        No network, no call, no time.
        """
        with pytest.raises(UsageError):
            FastAGI(desk.ladder("billing"), **wrong)

    def test_names(self, agi):
        """
        Keys are of one exchange, and repr names the department only.
        """
        assert "<FastAGI of billing>" == repr(agi)
        assert channel_key("1").platform != channel_key("1", exchange="b").platform
        assert channel_key("1") != linked_key("1")
