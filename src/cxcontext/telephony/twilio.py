"""
Twilio: what a webhook says, believed only when Twilio signed it.

Pure functions. The signature is base64 of HMAC-SHA1 under the account's auth token,
over the URL that is set at Twilio, followed by name and value of every form parameter,
sorted; of a body that is no form, the URL has the SHA-256 as ``bodySHA256``
(https://www.twilio.com/docs/usage/webhooks/webhooks-security). The algorithm is this
one, whatever a request's headers say, and the URL is configured: behind a proxy, scheme
and host of the request are not those that were signed.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from typing import ClassVar, Final
from urllib.parse import SplitResult, parse_qs, parse_qsl, urlsplit

import attrs

from cxcontext.errors import (
    TooLargeError,
    UsageError,
    WebhookForgedError,
    WebhookMalformedError,
)
from cxcontext.hiding import unshown
from cxcontext.homes import CallKey
from cxcontext.pickling import NotPicklable
from cxcontext.telephony.ladder import Leg, leg_of
from cxcontext.telephony.sip import party, read
from cxcontext.telephony.webhook import octets

# More than any documented webhook; Twilio adds parameters without notice.
MAX_BODY_BYTES: Final = 65_536
MAX_PARAMETERS: Final = 512
MAX_TARGET_CHARS: Final = 8_192
PLATFORM: Final = "twilio"

_FORM: Final = "application/x-www-form-urlencoded"
_SIP_HEADER: Final = "SipHeader_"
_PORTS: Final = {"https": 443, "http": 80, "wss": 443, "ws": 80}


@attrs.frozen(kw_only=True)
class TwilioRequest:
    """
    A request that Twilio has signed. What the caller can choose is still untrusted.

    Attributes:
        parameters: The form's, or those of the query where there is no form; of a
            repeated one, the first. Hidden in ``repr``.
        body: As it came. Hidden in ``repr``.

    .. versionadded:: 0.1.0
    """

    parameters: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(repr=False, default=b"")

    @property
    def call_sid(self) -> str | None:
        """
        The call leg's id at Twilio: the *lease* and *call* of redeeming.
        """
        return self.parameters.get("CallSid") or None

    @property
    def parent_call_sid(self) -> str | None:
        """
        The id of the leg that this one was dialled from.
        """
        return self.parameters.get("ParentCallSid") or None

    @property
    def line(self) -> str | None:
        """
        The number that was dialled.
        """
        return self.parameters.get("To") or None

    @property
    def caller(self) -> str | None:
        """
        The number that calls; anybody can forge it.
        """
        return self.parameters.get("From") or None

    @property
    def digits(self) -> str | None:
        """
        What was typed on the keypad, for a ``<Gather>``.
        """
        return self.parameters.get("Digits") or None

    @property
    def sip_headers(self) -> tuple[tuple[str, str], ...]:
        """
        The SIP headers that Twilio passes on: ``X-`` ones and ``User-to-User``.
        """
        return tuple(
            (name.removeprefix(_SIP_HEADER), value)
            for name, value in self.parameters.items()
            if name.startswith(_SIP_HEADER)
        )


def call_key(call_sid: str) -> CallKey:
    """
    Return the key of a call leg.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "call", call_sid)


