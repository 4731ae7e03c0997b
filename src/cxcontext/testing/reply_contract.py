"""
What an adapter keeps besides whose client merges what was learned elsewhere.
"""

from __future__ import annotations

from typing import ClassVar

from cxcontext.testing.client_contract import EMAIL, ClientContract
from cxcontext.testing.shop import NAME, Answer, Process, Shop, expect


class ReplyContract(ClientContract):
    """
    For clients of protocols whose responses have a place for a value.

    Attributes:
        success: The protocol's status of what was served.
        replies_stay: Whether the library's responses cannot be changed, so that what
            came back is still in them; it is sealed to this department.

    .. versionadded:: 0.1.0
    """

    success: ClassVar[int] = 200
    replies_stay: ClassVar[bool] = False

    def test_what_was_learned_there_is_merged(self) -> None:
        """
        Where a destination returns what it learned, the caller knows it afterwards.
        """
        with self._scene(returns=True) as scene:
            scene.billing.learns = EMAIL
            journey, answer = self._told(scene)
            email = journey.recall(Shop.email)
            expect(EMAIL, email)
            self._check_taken(answer)

    def test_what_was_not_asked_for_is_not_merged(self) -> None:
        """
        A value from whoever is not to return any is not read.
        """
        with self._scene() as scene:
            scene.billing.learns = EMAIL
            journey, answer = self._told(scene)
            email = journey.recall(Shop.email)
            expect(None, email)
            self._check_taken(answer)

    def test_a_forged_reply_is_ignored(self) -> None:
        """
        What does not answer this very request counts for nothing; the response is served.
        """
        stolen = str(Process().begin("Mallory").hand_over("sales"))
        for said in (stolen, "cx1.AAAA", f"{stolen}, {stolen}"):
            with self._scene(returns=True) as scene:
                scene.billing.says = said
                journey, answer = self._told(scene)
                found = (answer.status, journey.recall(Shop.name))
                expect((self.success, NAME), found)
                expect(1, len(scene.sales.codes()))
                self._check_taken(answer)

    def _check_taken(self, answer: Answer) -> None:
        if not self.replies_stay:
            expect([], answer.values(self.name))
