"""
The public entries of a key set: a department, and the keys it signs with.

The windows and what they mean: protocol, section 3.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import ClassVar, Final

import attrs

from cxcontext.core.numeric_date import to_seconds, whole_seconds
from cxcontext.core.signing import VerifyingKey
from cxcontext.errors import (
    KeyNotYetValidError,
    KeyRetiredError,
    KeyRevokedError,
    KeySetError,
    WrongAlgorithmError,
)
from cxcontext.pickling import NotPicklable

# The characters and the length of a SPIFFE trust domain name (SPIFFE-ID, 2.1).
_DOMAIN: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,254}")
_DEPARTMENT: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")


def check_domain_name(name: str) -> None:
    """
    Return if *name* can name a trust domain: 1 to 255 of ``a-z 0-9 . _ -``.

    Raises:
        KeySetError: If not, or if it begins with a sign.
    """
    if not _DOMAIN.fullmatch(name):
        raise KeySetError("the domain's name is not 1 to 255 of a-z 0-9 . _ -")


def check_department_name(name: str) -> None:
    """
    Return if *name* can name a department: 1 to 32 of ``a-z 0-9 . _ -``.

    Raises:
        KeySetError: If not, or if it begins with a sign.
    """
    if not _DEPARTMENT.fullmatch(name):
        raise KeySetError("a department's name is not 1 to 32 of a-z 0-9 . _ -")


@attrs.frozen(kw_only=True)
class SigningKeyEntry(NotPicklable):
    """
    One signing key of one department, and when it counts.

    Instants are whole seconds: a fraction is dropped.

    Args:
        department: Whose key it is. For ever: it never moves to another.
        external: Whether that department is a partner's.
        key: The public key.
        not_before: First instant at which it signs.
        sign_until: Last instant at which it signs, inclusive.
        verify_until: From this instant on nothing signed with it counts.
        revoked_at: When it was revoked; from then on nothing signed with it
            counts, however long before it was signed.

    Raises:
        KeySetError: Unless not_before <= sign_until <= verify_until.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "pickle the key set's JSON instead"

    department: str
    external: bool
    key: VerifyingKey
    not_before: datetime = attrs.field(converter=whole_seconds)
    sign_until: datetime = attrs.field(converter=whole_seconds)
    verify_until: datetime = attrs.field(converter=whole_seconds)
    revoked_at: datetime | None = attrs.field(
        default=None, converter=attrs.converters.optional(whole_seconds)
    )
    _not_before: int = attrs.field(init=False, eq=False, repr=False)
    _sign_until: int = attrs.field(init=False, eq=False, repr=False)
    _verify_until: int = attrs.field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not self.not_before <= self.sign_until <= self.verify_until:
            raise KeySetError(
                "not_before, sign_until and verify_until are not in order"
            )
        # The checks of every envelope opened compare integers.
        object.__setattr__(self, "_not_before", to_seconds(self.not_before))
        object.__setattr__(self, "_sign_until", to_seconds(self.sign_until))
        object.__setattr__(self, "_verify_until", to_seconds(self.verify_until))

    @property
    def verify_until_s(self) -> int:
        """
        The last instant at which it verifies, in seconds.
        """
        return self._verify_until

    def signed_in_time(self, issued_at: int) -> bool:
        """
        Whether the key was signing at that instant, whatever it does now.
        """
        return self._not_before <= issued_at <= self._sign_until

    def check(self, *, algorithm: int, issued_at: int, now: int) -> None:
        """
        Return if what this key signed at *issued_at* may be read *now*.

        The rule is protocol, section 3; the order of the errors is that of
        *Raises*. Whether *issued_at* lies in the future is not asked here.

        Args:
            algorithm: The one the statement or delivery claims (COSE number).
            issued_at: Its ``iat``, as NumericDate seconds.
            now: The reader's clock, as NumericDate seconds.

        Raises:
            WrongAlgorithmError: When *algorithm* is not that of the key.
            KeyRevokedError: When the key is revoked.
            KeyNotYetValidError: When *issued_at* is before `not_before`.
            KeyRetiredError: When *issued_at* is after `sign_until`, or *now* is
                not before `verify_until`.
        """
        if algorithm != self.key.algorithm:
            raise WrongAlgorithmError(self.key.key_id.hex())
        if self.revoked_at is not None:
            raise KeyRevokedError(self.key.key_id.hex())
        if issued_at < self._not_before:
            raise KeyNotYetValidError(self.key.key_id.hex())
        if issued_at > self._sign_until or now >= self._verify_until:
            raise KeyRetiredError(self.key.key_id.hex())

    def signs_at(self, now: int) -> bool:
        """
        Whether its department may sign with it at *now* (NumericDate seconds).
        """
        return self.revoked_at is None and self._not_before <= now <= self._sign_until


@attrs.frozen(kw_only=True)
class DepartmentKeys(NotPicklable):
    """
    A department as the key set has it.

    Args:
        name: 1 to 32 of ``a-z 0-9 . _ -``. It is the department's identity,
            whatever key it uses.
        external: Whether it is a partner's, who gets exports only.
        keys: Its signing keys, old, present and coming. None are needed to
            read.

    Raises:
        KeySetError: When the name is not one, or when a key's entry is of
            another department or says otherwise about *external*.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "pickle the key set's JSON instead"

    name: str
    external: bool
    keys: tuple[SigningKeyEntry, ...] = ()

    def __attrs_post_init__(self) -> None:
        check_department_name(self.name)
        for entry in self.keys:
            if (entry.department, entry.external) != (self.name, self.external):
                raise KeySetError(f"a key of {self.name} is entered for another")
