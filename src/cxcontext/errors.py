"""
Every error of the library, by whose fault it is.

::

    CXContextError
    ├── UsageError           the calling code is at fault; the message names the fix
    ├── VerificationError    what came from outside is at fault; nothing was believed
    └── UnavailableError     nobody is at fault: a key source cannot be reached now

A `VerificationError` has a stable ``code``, the same in every language that
implements the format. Messages name fields, departments, key ids, sizes and
codes; never a value, a header or a payload. All errors pickle and copy.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs


class CXContextError(Exception):
    """
    The root of all errors of this library.

    .. versionadded:: 0.1.0
    """


# --- our caller --------------------------------------------------------------


class UsageError(CXContextError):
    """
    The calling code asked for something that cannot be done.

    .. versionadded:: 0.1.0
    """


@attrs.frozen
class VocabularyError(UsageError, ValueError):
    """
    A vocabulary contradicts itself, or a vocabulary file cannot be read.

    .. versionadded:: 0.1.0
    """

    what: str

    def __str__(self) -> str:
        return self.what


@attrs.frozen
class FormDefinitionError(UsageError, TypeError):
    """
    A form does not fit the vocabulary whose fields it names.

    .. versionadded:: 0.1.0
    """

    form: str
    what: str

    def __str__(self) -> str:
        return f"form {self.form}: {self.what}"


@attrs.frozen
class ValueDoesNotFitError(UsageError, TypeError):
    """
    A value is not of its field's type, or cannot be carried exactly.

    .. versionadded:: 0.1.0
    """

    field: str
    expected: str
    found: str

    def __str__(self) -> str:
        return (
            f"{self.field}: expected {self.expected}, got {self.found}; "
            "pass a value of the field's declared type, with aware datetimes and "
            "integers of 64 bits (docs/values.md)"
        )


@attrs.frozen
class FormatError(UsageError, ValueError):
    """
    A value does not pass the check of the format that its field declares.

    .. versionadded:: 0.1.0
    """

    field: str
    format: str

    def __str__(self) -> str:
        return (
            f"{self.field}: the value is not a valid {self.format}; check it "
            "where it is typed in, before it is learned"
        )


@attrs.frozen
class ForbiddenDataError(UsageError, ValueError):
    """
    A value contains a payment card number. No declaration lets one through.

    .. versionadded:: 0.1.0
    """

    field: str

    def __str__(self) -> str:
        return (
            f"{self.field}: the value contains a payment card number, which never "
            "travels; keep the last four digits, or the token of your payment provider"
        )


@attrs.frozen
class ForeignFieldError(UsageError, LookupError):
    """
    A field of another vocabulary was used.

    .. versionadded:: 0.1.0
    """

    field: str
    vocabulary: str

    def __str__(self) -> str:
        return (
            f"{self.field} is not a field of {self.vocabulary}; pass a field of the "
            "trust domain's own vocabulary, read on its class"
        )


@attrs.frozen
class UnknownDepartmentError(UsageError, LookupError):
    """
    No department of that name is in the key set.

    .. versionadded:: 0.1.0
    """

    department: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        return (
            f"no department {self.department!r} in the key set (known: {known}); "
            "correct the name, or publish its keys first"
        )


@attrs.frozen
class NotAuthorisedError(UsageError, PermissionError):
    """
    The vocabulary does not let this department do that.

    .. versionadded:: 0.1.0
    """

    department: str
    action: str
    allowed: tuple[str, ...]

    def __str__(self) -> str:
        allowed = ", ".join(self.allowed) or "nobody"
        return (
            f"{self.department} may not {self.action} (allowed: {allowed}); "
            "let one of those do it, or change the vocabulary"
        )


@attrs.frozen
class MissingKeyError(UsageError, LookupError):
    """
    A key that this operation needs is not there, or not usable now.

    .. versionadded:: 0.1.0
    """

    what: str
    advice: str = "run `cxcontext keys rotate`, or load the newer key files"

    def __str__(self) -> str:
        return f"{self.what}; {self.advice}"


@attrs.frozen
class DifferentJourneyError(UsageError, ValueError):
    """
    Two journeys were to be merged that are not the same journey.

    .. versionadded:: 0.1.0
    """

    ours: str
    theirs: str

    def __str__(self) -> str:
        return (
            f"journey {self.theirs} is not journey {self.ours}; if both are surely the "
            "same customer, carry the values over with restate()"
        )


@attrs.frozen
class JourneyFullError(UsageError):
    """
    The journey has reached a limit of the format.

    .. versionadded:: 0.1.0
    """

    limit: str

    def __str__(self) -> str:
        return (
            f"the journey is full ({self.limit}); begin a new one and carry "
            "what matters over with restate()"
        )


@attrs.frozen
class ConflictError(UsageError):
    """
    Which of several values is meant must be said.

    .. versionadded:: 0.1.0
    """

    field: str

    def __str__(self) -> str:
        return (
            f"{self.field}: there is no single value to say again; "
            "say which one is right with correct()"
        )


@attrs.frozen
class PromiseError(UsageError, ValueError):
    """
    A promise cannot change in the way asked for.

    .. versionadded:: 0.1.0
    """

    promise_id: str
    why: str

    def __str__(self) -> str:
        return f"promise {self.promise_id}: {self.why}"


@attrs.frozen
class ExternalDepartmentError(UsageError, ValueError):
    """
    A journey was to go to, or come from, an external partner as if it were ours.

    .. versionadded:: 0.1.0
    """

    department: str

    def __str__(self) -> str:
        return (
            f"{self.department} is external: send it an export with export_to(), and "
            "take its answer with accept_from()"
        )


@attrs.frozen
class WithholdError(UsageError, ValueError):
    """
    A scope was to be withheld from a department that may read it.

    .. versionadded:: 0.1.0
    """

    scope: str
    department: str

    def __str__(self) -> str:
        return (
            f"{self.department} may read scope {self.scope}, so it cannot be withheld "
            "from it; change the scope's readers instead"
        )


@attrs.frozen
class NotPicklableError(UsageError, TypeError):
    """
    Something that holds a customer's values or keys was to be pickled.

    .. versionadded:: 0.1.0
    """

    kind: str
    advice: str

    def __str__(self) -> str:
        return f"a {self.kind} is not pickled; {self.advice}"


@attrs.frozen
class JourneyErasedError(UsageError):
    """
    A journey was brought to a home at which it was erased.

    .. versionadded:: 0.1.0
    """

    journey_id: str

    def __str__(self) -> str:
        return (
            f"journey {self.journey_id} was erased and takes nothing more; "
            "begin a new one"
        )


@attrs.frozen
class NoJourneyError(UsageError, LookupError):
    """
    No journey is current in this unit of work.

    .. versionadded:: 0.1.0
    """

    def __str__(self) -> str:
        return (
            "no journey is current here; bind one with bound(journey), or check "
            "current() for None first; a thread, an executor or a task that outlives "
            "the request has the one that carry(function) brings it"
        )


@attrs.frozen
class ContextRequiredError(NoJourneyError):
    """
    A handler requires a journey, and its message brought none that can be used.

    .. versionadded:: 0.1.0
    """

    code: str

    def __str__(self) -> str:
        return f"this handler requires a customer context, and it is {self.code}"


@attrs.frozen
class DestinationError(UsageError, ValueError):
    """
    A destination is not written as a destination must be.

    .. versionadded:: 0.1.0
    """

    what: str

    def __str__(self) -> str:
        return self.what


# --- the peer ----------------------------------------------------------------


class VerificationError(CXContextError):
    """
    What came from outside did not verify. Nothing of it was believed.

    Attributes:
        code: Stable across releases and languages; see ``docs/specification.md``.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "refused"


