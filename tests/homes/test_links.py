"""
What a customer carries: every trap of every road.
"""

from __future__ import annotations

import email
import email.policy
import random
from base64 import b32encode
from email.header import Header
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cxcontext.errors import ReferenceExpiredError, UsageError
from cxcontext.homes import (
    Found,
    ReferenceKeys,
    from_reply,
    reply_address,
    reply_header,
    tel_link,
    web_link,
)
from cxcontext.homes.handover_code import HandoverCode

KEYS = ReferenceKeys({0: bytes(32)})
NOW_S = 1_800_000_000
FIRST = KEYS.mint(expires_s=NOW_S + 60, random=random.Random(1).randbytes)
SECOND = KEYS.mint(expires_s=NOW_S + 60, random=random.Random(2).randbytes)
EXPIRED = KEYS.mint(expires_s=NOW_S, random=random.Random(3).randbytes)
RAW = st.binary(min_size=28, max_size=28).map(lambda rest: b"\x15\xc0" + rest)
NUMBER = "+12025550123"


def is_live(text):
    """
    Return whether *text* is a reference of ours that has not expired.
    """
    return KEYS.parse(text, now_s=NOW_S)


class TestWebLink:
    """
    A page, and what its script finds.
    """

    @given(RAW)
    def test_only_the_fragment_has_the_reference(self, raw):
        """
        What a browser asks the server for is the page's address and no more.
        """
        link = web_link("https://example.com/go?from=chat", reference=raw)
        parts = urlsplit(link)

        assert (
            "https://example.com/go?from=chat",
            f"cx={b32encode(raw).decode()}",
        ) == (
            parts._replace(fragment="").geturl(),
            parts.fragment,
        )

    def test_a_reference_is_taken_as_it_is(self):
        """
        Its ``format`` hides it, and yet the link has it.
        """
        link = web_link("https://example.com", reference=FIRST)

        assert f"https://example.com#cx={str(FIRST)}" == link  # noqa: RUF010

    @pytest.mark.parametrize(
        "base_url",
        [
            "http://example.com/",
            "https://example.com/#",
            "https://example.com/#here",
            "https://user:secret@example.com/",
            "https:///path",
            "https://",
            "//example.com",
            "/path",
            "",
            "javascript:alert(1)",
            "https://example.com/a b",
            "https://example.com/\n",
            "https://exämple.com/",
            "https://[::1/",
        ],
    )
    def test_a_page_is_absolute_and_https(self, base_url):
        """
        Nothing is sent in the clear, and there is one fragment.
        """
        with pytest.raises(UsageError, match="absolute https URL"):
            web_link(base_url, reference=FIRST)

    @pytest.mark.parametrize("reference", [bytes(30), b"", str(FIRST), None])
    def test_only_a_reference_is_carried(self, reference):
        """
        30 bytes that begin as a reference does.
        """
        with pytest.raises(UsageError, match=r"Reference"):
            web_link("https://example.com", reference=reference)


class TestTelLink:
    """
    A number, pauses, digits.
    """

    def test_it_waits_twice_and_dials(self):
        """
        As the telephony notes have it, A3.
        """
        assert "tel:+12025550123,,123456789" == tel_link(NUMBER, code="123456789")

    def test_a_code_is_taken_as_it_is(self):
        """
        Its ``format`` hides it, and yet the link dials its nine digits.
        """
        code = HandoverCode(long="572000007123456", expires_at=None)

        assert "tel:+12025550123,572000007" == tel_link(NUMBER, code=code, pauses=1)

    @pytest.mark.parametrize(
        "code", ["123#", "*123", "1;2", "1,2", "1 2", "", "abc", "\u0661", "1\n"]
    )
    def test_what_phones_refuse_is_refused_here(self, code):
        """
        iOS dials no ``*`` or ``#``, and ``;`` needs a tap.
        """
        with pytest.raises(UsageError, match="only digits"):
            tel_link(NUMBER, code=code)

    @pytest.mark.parametrize(
        "number",
        [
            "2025550123",
            "+0123456789",
            "+1 202 555 0123",
            "+1",
            "+1" * 9,
            "+12025550123#",
        ],
    )
    def test_a_number_is_in_e164(self, number):
        """
        Any other is another number elsewhere.
        """
        with pytest.raises(UsageError, match=r"E\.164"):
            tel_link(number, code="123456789")

    @pytest.mark.parametrize("pauses", [0, 11, -1])
    def test_pauses_are_few(self, pauses):
        """
        One to ten.
        """
        with pytest.raises(UsageError, match="pauses"):
            tel_link(NUMBER, code="123456789", pauses=pauses)


