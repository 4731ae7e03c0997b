"""
What a request says, what fits into UDP, and what platforms take.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.errors import UsageError
from cxcontext.telephony import platforms
from cxcontext.telephony.platforms import PLATFORMS, platform
from cxcontext.telephony.refer_to import with_headers
from cxcontext.telephony.rung import Rung
from cxcontext.telephony.sip import (
    MAX_HEADERS,
    MAX_OFFERS,
    Offer,
    fits_udp,
    header,
    party,
    read,
)
from cxcontext.telephony.user_to_user import user_to_user

TEXT = "CX" + "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" + "A" * 14
OTHER = "CX" + "B" * 46
UUI = user_to_user(TEXT).encode()
NAMES = [
    *("User-to-User", "x-user-to-user", "X-Customer-Context", "To", "f", "Replaces"),
    *("i", "Session-ID", "P-Asserted-Identity"),
]


class TestReading:
    """
    The traces in one request.
    """

    @pytest.mark.parametrize(
        ("name", "value", "rung"),
        [
            ("user-to-user", UUI, Rung.USER_TO_USER),
            ("User-To-User", UUI.encode(), Rung.USER_TO_USER),
            ("x-user-to-user", UUI, Rung.X_USER_TO_USER),
            ("X-Customer-Context", TEXT, Rung.X_CUSTOMER_CONTEXT),
            ("X-PH-Cxref", TEXT, Rung.X_CUSTOMER_CONTEXT),
            ("X-MS-Custom-cxref", TEXT, Rung.X_CUSTOMER_CONTEXT),
            ("t", f"<sip:a@h?User-to-User={UUI}>", Rung.REQUEST_URI),
        ],
    )
    def test_where_a_reference_stands(self, name, value, rung):
        """
        Names have no case, and To has a compact form (RFC 3261, 7.3.3).
        """
        assert (Offer(rung, TEXT),) == read([(name, value)]).offers

    def test_they_are_in_the_order_of_the_ladder(self):
        """
        Whatever the order in the message; the same twice is once.
        """
        headers = [
            ("To", f"<sip:{TEXT}@h>"),
            ("X-Customer-Context", TEXT),
            ("User-to-User", f"{UUI}, {user_to_user(OTHER).encode()}"),
            ("User-to-User", UUI),
        ]
        said = read(headers, request_uri=f"sip:{TEXT}@h")

        assert [
            (Rung.USER_TO_USER, TEXT),
            (Rung.USER_TO_USER, OTHER),
            (Rung.X_CUSTOMER_CONTEXT, TEXT),
            (Rung.REQUEST_URI, TEXT),
        ] == [(offer.rung, offer.text) for offer in said.offers]

    def test_the_ids_of_the_dialog(self):
        """
        Call-ID, the dialog that is replaced, and both halves of a Session-ID.
        """
        said = read(
            [
                ("i", " a84b4c@pc33.example.com "),
                ("Replaces", "98732@host;to-tag=a;from-tag=b"),
                ("Session-ID", f"{'ab' * 16};remote={'0' * 32}"),
            ]
        )

        assert ("a84b4c@pc33.example.com", "98732@host", ("ab" * 16,)) == (
            said.call_id,
            said.replaces,
            said.sessions,
        )

    @pytest.mark.parametrize(
        ("name", "transferred"),
        [
            ("Replaces", True),
            ("Referred-By", True),
            ("b", True),
            ("Join", True),
            ("Target-Dialog", True),
            ("Diversion", False),
            ("From", False),
        ],
    )
    def test_whether_another_leg_had_a_part(self, name, transferred):
        """
        RFC 3891, 3892, 3911 and 4538; a forwarded call is still its caller's.
        """
        assert transferred is read([(name, "<sip:+12025550100@h>")]).transferred

    def test_rfc_3325_what_the_network_asserts_outranks_from(self):
        """
        From is what the caller says.
        """
        headers = [
            ("From", "<sip:+12025550111@h>"),
            ("P-Asserted-Identity", "<sip:+12025550123@h>"),
        ]

        assert "+12025550123" == read(headers).caller

    @pytest.mark.parametrize(
        ("address", "who"),
        [
            ("<sip:+1-202-555-0123@h;user=phone>;tag=1", "+12025550123"),
            ("<sip:1001@pbx.example:5060>", "1001"),
            ("<sips:Ada@PBX.example>", "Ada@pbx.example"),
            ("<sip:Anonymous@anonymous.invalid>", None),
            ("<sip:x@anonymous.invalid>", None),
            ("<sip:restricted@h>", None),
            ("<sip:h>", None),
            ("garbage", None),
        ],
    )
    def test_who_calls(self, address, who):
        """
        A number as it is compared, a name with its host, or nobody (RFC 3323).
        """
        assert who == party(address) == read([("f", address)]).caller

    def test_there_is_a_most_of_everything(self):
        """
        Headers and offers beyond it are not looked at.
        """
        many = [
            ("X-Customer-Context", "CX" + "A" * 44 + x + y)
            for x in "ABCD"
            for y in "ABC"
        ]
        late = [("X", "y")] * MAX_HEADERS + [("User-to-User", UUI)]

        assert (MAX_OFFERS, 0) == (len(read(many).offers), len(read(late).offers))

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(NAMES) | st.text(max_size=10),
                st.text(max_size=60)
                | st.text('<>";,=?%\\\r\n\0sip:@CX', max_size=60)
                | st.binary(max_size=60),
            )
            | st.none()
            | st.text(max_size=3)
        ),
        st.text(max_size=60) | st.binary(max_size=60),
    )
    def test_garbage_never_raises(self, headers, request_uri):
        """
        Whatever a message has, call handling goes on.
        """
        said = read(headers, request_uri=request_uri)

        assert all(len(offer.text) == 48 for offer in said.offers)

    def test_its_repr_shows_nothing(self):
        """
        Neither references nor ids nor numbers.
        """
        headers = [
            ("User-to-User", UUI),
            ("Call-ID", "secret-id"),
            ("From", "<sip:+12025550123@h>"),
        ]

        assert (
            "Signalling(offers=(Offer(rung=<Rung.USER_TO_USER: 'user_to_user'>),), "
            "transferred=True)" == repr(read(headers, request_uri="sip:4711@h"))
        )


class TestFitsUDP:
    """
    RFC 3261, 18.1.1: what may go over UDP.
    """

    @pytest.mark.parametrize(
        ("size_bytes", "how", "fits"),
        [
            (1174, {}, True),
            (1175, {}, False),
            (1300, {"proxies": 0}, True),
            (1301, {"proxies": 0}, False),
            (1300, {"proxies": 0, "path_mtu_bytes": 1500}, True),
            (1301, {"proxies": 0, "path_mtu_bytes": 1500}, False),
            (8000, {"proxies": 0, "path_mtu_bytes": 9000}, True),
            (800, {"path_mtu_bytes": 1280, "proxies": 3}, False),
        ],
    )
    def test_the_border(self, size_bytes, how, fits):
        """
        1,300 bytes without a known MTU, 200 less than a known one; proxies add to it.
        """
        assert (fits, fits) == (
            fits_udp(size_bytes, **how),
            fits_udp(bytes(size_bytes), **how),
        )


class TestHeader:
    """
    What a header may be.
    """

    def test_it_is_a_token_and_a_line(self):
        """
        Anything else would be another header.
        """
        assert ("X-A", "b") == header("X-A", "b")
        for name, value in [
            ("X A", "b"),
            ("X:", "b"),
            ("", "b"),
            ("X", "b\r\n"),
            ("X", "\0"),
        ]:
            with pytest.raises(UsageError):
                header(name, value)


class TestPlatforms:
    """
    What each takes.
    """

    @pytest.mark.parametrize("name", PLATFORMS)
    def test_a_reference_reaches_every_platform(self, name):
        """
        At least one header fits, each name once, and it is read back.
        """
        headers = platform(name).headers(TEXT)
        names = [key for key, _ in headers]

        assert len(names) == len(set(names)) > 0
        assert {TEXT} == {offer.text for offer in read(headers).offers}

    @pytest.mark.parametrize("name", PLATFORMS)
    def test_every_number_has_its_source(self, name):
        """
        And so has the rest.
        """
        one = platform(name)
        limits = [
            one.value_chars,
            one.name_chars,
            one.headers_chars,
            one.uri_chars,
            one.slots,
        ]

        assert one.source
        assert all(limit.source for limit in limits if limit is not None)

    def test_plivo_takes_letters_and_digits_up_to_48(self):
        """
        A reference exactly; a User-to-User not at all.
        """
        taken = platforms.PLIVO

        assert (("X-PH-Cxref", TEXT),) == taken.headers(TEXT)
        assert not taken.takes("X-PH-Cxref", TEXT + "A")
        assert not taken.takes("X-PH-Cxref", "a;b")
        assert not taken.takes("X-PH-" + "a" * 20, "a")

    def test_genesys_gets_one_user_to_user_of_fewer_than_128_characters(self):
        """
        It discards several, and some systems behind it cut longer ones.
        """
        [(name, value)] = platforms.GENESYS.headers(TEXT)

        assert ("User-to-User", True) == (name, len(value) <= 128)
        assert not platforms.GENESYS.takes("User-to-User", "a" * 129)

    def test_twilios_uri_has_room(self):
        """
        It is to have fewer than 255 characters, and one reference goes into it.
        """
        uri = with_headers(
            "sip:billing@pbx.example", platforms.TWILIO.headers(TEXT)[:1]
        )

        assert len(uri) - 2 <= platforms.TWILIO.uri_chars.most == 254

    def test_an_unknown_platform_is_said_to_be_unknown(self):
        """
        With the names that are known.
        """
        with pytest.raises(UsageError, match="genesys"):
            platform("teams")