@attrs.frozen
class TooLargeError(VerificationError):
    """
    More bytes than the limit; nothing was parsed.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "too_large"

    size_bytes: int
    limit_bytes: int

    def __str__(self) -> str:
        return f"{self.size_bytes} bytes, at most {self.limit_bytes} are read"


@attrs.frozen
class MalformedError(VerificationError):
    """
    The bytes do not have the shape that the format prescribes.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "malformed"

    what: str

    def __str__(self) -> str:
        return (
            f"malformed: {self.what}; the carrier cut or changed it, or it is "
            "not an envelope"
        )


@attrs.frozen
class NotCanonicalError(VerificationError):
    """
    Well-formed, but not in the one deterministic encoding (RFC 8949, 4.2.1).

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "not_canonical"

    what: str

    def __str__(self) -> str:
        return f"not in deterministic encoding: {self.what}"


@attrs.frozen
class UnsupportedVersionError(VerificationError):
    """
    Written in a version of the format that this release does not read.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "unsupported_version"

    version: int

    def __str__(self) -> str:
        return f"format version {self.version} is not read here; upgrade cxcontext"


@attrs.frozen
class LimitExceededError(VerificationError):
    """
    More statements, parents, scopes, items or nesting than the format allows.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "limit_exceeded"

    what: str
    limit: int

    def __str__(self) -> str:
        return f"more than {self.limit} {self.what}"


@attrs.frozen
class NotOneRootError(VerificationError):
    """
    A journey has exactly one statement without parents.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "not_one_root"

    roots: int

    def __str__(self) -> str:
        return f"{self.roots} roots; two journeys were joined, or the root is missing"


