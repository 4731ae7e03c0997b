"""
Destinations: which text is an origin, and which two are the same.
"""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.errors import DestinationError

ORIGINS = {
    "http://billing.example": ("http", "billing.example", 80),
    "https://billing.example": ("https", "billing.example", 443),
    "https://billing.example/": ("https", "billing.example", 443),
    "https://billing.example:8443": ("https", "billing.example", 8443),
    "https://billing.example:443": ("https", "billing.example", 443),
    "http://billing.example:443": ("http", "billing.example", 443),
    "https://billing.example:65535": ("https", "billing.example", 65535),
    "HTTPS://Billing.Example:8443": ("https", "billing.example", 8443),
    "http://billing": ("http", "billing", 80),
    "http://billing_1.example": ("http", "billing_1.example", 80),
    "http://127.0.0.1:8000": ("http", "127.0.0.1", 8000),
    "http://[::1]:8000": ("http", "::1", 8000),
    "https://[2001:DB8::1]": ("https", "2001:db8::1", 443),
    "https://xn--bcher-kva.example": ("https", "xn--bcher-kva.example", 443),
}
NO_ORIGINS = [
    "",
    "billing.example",
    "//billing.example",
    "ftp://billing.example",
    "ws://billing.example",
    "https:billing.example",
    "https:///pay",
    "https://:443",
    "https://billing.example/pay",
    "https://billing.example?",
    "https://billing.example?for=sales",
    "https://billing.example#pay",
    "https://sales@billing.example",
    "https://sales:secret@billing.example",
    "https://billing.example@elsewhere.example",
    "https://billing.example\\@elsewhere.example",
    "https://*.billing.example",
    "https://*",
    "*",
    "https://billing.example,https://support.example",
    "https://billing.example support.example",
    " https://billing.example",
    "https://billing.example ",
    "https://bill\ning.example",
    "https://bill\ting.example",
    "https://billing.example:",
    "https://billing.example:0",
    "https://billing.example:65536",
    "https://billing.example:999999",
    "https://billing.example:https",
    "https://billing.example:٨٠",
    "https://[::1",
    "https://[billing.example]",
    "https://::1",
    "https://%62illing.example",
]


class TestOrigin:
    """
    Scheme, host and port, and nothing else.
    """

    @pytest.mark.parametrize(("text", "parts"), ORIGINS.items(), ids=ORIGINS)
    def test_an_origin_is_scheme_host_and_port(self, text, parts):
        """
        Letters are lowered, and the scheme's own port stands for none.
        """
        assert cx.Origin(*parts) == cx.Origin.parse(text)

    @pytest.mark.parametrize("text", NO_ORIGINS)
    def test_what_is_more_or_less_than_an_origin_is_refused(self, text):
        """
        Anything but scheme, host and port is an error that says how to write it.
        """
        with pytest.raises(DestinationError) as ei:
            cx.Origin.parse(text)

        assert "https://billing.example:8443" in str(ei.value)

    @pytest.mark.parametrize(
        "host", ["bücher", "straße", "\N{FULLWIDTH LATIN SMALL LETTER B}illing"]
    )
    def test_a_host_in_unicode_is_refused(self, host):
        """
        Which ASCII name it means depends on the reader, so that is asked for.
        """
        with pytest.raises(DestinationError) as ei:
            cx.Origin.parse(f"https://{host}.example")

        assert "xn--" in str(ei.value)

    @pytest.mark.parametrize("text", ORIGINS)
    def test_its_text_is_an_origin_again(self, text):
        """
        An origin's text parses to the same origin, IPv6 addresses included.
        """
        origin = cx.Origin.parse(text)

        assert origin == cx.Origin.parse(str(origin))

    def test_the_port_is_always_said(self):
        """
        The text of an origin names the port, also where it is the scheme's own.
        """
        assert "https://[::1]:443" == str(cx.Origin.parse("https://[::1]"))

    @given(st.text(max_size=40))
    def test_any_text_is_an_origin_or_a_usage_error(self, text):
        """
        No text makes parsing fail in any other way.
        """
        for written in (text, f"https://{text}", f"https://billing.example:{text}"):
            try:
                origin = cx.Origin.parse(written)
            except DestinationError:
                continue

            assert origin == cx.Origin.parse(str(origin))


class TestDestination:
    """
    A department, and what reaches it.
    """

    def test_it_sends_nothing_back_and_binds_nothing_by_default(self):
        """
        A bare destination has no origins, 300 seconds, and both options off.
        """
        destination = cx.Destination("billing")

        assert (frozenset(), timedelta(seconds=300), False, False) == (
            destination.origins,
            destination.lifetime,
            destination.bound,
            destination.returns,
        )

    def test_origins_are_given_as_text_or_parsed(self):
        """
        Both spellings of one origin are one origin.
        """
        origin = cx.Origin.parse("https://billing.example")
        destination = cx.Destination(
            "billing", origins=[origin, "https://billing.example:443"]
        )

        assert frozenset({origin}) == destination.origins

    def test_origins_are_no_single_text(self):
        """
        One string is refused: its letters would be the origins.
        """
        with pytest.raises(DestinationError, match="pass a list"):
            cx.Destination("billing", origins="https://billing.example")

    def test_a_wrong_origin_is_refused_at_birth(self):
        """
        A pattern is refused where the destination is written, not when it is used.
        """
        with pytest.raises(DestinationError, match="is not an origin"):
            cx.Destination("billing", origins=["https://*.example"])

    @pytest.mark.parametrize("seconds", [0.999, 0, -300])
    def test_a_lifetime_under_a_second_is_refused_at_birth(self, seconds):
        """
        No destination is made whose deliveries would be dead when they are sent.
        """
        with pytest.raises(DestinationError, match="1 second or more"):
            cx.Destination("billing", lifetime=timedelta(seconds=seconds))

    def test_a_lifetime_of_a_second_is_enough(self):
        """
        The shortest lifetime is one second.
        """
        destination = cx.Destination("billing", lifetime=timedelta(seconds=1))

        assert timedelta(seconds=1) == destination.lifetime

    def test_it_never_changes(self):
        """
        A destination is frozen, so an allow-list stays what it was.
        """
        with pytest.raises(attrs.exceptions.FrozenInstanceError):
            cx.Destination("billing").department = "sales"

    def test_queues_are_a_list(self):
        """
        One string is no list of queues, whose letters would each be a queue.
        """
        with pytest.raises(DestinationError, match="pass a list of queues"):
            cx.Destination("billing", queues="billing.tasks")

    @pytest.mark.parametrize("seconds", [-1, 6])
    def test_a_delivery_is_reused_for_five_seconds_at_most(self, seconds):
        """
        A stolen delivery is worth no more than it must be.
        """
        with pytest.raises(DestinationError, match="5 seconds at most"):
            cx.Destination("billing", reuse=timedelta(seconds=seconds))

    def test_a_bound_delivery_is_not_reused(self):
        """
        It names one message, and goes with no other.
        """
        with pytest.raises(DestinationError, match="one message only"):
            cx.Destination("billing", bound=True, reuse=timedelta(seconds=5))
