"""
Messages, signers and secrets for the tests of what a propagator sends.
"""

from __future__ import annotations

import attrs
from acme import Acme

import cxcontext as cx

NAME = "customer-context"
PATIENCE_S = 10
DESTINATIONS = [
    cx.Destination("billing"),
    cx.Destination("support", bound=True),
    cx.Destination("carrier"),
]


class Message:
    """
    A message that holds what was put into it.
    """

    def __init__(self, limits, values=()):
        self.limits, self.values = limits, list(values)

    def get_all(self, _name):
        """
        Return all.
        """
        return self.values

    def set(self, _name, value):
        """
        Put one in place of all.
        """
        self.values = [value]

    def remove(self, _name):
        """
        Take all away.
        """
        self.values = []


@attrs.frozen
class Far:
    """
    A signer that counts how often it is asked.
    """

    signer: object
    asked: list

    @property
    def key_id(self):
        """
        That of the key.
        """
        return self.signer.key_id

    @property
    def algorithm(self):
        """
        That of the key.
        """
        return self.signer.algorithm

    def sign(self, data):
        """
        Sign, and remember it.
        """
        self.asked.append(data)
        return self.signer.sign(data)


class Secrets:
    """
    Secrets of erasable journeys, which remember what was made and asked.
    """

    def __init__(self):
        self.kept = {}

    def create(self, journey_id, /):
        """
        Make one.
        """
        return self.kept.setdefault(journey_id, bytes(32))

    def find(self, journey_id, /):
        """
        Return one, or None.
        """
        return self.kept.get(journey_id)


def grown(department, *, erasable=False, words=0, photo=0):
    """
    Return a journey of some size.
    """
    journey = department.begin(channel="chat", erasable=erasable)
    journey.learn(Acme.full_name, "Ada Lovelace")
    journey.learn(Acme.card_last4, "4242")
    journey.learn(Acme.tracking, "Z-1")
    for number in range(words):
        journey.learn(Acme.product, "x", qualifier=str(number))
    if photo:
        journey.learn(Acme.photo, bytes(photo))
    return journey