class TestReplyAddress:
    """
    Where the answer goes.
    """

    @pytest.mark.parametrize(
        ("base", "separator", "before"),
        [
            ("help@example.com", "+", "help+"),
            ("help@example.com", "-", "help-"),
            ("a.b@example.com", "=", "a.b="),
            ("@reply.example.com", "+", ""),
        ],
    )
    def test_the_reference_is_before_the_at(self, base, separator, before):
        """
        After the address's own name, or alone.
        """
        address = reply_address(base, reference=FIRST, separator=separator)

        assert f"{before}{str(FIRST)}@{base.partition('@')[2]}" == address  # noqa: RUF010

    def test_there_is_room_for_fifteen(self):
        """
        64 octets are 15, a separator and 48 (RFC 5321, 4.5.3.1.1); 16 are too many.
        """
        address = reply_address("a" * 15 + "@example.com", reference=FIRST)

        assert 64 == len(address.partition("@")[0])
        with pytest.raises(UsageError, match="no room"):
            reply_address("a" * 16 + "@example.com", reference=FIRST)

    def test_a_path_is_not_too_long(self):
        """
        An address of more than 254 octets is not delivered to.
        """
        domain = ".".join(["a" * 49] * 4)

        assert 254 == len(reply_address(f"@{domain}.aaaaa", reference=FIRST))
        with pytest.raises(UsageError, match="no room"):
            reply_address(f"@{domain}.aaaaaa", reference=FIRST)

    @pytest.mark.parametrize(
        "base",
        [
            "help",
            "help@",
            "@",
            "a@b@c",
            "he lp@example.com",
            "<help@example.com>",
            "help@example.com\r\nBcc: x@example.org",
            "häl@example.com",
            "help@-example.com",
            ".a@example.com",
        ],
    )
    def test_an_address_is_an_address(self, base):
        """
        A header cannot be smuggled in.
        """
        with pytest.raises(UsageError, match="an address is like"):
            reply_address(base, reference=FIRST)

    def test_a_separator_is_one_that_servers_know(self):
        """
        Others would be part of the name.
        """
        with pytest.raises(UsageError, match="separator"):
            reply_address("help@example.com", reference=FIRST, separator="/")


class TestReplyHeader:
    """
    What the answer names.
    """

    def test_it_is_unique(self):
        """
        Two mails with one reference have two Message-IDs.
        """
        one, other = (reply_header(FIRST, domain="example.com") for _ in range(2))

        assert ("Message-ID", "Message-ID", True) == (one[0], other[0], one != other)

    @given(RAW)
    def test_the_standard_library_takes_it(self, raw):
        """
        A mail with it is written and read with its value unchanged and unfolded.
        """
        name, value = reply_header(raw, domain="mail.example.com")
        mail = EmailMessage(policy=email.policy.SMTP)
        mail[name] = value
        mail.set_content("Hello")
        again = email.message_from_bytes(bytes(mail), policy=email.policy.default)

        assert value == str(again["Message-ID"])
        assert not again["Message-ID"].defects

    @pytest.mark.parametrize(
        "domain", ["", "a b", "x>\r\nBcc: y", "-a.example", "a..b"]
    )
    def test_it_ends_with_a_domain(self, domain):
        """
        Nothing else can be smuggled in.
        """
        with pytest.raises(UsageError, match="domain"):
            reply_header(FIRST, domain=domain)


def answer_to(mail):
    """
    Return the headers of what a customer's mailer answers to *mail*.
    """
    answer = EmailMessage(policy=email.policy.SMTP)
    answer["From"] = "customer@example.org"
    answer["To"] = mail["Reply-To"] or mail["From"]
    if mail["Message-ID"]:
        answer["In-Reply-To"] = mail["Message-ID"]
        answer["References"] = f"<earlier@example.org> {mail['Message-ID']}"
    answer.set_content("Thanks")
    received = email.message_from_bytes(bytes(answer), policy=email.policy.default)
    return received.items()


