"""
The pytest plugin of cxcontext: fixtures, and nothing at pytest's start.

pytest imports it by its entry point before anything is measured or configured. So it
is a module beside the package, and imports the package only when a fixture is used:
coverage then sees the package's lines, and whoever uses no fixture pays nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import pytest

if TYPE_CHECKING:
    from collections.abc import Collection

    import cxcontext as cx
    from cxcontext.homes import Home
    from cxcontext.testing import FrozenClock, SampleShop, Story, ThrowAwayDomain

V = TypeVar("V", bound="cx.Vocabulary")


class DomainMaker(Protocol):
    """
    Makes a throw-away trust domain on the test's own clock.
    """

    def __call__(
        self,
        vocabulary: type[V],
        *,
        departments: Collection[str] = (),
        external: Collection[str] = (),
        name: str = "shop.example",
    ) -> ThrowAwayDomain[V]:
        """
        Return a domain, as `cxcontext.testing.ThrowAwayDomain`.
        """
        ...


@pytest.fixture
def cx_clock() -> FrozenClock:
    """
    A clock that stands still until the test moves it: ``cx_clock.move(days=1)``.
    """
    from cxcontext.testing import FrozenClock  # noqa: PLC0415

    return FrozenClock()


@pytest.fixture
def cx_domain(cx_clock: FrozenClock) -> DomainMaker:
    """
    Makes a trust domain with throw-away keys for your vocabulary: ``cx_domain(Acme)``.
    """
    from cxcontext.testing import ThrowAwayDomain  # noqa: PLC0415

    def make(vocabulary: type[V], **options: Any) -> ThrowAwayDomain[V]:
        return ThrowAwayDomain(vocabulary, clock=cx_clock, **options)

    return make


@pytest.fixture
def cx_shop(cx_domain: DomainMaker) -> ThrowAwayDomain[SampleShop]:
    """
    The trust domain of `cxcontext.testing.SampleShop`: sales, support and billing.
    """
    from cxcontext.testing import SampleShop  # noqa: PLC0415

    return cx_domain(SampleShop)


@pytest.fixture
def cx_story(cx_shop: ThrowAwayDomain[SampleShop]) -> Story[SampleShop]:
    """
    What happens to one customer of ``cx_shop``, step by step.
    """
    return cx_shop.story()


@pytest.fixture
def cx_home() -> Home:
    """
    A home in this process's memory, with a pepper of its own.
    """
    from secrets import token_bytes  # noqa: PLC0415

    from cxcontext.homes import Home  # noqa: PLC0415
    from cxcontext.stores.memory import MemoryStore  # noqa: PLC0415

    return Home(MemoryStore(), pepper=token_bytes(32))
