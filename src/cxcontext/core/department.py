"""
A department: the doors from bytes to facts, and from facts to bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import timedelta
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from cxcontext.core.context import Context, Reader
from cxcontext.core.envelope import Envelope, decode_envelope
from cxcontext.core.erasable import TrialSecrets
from cxcontext.core.events import Event, LeftOutStatement, Received, Rejected, notify
from cxcontext.core.gaps import Reason
from cxcontext.core.graph import Graph
from cxcontext.core.journey import Journey
from cxcontext.core.journey.state import Provenance
from cxcontext.core.keys import KeySet, PrivateKeys, SigningKeyEntry
from cxcontext.core.known import Arrival
from cxcontext.core.limits import CLOCK_LEEWAY_SECONDS, DELIVERY_LIFETIME
from cxcontext.core.recent import RecentlyOpened
from cxcontext.core.statement import (
    FLAG_ERASABLE,
    FLAG_EXPORT,
    NONCE_BYTES,
    SIGNATURE_BYTES,
    check_channel,
)
from cxcontext.core.verify import Expected, Verified, verify_envelope
from cxcontext.core.vocabulary import Vocabulary
from cxcontext.errors import (
    ExternalDepartmentError,
    ReplayedError,
    UnknownDepartmentError,
    UsageError,
    VerificationError,
)
from cxcontext.typing import ErasureSecrets, Signer

if TYPE_CHECKING:
    from cxcontext.core.domain import TrustDomain

V = TypeVar("V", bound=Vocabulary)

_EMPTY = Graph(order=(), position={}, ancestors=(), heads=())


class Department(Generic[V]):
    """
    A service or team that signs with its own key. From `TrustDomain.department`.

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        trust_domain: TrustDomain[V],
        name: str,
        *,
        keys: PrivateKeys,
        secrets: ErasureSecrets | None = None,
        purpose: str | None = None,
        on_event: Callable[[Any], None] | None = None,
    ) -> None:
        self._trust_domain = trust_domain
        self.name = name
        self.keys = keys
        self.secrets = secrets
        self.purpose = purpose
        self._observers = trust_domain.observers + (
            () if on_event is None else (on_event,)
        )
        self._recent = RecentlyOpened()
        self.is_external(name)
        if not isinstance(keys, PrivateKeys):
            msg = f"keys is a {type(keys).__name__}; pass PrivateKeys.load(path)"
            raise UsageError(msg)
        if secrets is not None and not isinstance(secrets, ErasureSecrets):
            msg = f"secrets is a {type(secrets).__name__}; pass JourneySecrets(store)"
            raise UsageError(msg)
        if keys.department != name or keys.domain != trust_domain.name:
            msg = (
                f"these are the private keys of {keys.department} at {keys.domain}, "
                f"not of {name} at {trust_domain.name}; load its own file"
            )
            raise UsageError(msg)

    def __repr__(self) -> str:
        return f"<Department {self.name} of {self.domain}>"

    # --- who and when --------------------------------------------------------

    @property
    def domain(self) -> str:
        """
        The trust domain's name.
        """
        return self._trust_domain.name

    @property
    def vocabulary(self) -> type[V]:
        """
        The vocabulary of the trust domain.
        """
        return self._trust_domain.vocabulary

    @property
    def key_set(self) -> KeySet:
        """
        The present public key set.
        """
        return self._trust_domain.key_set

    @property
    def statement_lifetime_s(self) -> int:
        """
        How long a statement lives, in seconds.
        """
        return int(self.key_set.statement_lifetime.total_seconds())

    def now_s(self) -> int:
        """
        The domain's clock, in whole seconds.
        """
        return self._trust_domain.now_s()

    def random(self, size_bytes: int) -> bytes:
        """
        Return unpredictable bytes from the domain's source.
        """
        return self._trust_domain.random(size_bytes)

    @property
    def is_observed(self) -> bool:
        """
        Whether anybody wants to be told of events.
        """
        return bool(self._observers)

    def observe(self, event: Event) -> None:
        """
        Tell the observers of an event.
        """
        notify(self._observers, event)

    def refuse(
        self, problem: VerificationError, *, journey_id: str | None = None
    ) -> None:
        """
        Tell the observers that something that came was refused.
        """
        self.observe(
            Rejected(department=self.name, journey_id=journey_id, code=problem.code)
        )

    def forget_recent(self) -> None:
        """
        Let go of the envelopes opened a moment ago, and of what was read in them.
        """
        self._recent.clear()

    def for_trials(self) -> Department[V]:
        """
        Return this department, telling nobody, signing nothing and keeping no secret.

        For what is made to be measured and thrown away: a signer may be far away,
        and remember for whom it signed.
        """
        trial: Department[V] = copy(self)
        trial._observers = ()
        unsigned = tuple(_Unsigned(signer) for signer in self.keys.signers)
        trial.keys = attrs.evolve(self.keys, signers=unsigned)
        if self.secrets is not None:
            trial.secrets = TrialSecrets(self.secrets)
        return trial

    # --- doors ---------------------------------------------------------------

    def begin(self, *, channel: str, erasable: bool = False) -> Journey[V]:
        """
        Begin a journey with a customer who brings none.

        Args:
            channel: Through which channel: ``"chat"``, ``"phone"``, ``"web"``, ...
            erasable: Whether everything in it is also under a secret of this one
                journey, with whose deletion every copy becomes unreadable.

        Raises:
            ValueError: When *channel* is not such a word.
            UsageError: When it is to be erasable and the department has no *secrets*.

        .. versionadded:: 0.1.0
        """
        return self._begin(channel, erasable=erasable)

    def begin_after(
        self, problem: Reason, *, channel: str, erasable: bool = False
    ) -> Journey[V]:
        """
        Begin a journey where one came and could not be used.

        What is needed and not known says *problem* instead of "never stated",
        so a bad envelope is never taken for none.

        Args:
            problem: `Reason.REJECTED` or `Reason.LOST`.
            channel: As in `begin`.
            erasable: As in `begin`.

        Raises:
            UsageError: When *problem* is another reason, or as `begin`.

        .. versionadded:: 0.1.0
        """
        if problem not in (Reason.REJECTED, Reason.LOST):
            msg = "begin_after takes Reason.REJECTED or Reason.LOST; else use begin()"
            raise UsageError(msg)
        return self._begin(channel, problem=problem, erasable=erasable)

    def receive(
        self,
        raw: Envelope | bytes | str,
        *,
        channel: str | None = None,
        binding: bytes | None = None,
        reply_to: bytes | None = None,
        once: bool = False,
        max_lifetime: timedelta = DELIVERY_LIFETIME,
        arrival: Arrival = Arrival.DELIVERY,
        late: bool = False,
        message_id: bytes | None = None,
    ) -> Journey[V]:
        """
        Return the journey that another department handed over.

        Args:
            raw: The envelope, in binary or text form.
            channel: Through which channel the customer is here now; the
                sender's, unless given.
            binding: What this side knows of the message from elsewhere; must
                be what the sender bound it to.
            reply_to: In a response, the id of the request's delivery.
            once: Whether a delivery seen before is refused, and one that has
                ended, of which nobody remembers whether it was seen.
            max_lifetime: The longest delivery that is accepted; a queue's
                consumer gives its queue's.
            arrival: How it came, if not from the sender directly: the lesser
                of this and of what the delivery states counts.
            late: Whether a delivery that has ended is accepted, as by a queue's
                consumer; `Journey.stale` says so then.
            message_id: Which message it came in, where a broker may deliver one
                again: in the same message the same delivery is no replay.

        Raises:
            VerificationError: The first check that failed; nothing is lost,
                and nothing of it is believed.

        .. versionadded:: 0.1.0
        """
        expected = Expected(
            department=self.name,
            rests=False,
            max_lifetime_s=int(max_lifetime.total_seconds()),
            binding=binding,
            reply_to=reply_to,
            late=late and not once,
        )
        return self._open(
            raw,
            expected,
            channel=channel,
            arrival=arrival,
            once=once,
            message_id=message_id,
        )

    def resume(
        self,
        raw: Envelope | bytes | str,
        *,
        channel: str | None = None,
        arrival: Arrival = Arrival.HOME,
    ) -> Journey[V]:
        """
        Return the journey that `Journey.save` laid to rest.

        Args:
            raw: What `save` returned.
            channel: As in `receive`.
            arrival: How it was found: `Arrival.HINT` where only a phone number
                or the like matched, `Arrival.POSSESSION` where the customer
                carried it.

        Raises:
            VerificationError: The first check that failed.

        .. versionadded:: 0.1.0
        """
        expected = Expected(department=self.name, rests=True, max_lifetime_s=0)
        return self._open(raw, expected, channel=channel, arrival=arrival)

    def receive_from_external(
        self, raw: Envelope | bytes | str
    ) -> tuple[Journey[V], str]:
        """
        Return a partner's answer to an export, for `Journey.accept_from`.

        Raises:
            VerificationError: When it does not verify, or is not a partner's.
        """
        expected = Expected(
            department=self.name,
            rests=False,
            max_lifetime_s=int(DELIVERY_LIFETIME.total_seconds()),
            from_external=True,
        )
        journey = self._open(raw, expected, channel=None, arrival=Arrival.DELIVERY)
        return journey, journey.received_from or ""

    def begin_export(self, channel: str) -> Journey[V]:
        """
        Begin the journey that an export is, for `Journey.export_to`.
        """
        return self._begin(channel, root_flags=FLAG_EXPORT)

    # --- checks that the journey's verbs share -------------------------------

    def check_internal(self, name: str) -> None:
        """
        Refuse a name that is unknown or external.

        Raises:
            UnknownDepartmentError, ExternalDepartmentError: When it is.
        """
        if self.is_external(name):
            raise ExternalDepartmentError(name)

    def check_external(self, name: str) -> None:
        """
        Refuse a name that is unknown or one of our own departments.

        Raises:
            UnknownDepartmentError, UsageError: When it is.
        """
        if not self.is_external(name):
            msg = f"{name} is a department of ours; hand the journey over to it"
            raise UsageError(msg)

    def is_external(self, name: str) -> bool:
        """
        Whether a department of the key set is an external partner.

        Raises:
            UnknownDepartmentError: When the key set has none of that name.
        """
        departments = self.key_set.departments
        if name not in departments:
            near = get_close_matches(str(name), departments, n=3) or sorted(departments)
            raise UnknownDepartmentError(name, tuple(near))
        return departments[name].external

    def signing_key(self, key_id: bytes) -> SigningKeyEntry | None:
        """
        Return whose key that is; the key source is asked where it is not known.
        """
        if not self.key_set.knows({key_id}):
            self._trust_domain.refresh()
        return self.key_set.signing_key(key_id)

    # --- opening -------------------------------------------------------------

    def _reader(self, key_set: KeySet) -> Reader:
        return Reader(
            domain=self.domain,
            department=self.name,
            vocabulary=self.vocabulary,
            keys=self.keys,
            key_set=key_set,
            observe=self.observe,
            secrets=self.secrets,
        )

    def _begin(
        self,
        channel: str,
        *,
        problem: Reason | None = None,
        erasable: bool = False,
        root_flags: int = 0,
    ) -> Journey[V]:
        if erasable and self.secrets is None:
            msg = (
                "an erasable journey needs a place for its secret; pass secrets=... to "
                "TrustDomain.department(), such as cxcontext.homes.JourneySecrets"
            )
            raise UsageError(msg)
        context = Context(
            reader=self._reader(self.key_set),
            statements=(),
            authors=(),
            graph=_EMPTY,
            root_flags=root_flags | (FLAG_ERASABLE if erasable else 0),
        )
        return Journey(
            self,
            context=context,
            channel=check_channel(channel),
            provenance=Provenance(arrival=Arrival.DELIVERY, problem=problem),
            nonce=self.random(NONCE_BYTES),
        )

    def _open(
        self,
        raw: Envelope | bytes | str,
        expected: Expected,
        *,
        channel: str | None,
        arrival: Arrival,
        once: bool = False,
        message_id: bytes | None = None,
    ) -> Journey[V]:
        if channel is not None:
            check_channel(channel)
        verified, context = self._verified(raw, expected)
        delivery = verified.delivery
        replayed = not delivery.rests and self._trust_domain.replays.seen(
            audience=self.name,
            key_id=delivery.key_id,
            delivery_id=delivery.id,
            expires_s=(delivery.expires_s or 0) + CLOCK_LEEWAY_SECONDS,
            now_s=self.now_s(),
            message_id=message_id,
        )
        if replayed and once:
            raise ReplayedError
        stale = delivery.has_ended(self.now_s())
        if self.is_observed:
            self._tell_of(verified, context, replayed=replayed, stale=stale)
        heads = verified.graph.heads
        last = verified.statements[heads[-1]].channel
        return Journey(
            self,
            context=context,
            channel=last if channel is None else channel,
            provenance=Provenance(
                # No honest department launders a stolen link: the lesser counts.
                arrival=min(arrival, delivery.arrival),
                received_from=verified.sender,
                replayed=replayed,
                delivery_id=delivery.id,
                stale=stale,
            ),
        )

    def _tell_of(
        self, verified: Verified, context: Context, *, replayed: bool, stale: bool
    ) -> None:
        for left_out in verified.left_out:
            self.observe(
                LeftOutStatement(
                    department=self.name,
                    journey_id=context.journey_id,
                    code=left_out.code,
                    key_id=left_out.key_id,
                )
            )
        self.observe(
            Received(
                department=self.name,
                journey_id=context.journey_id,
                sender=verified.sender,
                statements=len(verified.statements),
                replayed=replayed,
                stale=stale,
            )
        )

    def _verified(
        self, raw: Envelope | bytes | str, expected: Expected
    ) -> tuple[Verified, Context]:
        domain = self._trust_domain
        now_s = self.now_s()
        # One key set throughout: another thread may bring a newer one meanwhile.
        key_set = self.key_set
        data = bytes(raw) if isinstance(raw, Envelope) else raw
        found = self._recent.find(data, expected, key_set=key_set, now_s=now_s)
        if found is not None:
            return found
        envelope = decode_envelope(data, cache=domain.verified)
        if not key_set.knows(_key_ids(envelope)):
            domain.refresh()
            key_set = self.key_set
        verified = verify_envelope(
            envelope,
            domain=self.domain,
            key_set=key_set,
            expected=expected,
            now_s=now_s,
            cache=domain.verified,
        )
        context = Context(
            reader=self._reader(key_set),
            statements=verified.statements,
            authors=verified.authors,
            graph=verified.graph,
        )
        # An unknown author may be known a minute later; what was read of an erasable
        # journey must not stay here when its secret is deleted.
        if None not in verified.authors and not context.is_erasable:
            self._recent.add(
                data, expected, verified, context, key_set=key_set, now_s=now_s
            )
        return verified, context


def _key_ids(envelope: Envelope) -> set[bytes]:
    return {s.key_id for s in envelope.statements} | {envelope.delivery.key_id}


@attrs.frozen
class _Unsigned:
    """
    Stands for a signer in a trial: the same key, and no signature.
    """

    _signer: Signer

    @property
    def key_id(self) -> bytes:
        return self._signer.key_id

    @property
    def algorithm(self) -> int:
        return self._signer.algorithm

    def sign(self, _data: bytes) -> bytes:
        return bytes(SIGNATURE_BYTES)
