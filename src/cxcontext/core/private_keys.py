"""
A department's private keys: what it signs with, and the scopes it can open.

Protocol, section 3. The file is read by its own department only, and is never
shown: not in a ``repr``, an error, a traceback's locals, or a pickle.
"""

from __future__ import annotations

import json
from os import PathLike
from typing import TYPE_CHECKING, ClassVar, Self

import attrs

from cxcontext.core import jwk, key_json
from cxcontext.core.department_keys import check_department_name, check_domain_name
from cxcontext.core.key_json import MAX_KEYS, Members
from cxcontext.core.numeric_date import to_seconds
from cxcontext.core.sealing import OpeningKey
from cxcontext.core.signing import LocalSigner
from cxcontext.errors import KeySetError, MissingKeyError
from cxcontext.pickling import NotPicklable
from cxcontext.typing import Signer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cxcontext.core.department_keys import SigningKeyEntry
    from cxcontext.core.keys import KeySet


@attrs.frozen(kw_only=True)
class PrivateKeys(NotPicklable):
    """
    The private keys of one department.

    Args:
        domain: The trust domain they are for.
        department: Whose they are.
        signers: Keys in memory (`LocalSigner`), or in a KMS or HSM. Which one
            signs is decided by the public key set.
        opening_keys: Of the scopes it reads, one for each generation it was
            given.

    Raises:
        KeySetError: When one of the names is not one; when two signers have
            one key id, or two opening keys one scope and generation.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "load its file in the other process instead"

    domain: str
    department: str
    signers: tuple[Signer, ...] = ()
    opening_keys: tuple[OpeningKey, ...] = ()
    _generations: Mapping[tuple[int, int], OpeningKey] = attrs.field(
        init=False, eq=False, repr=False
    )

    def __attrs_post_init__(self) -> None:
        check_domain_name(self.domain)
        check_department_name(self.department)
        if len({signer.key_id for signer in self.signers}) != len(self.signers):
            raise KeySetError("two signers have the same key id")
        generations = {(key.scope, key.generation): key for key in self.opening_keys}
        if len(generations) != len(self.opening_keys):
            raise KeySetError("two opening keys are of one generation of a scope")
        if len(self.signers) + len(self.opening_keys) > MAX_KEYS:
            raise KeySetError(f"more than {MAX_KEYS} keys")
        object.__setattr__(self, "_generations", generations)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """
        Return the private keys that *text* is.

        Raises:
            KeySetError: When *text* is over 1 MiB, not strict JSON, not a
                department's private keys, or contradicts itself as in the class.
                It and its traceback hold nothing of the text.
        """
        try:
            return cls._from_members(key_json.parse(text))
        except KeySetError as error:
            what = error.what
        # A new error, without the frames and the cause that saw the keys.
        del text
        raise KeySetError(what)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Self:
        """
        Return the private keys in the file at *path*.

        Raises:
            OSError: When the file cannot be read.
            KeySetError: As `from_json`.
        """
        return cls.from_json(key_json.read(path))

    @classmethod
    def _from_members(cls, members: Members) -> Self:
        if "departments" in members:
            raise KeySetError(
                "this is the public key set; load it with KeySet.load(), and the "
                "department's private file with PrivateKeys.load()"
            )
        return cls(
            domain=key_json.text(members, "domain"),
            department=key_json.text(members, "department"),
            signers=key_json.each(members, "keys", jwk.local_signer),
            opening_keys=key_json.each(members, "scopes", jwk.opening_key),
        )

    def to_json(self) -> str:
        """
        Return what `from_json` reads. It contains the private keys.

        Signers other than `LocalSigner` are left out: their keys are elsewhere,
        and are passed to the constructor again.
        """
        signers = [key for key in self.signers if isinstance(key, LocalSigner)]
        document = {
            "domain": self.domain,
            "department": self.department,
            "keys": [jwk.local_signer_jwk(signer) for signer in signers],
            "scopes": [jwk.opening_key_jwk(key) for key in self.opening_keys],
        }
        return json.dumps(document, indent=2) + "\n"

    def opening_key(
        self, scope: int, generation: int, *, now: int
    ) -> OpeningKey | None:
        """
        Return the key of that *generation* of *scope*, if it may be used *now*.

        Args:
            scope: The scope's number.
            generation: As the section names it.
            now: The reader's clock, as NumericDate seconds.

        Returns:
            None when the department was not given it, or when it is past its
            ``open_until``, even if the file still has it.
        """
        key = self._generations.get((scope, generation))
        return key if key is not None and key.opens_at(now) else None

    def signer(self, key_set: KeySet, *, now: int) -> Signer:
        """
        Return the signer to use *now*: the one whose key began to sign last.

        Args:
            key_set: The present public key set.
            now: The writer's clock, as NumericDate seconds.

        Raises:
            MissingKeyError: When *key_set* has, for this department, no key of
                these signers that signs now.
        """
        usable: list[tuple[SigningKeyEntry, Signer]] = []
        for signer in self.signers:
            entry = key_set.signing_key(signer.key_id)
            if entry is not None and self._may_use(entry, signer, now):
                usable.append((entry, signer))
        if self.domain != key_set.domain or not usable:
            raise self._why_not(key_set, now=now)
        return max(usable, key=lambda pair: (pair[0].not_before, pair[1].key_id))[1]

    def _why_not(self, key_set: KeySet, *, now: int) -> MissingKeyError:
        name = self.department
        entries = [key_set.signing_key(signer.key_id) for signer in self.signers]
        ours = [e for e in entries if e is not None and e.department == name]
        coming = [e.not_before for e in ours if to_seconds(e.not_before) > now]
        if coming:
            return MissingKeyError(
                f"{name} signs only from {min(coming):%Y-%m-%dT%H:%M:%SZ}",
                "wait until then: new keys are published before they are used",
            )
        what = (
            f"{name} has no private key that the key set of {key_set.domain} "
            "lets it sign with now"
        )
        if not ours:
            return MissingKeyError(
                what,
                "none of its keys is in that set: load the key files of one and the "
                "same `cxcontext keys` run",
            )
        return MissingKeyError(what)

    def _may_use(self, entry: SigningKeyEntry, signer: Signer, now: int) -> bool:
        return (
            entry.department == self.department
            and entry.key.algorithm == signer.algorithm
            and entry.signs_at(now)
        )

    def without_expired(self, *, now: int) -> PrivateKeys:
        """
        Return these keys without the opening keys past their ``open_until``.

        Writing the result back destroys them, which is the bound on what
        somebody who recorded envelopes can read later (protocol, section 3).
        """
        opening_keys = tuple(key for key in self.opening_keys if key.opens_at(now))
        return attrs.evolve(self, opening_keys=opening_keys)