@attrs.frozen
class MissingParentError(VerificationError):
    """
    A statement names a parent that is not in the envelope.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "missing_parent"

    def __str__(self) -> str:
        return "a statement's parent is missing; something was cut out on the way"


@attrs.frozen
class CyclicGraphError(VerificationError):
    """
    Statements descend from each other in a circle.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "cyclic_graph"

    def __str__(self) -> str:
        return "statements descend from each other in a circle"


@attrs.frozen
class UnknownKeyError(VerificationError):
    """
    The delivery is signed by a key that is not in the key set.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "unknown_key"

    key_id: str

    def __str__(self) -> str:
        return (
            f"claimed key {self.key_id} is not in the key set; load the newer key set, "
            "or ask who sent this"
        )


@attrs.frozen
class WrongAlgorithmError(VerificationError):
    """
    The named algorithm is not that of the key. The key decides.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "wrong_algorithm"

    key_id: str

    def __str__(self) -> str:
        return f"key {self.key_id} does not sign with the claimed algorithm"


@attrs.frozen
class KeyNotYetValidError(VerificationError):
    """
    Signed before the key's first valid instant.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "key_not_yet_valid"

    key_id: str

    def __str__(self) -> str:
        return f"key {self.key_id} was not valid yet when it claims to have signed"


@attrs.frozen
class KeyRetiredError(VerificationError):
    """
    Signed after the key's last signing instant, or read after its last verifying one.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "key_retired"

    key_id: str

    def __str__(self) -> str:
        return f"key {self.key_id} is retired; the sender must sign with its newer key"


@attrs.frozen
class KeyRevokedError(VerificationError):
    """
    The key has been revoked; nothing signed with it counts any more.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "key_revoked"

    key_id: str

    def __str__(self) -> str:
        return f"key {self.key_id} is revoked"


@attrs.frozen
class IssuedInFutureError(VerificationError):
    """
    Issued later than now, by more than clocks may differ.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "issued_in_future"

    issued_at: datetime

    def __str__(self) -> str:
        return f"issued at {self.issued_at:%Y-%m-%dT%H:%M:%SZ}: a clock is wrong"


@attrs.frozen
class DeliveryExpiredError(VerificationError):
    """
    The delivery came later than its sender allowed.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "delivery_expired"

    expired_at: datetime

    def __str__(self) -> str:
        return (
            f"the delivery expired at {self.expired_at:%Y-%m-%dT%H:%M:%SZ}; "
            "ask for a fresh one, or give the queue's deliveries a longer lifetime"
        )


@attrs.frozen
class DeliveryTooLongError(VerificationError):
    """
    The delivery claims to live longer than this receiver accepts.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "delivery_too_long"

    lifetime_seconds: int
    limit_seconds: int

    def __str__(self) -> str:
        return (
            f"a delivery of {self.lifetime_seconds} s, at most {self.limit_seconds} s "
            "are accepted here; raise max_lifetime where a queue needs it"
        )


@attrs.frozen
class JourneyExpiredError(VerificationError):
    """
    Every head of the journey has expired.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "journey_expired"

    def __str__(self) -> str:
        return "every head of the journey has expired; begin a new one"


@attrs.frozen
class WrongAudienceError(VerificationError):
    """
    The envelope is genuine but addressed to somebody else.

    Retrying cannot help; routing it onward can.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "wrong_audience"

    expected: str

    def __str__(self) -> str:
        return (
            f"the envelope is not for {self.expected}; forward it unopened, "
            "or ask the sender to hand over to you"
        )


@attrs.frozen
class WrongDeliveryKindError(VerificationError):
    """
    What rests was received, or what was handed over was resumed.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "wrong_delivery_kind"

    expected: str

    def __str__(self) -> str:
        return (
            f"expected an envelope {self.expected}: hand_over() goes with receive(), "
            "save() goes with resume()"
        )


@attrs.frozen
class WrongBindingError(VerificationError):
    """
    The delivery is bound to another message, call or request.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "wrong_binding"

    def __str__(self) -> str:
        return "the delivery belongs to another message; two may have been exchanged"


