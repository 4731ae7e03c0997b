"""
The binding to HTTP: one field, one value, and what both ends know of a request.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

import cxcontext as cx
from cxcontext.web import http

TOKENS = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1)


def pairs(*values: bytes) -> list[tuple[bytes, bytes]]:
    """
    Return raw headers with these values of the field.
    """
    return [(b"host", b"a"), *((http.FIELD_BYTES, value) for value in values)]


class TestField:
    """
    Names and sizes.
    """

    def test_the_field_has_one_name(self):
        """
        The name on the wire is the same as in ASGI, but for its case.
        """
        assert http.FIELD_BYTES == http.FIELD.lower().encode()

    def test_the_edge_strips_both_spellings(self):
        """
        What some proxies turn into the field is taken away with it.
        """
        assert {b"customer-context", b"customer_context"} == http.STRIPPED

    def test_what_is_sent_passes_every_server(self):
        """
        4 KiB of text is the limit, below what proxies take in one field.
        """
        assert (cx.Limits(value_bytes=4096, binary=False), True) == (
            http.LIMITS,
            http.LIMITS.value_bytes < http.MAX_VALUE_BYTES,
        )


class TestHeadersCarrier:
    """
    A list of raw header pairs.
    """

    def test_every_value_is_found_in_order(self):
        """
        Repeated fields are kept apart, for the propagator to judge.
        """
        carrier = http.HeadersCarrier(pairs(b"1", b"2"))

        assert [b"1", b"2"] == carrier.get_all(http.FIELD)

    @pytest.mark.parametrize("name", [b"Customer-Context", b"CUSTOMER-CONTEXT"])
    def test_names_have_no_case(self, name):
        """
        However the field is written, it is found and taken away.
        """
        headers = [(name, b"1")]
        carrier = http.HeadersCarrier(headers)
        found = carrier.get_all("customer-Context")
        carrier.remove("customer-Context")

        assert ([b"1"], []) == (found, headers)

    @pytest.mark.parametrize("name", [b"customer_context", b"x-customer-context", b""])
    def test_other_names_are_other_fields(self, name):
        """
        The spelling with an underscore is neither read nor touched.
        """
        headers = [(name, b"1")]
        carrier = http.HeadersCarrier(headers)
        found = carrier.get_all(http.FIELD)
        carrier.remove(http.FIELD)

        assert ([], [(name, b"1")]) == (found, headers)

    @pytest.mark.parametrize("value", ["cx1.AA", b"cx1.AA"], ids=["text", "bytes"])
    def test_setting_replaces(self, value):
        """
        Afterwards there is one value, in one line, and the other fields as before.
        """
        headers = pairs(b"1", b"2")
        http.HeadersCarrier(headers).set(http.FIELD, value)

        assert [(b"host", b"a"), (b"customer-context", b"cx1.AA")] == headers

    @given(st.lists(st.tuples(TOKENS.map(str.encode), st.binary()), max_size=8))
    def test_whatever_else_is_there_stays(self, headers):
        """
        Setting and removing leave every other pair where and as it was.
        """
        others = [pair for pair in headers if pair[0] != http.FIELD_BYTES]
        carrier = http.HeadersCarrier(headers)
        carrier.set(http.FIELD, "cx1.AA")
        after_set = headers[:-1]
        carrier.remove(http.FIELD)

        assert (others, others) == (after_set, headers)

    def test_its_repr_shows_no_header(self):
        """
        Neither the field's value nor anybody's cookie is shown.
        """
        assert "cx1" not in repr(http.HeadersCarrier(pairs(b"cx1.AA")))


class TestBinding:
    """
    What both ends of a request know of it.
    """

    def test_it_is_method_and_target(self):
        """
        The method in capitals, then path and query as they are on the wire.
        """
        assert b"http GET /a%20b?c=d" == http.binding("get", b"/a%20b?c=d")

    def test_an_empty_query_is_none(self):
        """
        A bare question mark does not count: ASGI servers do not tell of it.
        """
        assert http.binding("GET", b"/a") == http.binding("GET", b"/a?")

    def test_requests_that_differ_are_bound_apart(self):
        """
        No two of these have the same binding.
        """
        requests = [
            ("GET", b"/a"),
            ("POST", b"/a"),
            ("GET", b"/a?b"),
            ("GET", b"/a??"),
            ("GET", b"/A"),
            ("GET", b"/%61"),
            ("GET", b"/a/"),
        ]

        assert len(requests) == len({http.binding(*request) for request in requests})


class TestProblem:
    """
    What a route answers that requires a journey.
    """

    def test_it_is_a_problem_of_rfc_9457(self):
        """
        Status and code are there, and nothing of what came.
        """
        assert {
            "type": "about:blank",
            "title": "A valid Customer-Context is required",
            "status": 400,
            "code": "too_large",
        } == json.loads(http.problem(400, "too_large"))
