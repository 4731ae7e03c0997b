"""
What each platform takes of a reference in a call, and where that is known from.

Data, not code: `Platform` says in which headers a reference goes to it, and every
number names its source. What was only read, not seen, says so in its source.
"""

from __future__ import annotations

import re
from typing import Final

import attrs

from cxcontext.errors import UsageError
from cxcontext.telephony.user_to_user import TEXT_DISCRIMINATOR, user_to_user

USER_TO_USER: Final = "User-to-User"
CUSTOMER_CONTEXT: Final = "X-Customer-Context"


@attrs.frozen
class Limit:
    """
    A number that somebody set, and where it is known from.

    Args:
        most: The most that is taken; of what, the attribute of `Platform` says.
        source: Who said so, or how it was seen.

    .. versionadded:: 0.1.0
    """

    most: int
    source: str


@attrs.frozen(kw_only=True)
class Platform:
    """
    What one platform takes.

    Args:
        name: What it is called.
        user_to_user: Whether ``User-to-User`` reaches it, and leaves it.
        discriminator: With which protocol discriminator; None for none.
        x_header: Under which name a reference goes besides, or None.
        attribute: Under which name in the platform's own attributes.
        value_chars: The longest value of a header.
        name_chars: The longest name of a header of one's own.
        headers_chars: The most of all headers together, in a URI.
        uri_chars: The longest URI, without headers.
        slots: The most headers of one's own.
        alphabet: What else than letters and digits a value may have; None for all.
        refer_headers: Whether it makes headers of those in a ``Refer-To``.
        source: Where the rest of it is known from.

    .. versionadded:: 0.1.0
    """

    name: str
    user_to_user: bool = True
    discriminator: int | None = TEXT_DISCRIMINATOR
    x_header: str | None = CUSTOMER_CONTEXT
    attribute: str = "customer_context"
    value_chars: Limit | None = None
    name_chars: Limit | None = None
    headers_chars: Limit | None = None
    uri_chars: Limit | None = None
    slots: Limit | None = None
    alphabet: str | None = None
    refer_headers: bool = True
    source: str

    def headers(self, reference: str) -> tuple[tuple[str, str], ...]:
        """
        Return the headers in which a reference goes to it: exactly one of a name.

        Raises:
            UsageError: When it is no reference.
        """
        found = []
        if self.user_to_user:
            value = user_to_user(reference, discriminator=self.discriminator)
            found.append((USER_TO_USER, value.encode()))
        if self.x_header is not None:
            found.append((self.x_header, reference))
        return tuple(pair for pair in found if self.takes(*pair))

    def takes(self, name: str, value: str) -> bool:
        """
        Say whether a header fits into what the platform takes.
        """
        if self.value_chars is not None and len(value) > self.value_chars.most:
            return False
        if name == USER_TO_USER:
            return self.user_to_user
        if self.name_chars is not None and len(name) > self.name_chars.most:
            return False
        return self.alphabet is None or bool(
            re.fullmatch(rf"[A-Za-z0-9{re.escape(self.alphabet)}]*", value)
        )


SIP: Final = Platform(
    name="sip",
    source="RFC 7433; a proxy passes both on as they are (seen with Kamailio 5.6.3)",
)
GENESYS: Final = Platform(
    name="genesys",
    x_header=None,
    value_chars=Limit(
        128,
        "Genesys Cloud, 'User to User Information': some systems discard data over "
        "128 characters; Architect was reported to cut there",
    ),
    source="Genesys Cloud, 'User to User Information': hex by default, the first octet "
    "is taken away unless ;pd= is there, several headers are all discarded",
)
TWILIO: Final = Platform(
    name="twilio",
    uri_chars=Limit(254, "Twilio, TwiML <Sip> and warning 13251: under 255"),
    headers_chars=Limit(1023, "Twilio, warning 21227: fewer than 1,024"),
    refer_headers=False,
    source="Twilio, TwiML <Sip>: x- headers, and User-to-User besides; custom headers "
    "of a received REFER are not honoured (Retell's documentation)",
)
AMAZON_CONNECT: Final = Platform(
    name="amazon_connect",
    value_chars=Limit(32_768, "Amazon Connect: all attributes of a contact, in bytes"),
    source="Amazon Chime SDK, SIP media application: SipHeaders takes X-* and "
    "User-to-User; contact attributes are kept for 24 months",
)
PLIVO: Final = Platform(
    name="plivo",
    user_to_user=False,
    x_header="X-PH-Cxref",
    name_chars=Limit(24, "Plivo, Dial XML: sipHeaders, names"),
    value_chars=Limit(48, "Plivo, Dial XML: an older page; the newer says 120"),
    alphabet="%",
    source="Plivo, Dial XML: sipHeaders; what offends is left out without a word",
)
AZURE: Final = Platform(
    name="azure",
    x_header="X-MS-Custom-cxref",
    name_chars=Limit(64, "Azure Communication Services, custom calling context"),
    value_chars=Limit(256, "Azure Communication Services, custom calling context"),
    slots=Limit(5, "Azure Communication Services, custom calling context"),
    alphabet="=;.!%*_+~-",
    source="Azure Communication Services: AddSipUui, AddSipX",
)
TELNYX: Final = Platform(
    name="telnyx", source="Telnyx, transfer and refer: custom_headers, sip_headers"
)
VONAGE: Final = Platform(
    name="vonage", source="Vonage, NCCO connect: headers, standardHeaders"
)
LIVEKIT: Final = Platform(
    name="livekit",
    source="LiveKit: headers of transferSIPParticipant go onto the REFER, those for the "
    "next leg into transfer_to",
)
JAMBONZ: Final = Platform(name="jambonz", source="jambonz: dial.headers, sip:refer")
SIGNALWIRE: Final = Platform(
    name="signalwire",
    source="SignalWire, SWML connect.headers: no effect on calls to phone numbers",
)
ASTERISK: Final = Platform(
    name="asterisk",
    attribute="__CXREF",
    refer_headers=False,
    source="Asterisk 22.7, res_pjsip_refer.c: of the headers in a Refer-To only Replaces",
)
FREESWITCH: Final = Platform(
    name="freeswitch",
    attribute="sip_h_X-Customer-Context",
    refer_headers=False,
    source="FreeSWITCH, mod_sofia: X-*, P-* and User-to-User are imported on arrival",
)
ISDN: Final = Platform(
    name="isdn",
    x_header=None,
    value_chars=Limit(
        128, "ITU-T Q.931, 4.5.30: 131 octets with the element's own three; from memory"
    ),
    refer_headers=False,
    source="RFC 7434; some networks take 35 octets: user_to_user(binary=True)",
)

PLATFORMS: Final = {
    platform.name: platform
    for platform in (
        SIP,
        GENESYS,
        TWILIO,
        AMAZON_CONNECT,
        PLIVO,
        AZURE,
        TELNYX,
        VONAGE,
        LIVEKIT,
        JAMBONZ,
        SIGNALWIRE,
        ASTERISK,
        FREESWITCH,
        ISDN,
    )
}

_NAMES: Final = [one.x_header for one in PLATFORMS.values() if one.x_header is not None]
# Under which names one may arrive, in small letters.
REFERENCE_HEADERS: Final = tuple(dict.fromkeys(name.lower() for name in _NAMES))


def platform(name: str) -> Platform:
    """
    Return the platform of a name.

    Raises:
        UsageError: When it is none that is known here.

    .. versionadded:: 0.1.0
    """
    if name not in PLATFORMS:
        raise UsageError(f"no platform {name!r}; known: {', '.join(PLATFORMS)}")
    return PLATFORMS[name]
