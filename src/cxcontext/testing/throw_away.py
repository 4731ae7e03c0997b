"""
A trust domain for one test: its keys are made on the spot and forgotten with it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any, Final, Generic, TypeVar

import cxcontext as cx
from cxcontext.testing.clock import FrozenClock
from cxcontext.testing.story import Story
from cxcontext.typing import ErasureSecrets

V = TypeVar("V", bound=cx.Vocabulary)

DOMAIN: Final = "shop.example"
# Keys that ran out would be a surprise in a test whose clock is moved.
_BEFORE: Final = timedelta(days=365)
_KEYS_LAST: Final = timedelta(days=3650)


class ThrowAwayDomain(Generic[V]):
    """
    A trust domain with keys for all departments that a vocabulary names.

    Each department is a process of its own: nothing is shared but key set and
    clock. The keys are usable from a year before the clock's instant for ten years.

    Args:
        vocabulary: Yours, or `SampleShop`.
        departments: More departments, which no scope and no field names.
        external: Which departments are partners.
        clock: The one that all departments read.
        name: The domain's name.
        secrets: Where the secrets of erasable journeys are, if any begins.

    Attributes:
        clock: As above; a `FrozenClock`, unless given.
        events: What every department told, oldest first.
        ring: Public key set and private keys, as `cxcontext keys` makes them.

    Example:
        >>> from cxcontext.testing import SampleShop, ThrowAwayDomain
        >>> shop = ThrowAwayDomain(SampleShop)
        >>> journey = shop.department("sales").begin(channel="chat")
        >>> journey.learn(SampleShop.order_number, "A-118")
        >>> envelope = journey.hand_over("support")
        >>> shop.department("support").receive(envelope).recall(SampleShop.order_number)
        'A-118'

    .. versionadded:: 0.1.0
    """

    def __init__(
        self,
        vocabulary: type[V],
        *,
        departments: Collection[str] = (),
        external: Collection[str] = (),
        clock: FrozenClock | None = None,
        name: str = DOMAIN,
        secrets: ErasureSecrets | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.clock = FrozenClock() if clock is None else clock
        self.events: list[Any] = []
        self._secrets = secrets
        self.ring = cx.keys_for(
            vocabulary,
            domain=name,
            departments=departments,
            external=external,
            now=self.clock() - _BEFORE,
            sign_for=_KEYS_LAST,
            seal_for=_KEYS_LAST,
        )
        self._departments: dict[str, cx.Department[V]] = {}

    def __repr__(self) -> str:
        return f"<ThrowAwayDomain {self.ring.public.domain}>"

    @property
    def names(self) -> tuple[str, ...]:
        """
        The departments' names, in the order of the alphabet.
        """
        return tuple(self.ring.public.departments)

    def department(self, name: str) -> cx.Department[V]:
        """
        Return a department, always the same; its caches are its own.

        Raises:
            UnknownDepartmentError: When neither the vocabulary nor the constructor
                named it.
        """
        if name not in self._departments:
            # One trust domain each: in life they are different processes.
            domain = cx.TrustDomain(
                self.ring.public.domain,
                self.vocabulary,
                keys=self.ring.public,
                clock=self.clock,
                on_event=self.events.append,
            )
            self._departments[name] = domain.department(
                name, keys=self.ring.private_keys(name), secrets=self._secrets
            )
        return self._departments[name]

    def story(self) -> Story[V]:
        """
        Return a story that begins here.
        """
        return Story(self.department, clock=self.clock)
