"""
What every adapter for HTTP clients keeps besides.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, suppress
from urllib.parse import quote, urlsplit

import cxcontext as cx
from cxcontext.testing.peer import HTTPPeer
from cxcontext.testing.reply_contract import ReplyContract
from cxcontext.testing.shop import NAME, NOBODY, expect


class HTTPClientContract(ReplyContract):
    """
    For HTTP: redirects, and addresses that look like others.

    `peering` is done; an adapter's test gives `sending`.

    .. versionadded:: 0.1.0
    """

    def peering(self, department: str) -> AbstractContextManager[HTTPPeer]:
        """
        Give a peer behind the standard library's server.
        """
        return HTTPPeer(department)

    def test_a_redirect_to_anywhere_else_goes_without(self) -> None:
        """
        On a hop to whoever is no destination the value is taken away.
        """
        with self._scene() as scene, cx.bound(scene.sales.begin()):
            scene.billing.redirects["/"] = f"{scene.other.origin}/there"
            answer = scene.send(f"{scene.billing.origin}/", [])
            expect((NOBODY, [[]]), (answer.body, scene.other.received))
            expect([1], [len(values) for values in scene.billing.received])

    def test_a_value_set_by_hand_does_not_follow_either(self) -> None:
        """
        What the user set is taken away on every hop, too.
        """
        hand = self._by_hand()
        with self._scene() as scene, cx.bound(scene.sales.begin()):
            scene.billing.redirects["/"] = f"{scene.other.origin}/there"
            scene.send(f"{scene.billing.origin}/", [hand])
            expect([[]], scene.other.received)

    def test_a_redirect_to_another_destination_has_its_own(self) -> None:
        """
        Each hop gets a value of its own, addressed to whoever is there.
        """
        both = ("billing", "support")
        with self._scene(both) as scene, cx.bound(scene.sales.begin()):
            scene.billing.redirects["/"] = f"{scene.other.origin}/there"
            answer = scene.send(f"{scene.billing.origin}/", [])
            expect(NAME.encode(), answer.body)
            values = [v[0] for v in scene.billing.received + scene.other.received]
            expect(2, len(set(values)))

    def test_a_redirect_to_a_destination_is_sent_to(self) -> None:
        """
        Where only the last hop is allowed, it alone gets a value.
        """
        with self._scene() as scene, cx.bound(scene.sales.begin()):
            scene.other.redirects["/"] = f"{scene.billing.origin}/here"
            answer = scene.send(f"{scene.other.origin}/", [])
            expect((NAME.encode(), [[]]), (answer.body, scene.other.received))

    def test_a_redirect_within_an_origin_is_another_message(self) -> None:
        """
        Two hops to the same destination have a delivery each.
        """
        with self._scene() as scene, cx.bound(scene.sales.begin()):
            scene.billing.redirects["/"] = "/there"
            answer = scene.send(f"{scene.billing.origin}/", [])
            expect(NAME.encode(), answer.body)
            expect(2, len({values[0] for values in scene.billing.received}))

    def test_an_address_that_mentions_a_destination_is_none(self) -> None:
        """
        A destination's name in a path, a query, a fragment or a user's name is no
        destination; nor is another port of its host.
        """
        with self._scene() as scene, cx.bound(scene.sales.begin()):
            allowed, there = urlsplit(scene.billing.origin), scene.other.origin
            port = urlsplit(there).port
            for url in (
                f"{there}/{allowed.netloc}",
                f"{there}/?to={quote(scene.billing.origin, safe='')}",
                f"{there}/?to={scene.billing.origin}/",
                f"{there}/#{scene.billing.origin}",
            ):
                scene.send(url, [])
            expect([[]] * 4, scene.other.received)
            # Some libraries take no such address, which is as well.
            with suppress(Exception):
                scene.send(f"http://{allowed.netloc}@127.0.0.1:{port}/", [])
            expect([], [values for values in scene.other.received if values])

    def test_other_headers_are_left_alone(self) -> None:
        """
        What the user sets besides arrives as it was set.
        """
        with self._scene() as scene, cx.bound(scene.sales.begin()):
            scene.send(f"{scene.billing.origin}/", [("X-Desk", "seven")])
            sent = [
                value for name, value in scene.billing.headers[0] if name == "x-desk"
            ]
            expect(["seven"], sent)