@attrs.frozen
class WrongReplyError(VerificationError):
    """
    A response does not answer the request it came with.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "wrong_reply"

    def __str__(self) -> str:
        return "the response answers another request, or is of another journey"


@attrs.frozen
class ReplayedError(VerificationError):
    """
    The same delivery was seen before, where the route takes each once.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "replayed"

    def __str__(self) -> str:
        return "this delivery was already received once"


@attrs.frozen
class BadDeliverySignatureError(VerificationError):
    """
    The delivery's signature does not cover exactly this envelope.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "bad_delivery_signature"

    key_id: str

    def __str__(self) -> str:
        return (
            f"the delivery claimed by key {self.key_id} does not verify: something was "
            "added, removed or changed on the way"
        )


@attrs.frozen
class ForgedStatementError(VerificationError):
    """
    A statement that others build upon is not signed by the key it names.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "forged_statement"

    key_id: str

    def __str__(self) -> str:
        return f"a statement claimed by key {self.key_id} does not verify"


@attrs.frozen
class StatementTimesError(VerificationError):
    """
    A statement's times contradict its parents', or outlive what is allowed.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "statement_times"

    key_id: str

    def __str__(self) -> str:
        return (
            f"a statement claimed by key {self.key_id} is dated before what it builds "
            "upon, or lives longer or shorter than it may"
        )


@attrs.frozen
class ExternalAuthorError(VerificationError):
    """
    A partner's statement stands in a journey that is not an export.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "external_author"

    department: str

    def __str__(self) -> str:
        return (
            f"{self.department} is external and cannot contribute to this journey; "
            "take its answer to an export with accept_from()"
        )


@attrs.frozen
class SectionUnopenableError(VerificationError):
    """
    A section does not open with the key of its own generation.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "section_unopenable"

    scope: int

    def __str__(self) -> str:
        return f"a section of scope {self.scope} does not open with its own key"


@attrs.frozen
class SectionMalformedError(VerificationError):
    """
    A section opens, but what is inside is not what its scope may hold.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "section_malformed"

    scope: int
    what: str

    def __str__(self) -> str:
        return f"a section of scope {self.scope} is malformed: {self.what}"


@attrs.frozen
class DuplicateValueError(VerificationError):
    """
    A carrier holds two envelopes. Which one is meant cannot be known.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "duplicate_value"

    count: int

    def __str__(self) -> str:
        return f"{self.count} values where there must be one; a proxy added or kept one"


@attrs.frozen
class RetainedError(VerificationError):
    """
    The broker kept this message, and gives it to everyone who subscribes.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "retained"

    def __str__(self) -> str:
        return (
            "the broker kept this message for whoever comes, and a journey is for one; "
            "publish what belongs to a customer without the retain flag"
        )


@attrs.frozen
class KeySetError(VerificationError):
    """
    A key file or key set is not what it must be.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "bad_key_set"

    what: str

    def __str__(self) -> str:
        return f"key set refused: {self.what}"


@attrs.frozen
class KeySetUnsignedError(VerificationError):
    """
    A key set came without the signature of the pinned domain key.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "key_set_unsigned"

    def __str__(self) -> str:
        return "a pin is set, but this key set is not signed by it; someone swapped it?"


@attrs.frozen
class KeySetRollbackError(VerificationError):
    """
    A key set came with a lower sequence number than one already seen.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "key_set_rollback"

    sequence: int
    seen: int

    def __str__(self) -> str:
        return f"key set {self.sequence} is older than {self.seen}, already seen"


# --- what rests: homes, references and codes -----------------------------------


@attrs.frozen
class RecordTamperedError(VerificationError):
    """
    A store returned what was not stored there: cut, changed, or another's.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "record_tampered"

    def __str__(self) -> str:
        return "the store's record is not what was stored there; restore the store"


@attrs.frozen
class RolledBackError(VerificationError):
    """
    What rests lacks statements that this home is known to have had.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "rolled_back"

    missing: int

    def __str__(self) -> str:
        return (
            f"{self.missing} of the last statements that this home had are not there; "
            "was the store restored from a backup? Home.accept_loss() says so"
        )


@attrs.frozen
class ReferenceMalformedError(VerificationError):
    """
    A text is no reference.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "reference_malformed"

    def __str__(self) -> str:
        return "not a reference of 48 characters that begins with CX"


