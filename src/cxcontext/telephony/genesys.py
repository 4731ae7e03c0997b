"""
Genesys Cloud: UUI data as Architect reads and sets it, and participant attributes.

Genesys Cloud calls nothing of ours by itself: a flow asks the resolver by a data action.
What is here is for integrations that have the values already. Genesys takes the first
octet of ``User-to-User`` away, and discards several of them; data over 128 characters may
be cut or discarded on the way
(https://help.mypurecloud.com/articles/user-user-information-uui-data/).
"""

from __future__ import annotations

from typing import Final

import attrs

from cxcontext.homes import CallKey
from cxcontext.telephony.ladder import Leg, leg_of
from cxcontext.telephony.sip import party, read
from cxcontext.telephony.transfer import Transfer
from cxcontext.telephony.user_to_user import user_to_user

PLATFORM: Final = "genesys"
ATTRIBUTE: Final = "customer_context"


def conversation_key(conversation_id: str) -> CallKey:
    """
    Return the key of a conversation, which all its participants have.

    .. versionadded:: 0.1.0
    """
    return CallKey(PLATFORM, "conversation", conversation_id)


def leg_of_participant(
    participant_id: str,
    *,
    conversation_id: str,
    uui: str | None = None,
    attribute: str | None = None,
    ani: str | None = None,
    dnis: str | None = None,
    transferred: bool = False,
    trusted: bool = False,
) -> Leg:
    """
    Return the leg of one participant in a conversation.

    Args:
        participant_id: Who asks; the lease.
        conversation_id: That of the conversation.
        uui: UUI data, as Architect shows it: decoded, or in hex.
        attribute: The participant attribute *customer_context*.
        ani: Who calls, as ``Call.Ani``.
        dnis: What was dialled, as ``Call.CalledAddressOriginal``.
        transferred: Whether another participant had the call before.
        trusted: As of `Leg`.

    .. versionadded:: 0.1.0
    """
    headers = [("User-to-User", uui or ""), ("X-Customer-Context", attribute or "")]
    leg = leg_of(
        read(headers),
        lease=participant_id,
        trusted=trusted,
        ids=[conversation_key(conversation_id)],
    )
    return attrs.evolve(
        leg,
        line=None if dnis is None else party(dnis) or dnis,
        caller=None if ani is None else party(ani) or ani,
        transferred=leg.transferred or transferred,
    )


def uui_data(transfer: Transfer) -> str:
    """
    Return what *Set UUI Data* is given: hex with the octet that is taken away.

    98 characters, of the 128 that get through everywhere.

    .. versionadded:: 0.1.0
    """
    return user_to_user(str(transfer.reference)).data


def participant_attributes(transfer: Transfer) -> dict[str, str]:
    """
    Return the attributes for the transferring participant.

    .. versionadded:: 0.1.0
    """
    return {ATTRIBUTE: str(transfer.reference)}
