"""
How surely a fact is known, and how surely it is this customer's journey.
"""

from __future__ import annotations

from enum import IntEnum


class Known(IntEnum):
    """
    How a fact is known, from least to most sure. Comparable.

    .. versionadded:: 0.1.0
    """

    INFERRED = 0  # concluded by a program: a bot, a model, a rule
    OBSERVED = 1  # seen in a system of ours: an order, a log, a device
    STATED = 2  # said by the customer
    VERIFIED = 3  # checked by a department that the vocabulary lets check it


class Arrival(IntEnum):
    """
    How a journey reached this department, from least to most trusted.

    .. versionadded:: 0.1.0
    """

    HINT = 0  # a matching phone number or the like; it may be somebody else's
    POSSESSION = 1  # the customer carried a link, a code or a header
    HOME = 2  # it rested in our own store
    DELIVERY = 3  # a department handed it over, or it began here

    @property
    def identifies(self) -> bool:
        """
        Whether this arrival is enough to take the person for the customer.
        """
        return self >= Arrival.HOME