def child_key(call_sid: str) -> CallKey:
    """
    Return the key of the leg that a call dials: another than the call's own.

    Pass it to `Transfers.transfer` before ``<Dial>``: each leg redeems its own.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "child of", call_sid)


def leg_of_request(request: TwilioRequest, *, trusted: bool = False) -> Leg:
    """
    Return the leg that a webhook is about.

    Args:
        request: From `TwilioWebhooks.verify`.
        trusted: As of `Leg`: whether only trunks of ours send us headers.

    Raises:
        WebhookMalformedError: When it is about no call.

    .. versionadded:: 0.1.0
    """
    call_sid, parent = request.call_sid, request.parent_call_sid
    if call_sid is None:
        raise WebhookMalformedError("Twilio", "no CallSid")
    headers = [*request.sip_headers]
    sip_call_id = request.parameters.get("SipCallId")
    if sip_call_id:
        headers.append(("Call-ID", sip_call_id))
    ids = [call_key(call_sid)]
    if parent is not None:
        ids.append(child_key(parent))
    leg = leg_of(
        read(headers),
        lease=call_sid,
        trusted=trusted,
        ids=ids,
        code=request.digits,
    )
    return attrs.evolve(
        leg,
        line=_number(request.line),
        caller=_number(request.caller),
        transferred=leg.transferred or parent is not None,
    )


def _number(address: str | None) -> str | None:
    return None if address is None else party(address) or address


def _base_url(url: str) -> SplitResult:
    advice = "public_base_url is what Twilio calls, such as https://voice.example.com"
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(advice)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise UsageError(advice) from None
    extra = parts.path.strip("/") or parts.query or parts.fragment
    if parts.scheme not in _PORTS or not parts.hostname or extra:
        raise UsageError(f"{advice}: scheme and host, without a path")
    return parts


def _secret(text: str) -> bytes:
    if not isinstance(text, str) or not text:
        # HMAC takes an empty key, under which everybody can sign.
        raise UsageError("the auth token is empty; Twilio's console shows it")
    return text.encode()


@attrs.frozen(repr=False, field_transformer=unshown)
class TwilioWebhooks(NotPicklable):
    """
    Checks that requests are Twilio's.

    >>> webhooks = TwilioWebhooks("12345", public_base_url="https://example.com")
    >>> webhooks.verify("/voice?foo=1", signature="aHe81oytkiBAU1MvQiTQaTBIDms=").body
    b''

    Args:
        auth_token: The account's auth token. A shared key's secret is none: requests
            signed with one (``X-Twilio-Webhooks-Signature-Settings``) are refused.
        public_base_url: Scheme and host under which Twilio reaches this service,
            ``wss`` for a web socket; with name and password, if they are in the URL.
        secondary_auth_token: Another that counts while tokens are changed.

    Raises:
        UsageError: When a token is empty, or the URL has a path or is none.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "load the auth token where it is used"

    _auth_token: bytes = attrs.field(alias="auth_token", converter=_secret)
    _base: SplitResult = attrs.field(
        kw_only=True, alias="public_base_url", converter=_base_url
    )
    _secondary: bytes | None = attrs.field(
        kw_only=True,
        alias="secondary_auth_token",
        converter=attrs.converters.optional(_secret),
        default=None,
    )

    def __repr__(self) -> str:
        return f"<TwilioWebhooks at {self._base.hostname}>"

    def verify(
        self,
        target: str,
        *,
        signature: str | None,
        body: bytes = b"",
        content_type: str | None = None,
    ) -> TwilioRequest:
        """
        Return what a request says, if Twilio signed it.

        A signature is good for ever: Twilio signs no time. So what a repeated
        request does must be harmless, as redeeming for the same call is.

        Args:
            target: Path and query as they came, escaped as they were.
            signature: The value of ``X-Twilio-Signature``; None where it is missing.
            body: As it came; at most 65,536 bytes.
            content_type: That of the body.

        Raises:
            TooLargeError: When the body is too long; nothing was parsed.
            WebhookMalformedError: When target or body are not such ones.
            WebhookForgedError: When the signature is missing or not Twilio's.

        .. versionadded:: 0.1.0
        """
        if len(body) > MAX_BODY_BYTES:
            raise TooLargeError(len(body), MAX_BODY_BYTES)
        if not target.startswith("/") or len(target) > MAX_TARGET_CHARS:
            raise WebhookMalformedError("Twilio", "its target is not path and query")
        kind = (content_type or "").partition(";")[0].strip().lower()
        form = _form(body) if body and kind == _FORM else []
        signed = "".join(
            name + value for name, values in _sorted(form) for value in values
        )
        given = octets(signature or "")
        genuine = False
        for token in (self._auth_token, self._secondary):
            for url in self._urls(target):
                if token is not None:
                    made = hmac.digest(token, octets(url + signed), "sha1")
                    genuine |= hmac.compare_digest(b64encode(made), given)
        if body and kind != _FORM:
            genuine &= _is_named(target, body)
        if not genuine:
            raise WebhookForgedError("Twilio")
        first: dict[str, str] = {}
        for name, value in form or _query(target):
            first.setdefault(name, value)
        return TwilioRequest(parameters=first, body=body)

    def _urls(self, target: str) -> Iterator[str]:
        """
        Return the URL without and with its port: Twilio signs now one, now the other.
        """
        base = self._base
        userinfo, at, host = base.netloc.rpartition("@")
        if base.port is not None:
            host = host[: host.rindex(":")]
        port = base.port or _PORTS[base.scheme]
        for netloc in (host, f"{host}:{port}"):
            yield f"{base.scheme}://{userinfo}{at}{netloc}{target}"


def _form(body: bytes) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        raise WebhookMalformedError("Twilio", "its body is no form") from None


def _query(target: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            target.partition("?")[2],
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
        )
    except ValueError:
        raise WebhookMalformedError("Twilio", "its query is too long") from None


def _sorted(form: list[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    values: dict[str, set[str]] = {}
    for name, value in form:
        values.setdefault(name, set()).add(value)
    return [(name, sorted(values[name])) for name in sorted(values)]


def _is_named(target: str, body: bytes) -> bool:
    """
    Whether the URL, which is signed, names this body.
    """
    named = parse_qs(target.partition("?")[2]).get("bodySHA256", [])
    digest = sha256(body).hexdigest().encode()
    # Two would be one for Twilio and another for whoever put it there.
    return len(named) == 1 and hmac.compare_digest(digest, octets(named[0]))