class TestFromReply:
    """
    What an answer brings along.
    """

    @pytest.mark.parametrize("road", ["address", "header", "both"])
    def test_it_comes_back(self, road):
        """
        By the address, by the Message-ID where relays leave it, or by both.
        """
        mail = EmailMessage()
        mail["From"] = "help@example.com"
        if road != "header":
            mail["Reply-To"] = reply_address("help@example.com", reference=FIRST)
        if road != "address":
            name, value = reply_header(FIRST, domain="example.com")
            mail[name] = value

        assert Found(reference=str(FIRST)) == from_reply(answer_to(mail))

    @given(RAW, st.randoms(use_true_random=False))
    def test_small_letters_do_no_harm(self, raw, chance):
        """
        Mailers may spell an address as they like.
        """
        address = reply_address("help@example.com", reference=raw)
        spelled = "".join(chance.choice([c.lower(), c.upper()]) for c in address)

        found = from_reply([("TO", f'"Help, please" <{spelled}>')])

        assert b32encode(raw).decode() == found.reference

    @pytest.mark.parametrize("at", range(1, 48, 7))
    @pytest.mark.parametrize("fold", ["\r\n ", "\n\t", "\r\n   "])
    def test_folding_does_no_harm(self, at, fold):
        """
        Also where a relay folds in the middle of a word.
        """
        text = str(FIRST)
        value = f"<a@example.org>{fold}<{text[:at]}{fold}{text[at:]}.x@example.com>"

        assert str(FIRST) == from_reply([("References", value)]).reference

    def test_who_received_it_counts(self):
        """
        A blind copy's address is only known to the mail server.
        """
        address = reply_address("help@example.com", reference=FIRST)

        assert str(FIRST) == from_reply([], recipients=[address]).reference

    @pytest.mark.parametrize("name", ["Subject", "Reply-To", "From", "X-Other"])
    def test_elsewhere_it_does_not_count(self, name):
        """
        What is pasted into a subject leads nowhere.
        """
        assert Found() == from_reply([(name, f"help+{str(FIRST)}@example.com")])  # noqa: RUF010

    def test_two_are_none(self):
        """
        An answer to one mail that was sent to another's address: neither is taken.
        """
        headers = [
            ("To", reply_address("help@example.com", reference=FIRST)),
            reply_header(SECOND, domain="example.com"),
        ]
        headers[1] = ("In-Reply-To", headers[1][1])

        assert Found(conflict=True) == from_reply(headers)

    def test_what_has_expired_is_left_out(self):
        """
        A long thread names the references of earlier hand-overs as well.
        """
        forged = bytes(FIRST)[:-1] + bytes([bytes(FIRST)[-1] ^ 1])
        ids = [
            reply_header(reference, domain="example.com")[1]
            for reference in (EXPIRED, forged, FIRST)
        ]
        headers = [("References", " ".join(ids))]

        assert (Found(conflict=True), Found(reference=str(FIRST))) == (
            from_reply(headers),
            from_reply(headers, accepts=is_live),
        )

    def test_a_function_may_say_no(self):
        """
        Something false is as good as an error.
        """
        headers = [("To", reply_address("help@example.com", reference=FIRST))]

        assert Found() == from_reply(headers, accepts=lambda text: False)

    def test_the_helper_does_raise(self):
        """
        An expired reference raises where `from_reply` does not.
        """
        with pytest.raises(ReferenceExpiredError):
            is_live(str(EXPIRED))

    @pytest.mark.parametrize(
        "around", ["A{}", "{}A", "7{}", "{}7", "cx{}", "{}" + "A" * 48]
    )
    def test_a_longer_word_is_none(self, around):
        """
        48 characters out of more are an accident.
        """
        value = around.format(str(FIRST))

        assert Found() == from_reply([("To", f"{value}@example.com")])

    @given(
        st.lists(
            st.tuples(
                st.one_of(st.sampled_from(["To", "References", "cc"]), st.text()),
                st.one_of(st.text(), st.binary(), st.none(), st.integers()),
            )
        ),
        st.lists(st.one_of(st.text(), st.binary(), st.none())),
    )
    def test_it_never_raises(self, headers, recipients):
        """
        Whatever a mail has for headers.
        """
        assert isinstance(from_reply(headers, recipients=recipients), Found)

    def test_what_cannot_be_shown_is_passed_over(self):
        """
        A header whose ``str`` raises hides no other.
        """

        class Broken:
            def __str__(self):
                raise LookupError

        headers = [
            (None, "x"),
            ("To", Broken()),
            ("Cc", Header(reply_address("help@example.com", reference=FIRST))),
        ]

        assert str(FIRST) == from_reply(headers).reference

    def test_bytes_are_read_as_ascii(self):
        """
        Some servers give headers as they came.
        """
        value = reply_address("help@example.com", reference=FIRST).encode()

        assert str(FIRST) == from_reply([("Delivered-To", value)]).reference

    def test_a_long_header_takes_no_time(self):
        """
        Ten megabytes that almost match are cut, and what is before is found.
        """
        value = reply_address("help@example.com", reference=FIRST) + ", CX" * 2_500_000

        assert str(FIRST) == from_reply([("To", value)]).reference

    def test_it_is_not_shown(self):
        """
        A log line with what was found does not have the reference.
        """
        headers = [("To", reply_address("help@example.com", reference=FIRST))]

        assert "Found(conflict=False)" == repr(from_reply(headers))