@attrs.frozen
class ReferenceForgedError(VerificationError):
    """
    A reference was not minted with a key of ours, or was changed.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "reference_forged"

    def __str__(self) -> str:
        return "the reference's check value is not one that our keys make"


@attrs.frozen
class ReferenceExpiredError(VerificationError):
    """
    A reference came too late.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "reference_expired"

    def __str__(self) -> str:
        return "the reference has expired; mint them for as long as the road takes"


@attrs.frozen
class ReferenceLostError(VerificationError):
    """
    A genuine reference leads to nothing: never put, revoked, or lost by the store.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "reference_lost"

    def __str__(self) -> str:
        return "nothing is under this reference; it was revoked, or the store lost it"


@attrs.frozen
class ReferenceUsedError(VerificationError):
    """
    A reference has been redeemed already, or is leased to another leg.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "reference_used"

    def __str__(self) -> str:
        return "the reference was redeemed elsewhere; a new leg needs a child of it"


@attrs.frozen
class CodeRefusedError(VerificationError):
    """
    A code is unknown, expired or used: which one is never said.

    Attributes:
        answer_after_s: Tell the customer so many seconds after you asked, whatever
            the store took: the time must not say which one it was.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "code_refused"

    answer_after_s: int

    def __str__(self) -> str:
        return "the code is not one that can be redeemed"


@attrs.frozen
class CodeMistypedError(VerificationError):
    """
    A code has the wrong length or check digit: it was typed or heard wrong.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "code_mistyped"

    def __str__(self) -> str:
        return "the digits are not a code; ask for them once more"


@attrs.frozen
class LongerCodeError(VerificationError):
    """
    Somebody is guessing, so nine digits are not enough now: ask for all fifteen.

    It says nothing about the code that came.

    Attributes:
        answer_after_s: As that of `CodeRefusedError`.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "code_too_short"

    answer_after_s: int

    def __str__(self) -> str:
        return "nine digits are not enough at the moment; ask for the code's other six"


@attrs.frozen
class TriesExhaustedError(VerificationError):
    """
    Too many wrong codes came from one call or caller.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "tries_exhausted"

    limit: str

    def __str__(self) -> str:
        return f"too many wrong codes {self.limit}; go on without one"


@attrs.frozen
class WebhookMalformedError(VerificationError):
    """
    A platform's request does not have the shape that the platform documents.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "webhook_malformed"

    platform: str
    what: str

    def __str__(self) -> str:
        return f"not a request as {self.platform} sends it: {self.what}"


@attrs.frozen
class WebhookForgedError(VerificationError):
    """
    A request does not carry the signature that a platform would have made.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "webhook_forged"

    platform: str

    def __str__(self) -> str:
        return (
            f"the signature is not {self.platform}'s under this secret; if it should "
            "be, compare the public URL with the one set at the platform, and pass the "
            "body as it came"
        )


@attrs.frozen
class WebhookExpiredError(VerificationError):
    """
    A signed request came too late, or is dated in the future.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "webhook_expired"

    platform: str
    tolerance_s: int

    def __str__(self) -> str:
        return (
            f"{self.platform} signed it more than {self.tolerance_s} s from now; it was "
            "held back or sent again, or a clock is wrong"
        )


@attrs.frozen
class ForgedNoticeError(VerificationError):
    """
    An erasure notice or receipt does not verify under the key that it names.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "forged_notice"

    key_id: str

    def __str__(self) -> str:
        return (
            f"the notice or receipt claimed by key {self.key_id} is not signed by it; "
            "erase nothing because of it"
        )


@attrs.frozen
class UnexpectedReceiptError(VerificationError):
    """
    A receipt answers no notice that this home has sent to whoever signed it.

    .. versionadded:: 0.1.0
    """

    code: ClassVar[str] = "unexpected_receipt"

    notice_id: str

    def __str__(self) -> str:
        return (
            f"no notice {self.notice_id} awaits a receipt by this department; "
            "it was received before, or is another home's"
        )


# --- nobody ------------------------------------------------------------------


@attrs.frozen
class UnavailableError(CXContextError):
    """
    A key source or store cannot be reached now. Trying again may help.

    .. versionadded:: 0.1.0
    """

    what: str

    def __str__(self) -> str:
        return f"{self.what} is not available now; try again"
