"""
A key ring: what whoever makes and rotates a domain's keys has in hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import ClassVar

import attrs

from cxcontext.core.department_keys import DepartmentKeys
from cxcontext.core.keys import KeySet
from cxcontext.core.private_keys import PrivateKeys
from cxcontext.core.sealing import SealingKey
from cxcontext.errors import MissingKeyError, UnknownDepartmentError
from cxcontext.pickling import NotPicklable


def _read_only(private: Mapping[str, PrivateKeys]) -> Mapping[str, PrivateKeys]:
    return MappingProxyType(dict(private))


@attrs.frozen(kw_only=True)
class KeyRing(NotPicklable):
    """
    A domain's public key set, and the private keys that are at hand.

    Args:
        public: The key set.
        private: By department. One whose keys are elsewhere may be missing; what
            would need its private keys then raises.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "write each department's to_json() to its file"

    public: KeySet
    private: Mapping[str, PrivateKeys] = attrs.field(
        converter=_read_only, hash=False, repr=lambda private: str([*private])
    )

    def department(self, name: str) -> DepartmentKeys:
        """
        Return the public entry of the department *name*.

        Raises:
            UnknownDepartmentError: When the key set has none of that name.
        """
        departments = self.public.departments
        if name not in departments:
            raise UnknownDepartmentError(name, tuple(departments))
        return departments[name]

    def private_keys(self, department: str) -> PrivateKeys:
        """
        Return the private keys of *department*.

        Raises:
            UnknownDepartmentError: When the key set has none of that name.
            MissingKeyError: When its private keys are not in this ring.
        """
        self.department(department)
        if department not in self.private:
            raise MissingKeyError(f"the private keys of {department} are not at hand")
        return self.private[department]

    def successor(
        self,
        *,
        departments: Iterable[DepartmentKeys] = (),
        sealing_keys: Iterable[SealingKey] | None = None,
        private: Iterable[PrivateKeys] = (),
    ) -> KeyRing:
        """
        Return the ring that comes next: the sequence number is raised by one.

        Args:
            departments: Those that are new or have changed.
            sealing_keys: All of them, if they change.
            private: Those that are new or have changed.

        Raises:
            KeySetError: When the key set would contradict itself.
        """
        public = attrs.evolve(
            self.public,
            sequence=self.public.sequence + 1,
            departments={
                **self.public.departments,
                **{department.name: department for department in departments},
            },
            sealing_keys=(
                self.public.sealing_keys if sealing_keys is None else (*sealing_keys,)
            ),
        )
        return self.holding(private, public=public)

    def holding(
        self, private: Iterable[PrivateKeys], *, public: KeySet | None = None
    ) -> KeyRing:
        """
        Return this ring with these departments' private keys in place of the old.
        """
        held = {**self.private, **{keys.department: keys for keys in private}}
        return KeyRing(public=public or self.public, private=held)
