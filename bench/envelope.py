"""
Seal, hand over, receive: beside the raw cryptography of the same job.

    python bench/envelope.py [--rounds N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from payload import Shop, fill, make_domain
from timing import Case, measure

import cxcontext as cx

SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_128_GCM)
INFO = b"i" * 80


class Raw:
    """
    The primitives of the same job on bytes of the same size, and nothing else.
    """

    def __init__(self, sizes: list[int]) -> None:
        self.sizes = sizes
        self.signing = Ed25519PrivateKey.generate()
        self.verifying = self.signing.public_key()
        self.opening = X25519PrivateKey.generate()
        self.sealing = self.opening.public_key()
        self.message = b"m" * 200
        self.signature = self.signing.sign(self.message)
        self.sealed = [self.one_seal(size) for size in sizes]

    def one_seal(self, size: int) -> bytes:
        """
        Seal one section.
        """
        return SUITE.encrypt(b"p" * size, self.sealing, info=INFO)

    def seals(self, signatures: int) -> None:
        """
        Seal as many sections as the payload has, and sign.
        """
        for size in self.sizes:
            self.one_seal(size)
        for _ in range(signatures):
            self.signing.sign(self.message)

    def opens(self, verifications: int, sections: int) -> None:
        """
        Verify, and open that many sections.
        """
        for _ in range(verifications):
            self.verifying.verify(self.signature, self.message)
        for sealed in self.sealed[:sections]:
            SUITE.decrypt(sealed, self.opening, info=INFO)


def forget(domain: cx.TrustDomain[Any], department: cx.Department[Any]) -> None:
    """
    Empty the caches, so that the next opening is a cold one.
    """
    domain.verified.clear()
    department.forget_recent()


def cases() -> tuple[list[Case], dict[str, int]]:
    """
    Return what is timed, and the sizes.
    """
    domain, departments = make_domain()
    care, billing, sales = (departments[n] for n in ("care", "billing", "sales"))
    first = fill(care.begin(channel="voice")).hand_over("billing")
    text = str(first)
    sizes = [len(raw) - 48 - 6 for raw in first.statements[0].sections.values()]
    raw = Raw(sizes)

    def hop(journey: cx.Journey[Any], number: int) -> None:
        value = f"Offered a partial refund of {10 + number}.00 EUR"
        journey.learn(Shop.refund_offer, value[:12], qualifier=f"{number}")
        journey.learn(Shop.order_number, f"EX-{number}")

    hops = [text]
    holder = billing
    for number in range(10):
        following = sales if holder is billing else billing
        journey = holder.receive(hops[-1])
        hop(journey, number)
        hops.append(str(journey.hand_over(following.name)))
        holder = following
    ten = billing.receive(hops[10])

    def cold(_: object) -> None:
        forget(domain, billing)
        journey = billing.receive(text)
        journey.recall(Shop.name)
        journey.recall(Shop.order_number)

    def warm_two() -> str:
        # A journey of its own each time: its first two statements are known here.
        journey = billing.receive(
            fill(care.begin(channel="voice")).hand_over("billing")
        )
        hop(journey, 0)
        journey = sales.receive(journey.hand_over("sales"))
        hop(journey, 1)
        journey = billing.receive(journey.hand_over("billing"))
        hop(journey, 2)
        return str(journey.hand_over("sales"))

    def fresh_delivery() -> str:
        sales.forget_recent()
        return str(ten.hand_over("sales"))

    listed = [
        Case("raw: 4 seals, 1 signature", lambda _: raw.seals(1)),
        Case("raw: 4 seals, 2 signatures", lambda _: raw.seals(2)),
        Case("raw: 2 verifications, 2 opens", lambda _: raw.opens(2, 2)),
        Case("raw: 2 verifications", lambda _: raw.opens(2, 0)),
        Case("raw: 1 verification", lambda _: raw.opens(1, 0)),
        Case(
            "seal",
            lambda journey: journey.begun(),
            lambda: fill(care.begin(channel="voice")),
        ),
        Case(
            "hand_over",
            lambda journey: journey.hand_over("billing"),
            lambda: fill(care.begin(channel="voice")),
        ),
        Case("learn the payload", fill, lambda: care.begin(channel="voice")),
        Case("receive cold, read 2 of 4 scopes", cold),
        Case(
            "receive the next of a 3-hop journey",
            sales.receive,
            warm_two,
        ),
        Case("receive the same bytes again", lambda _: billing.receive(text), batch=50),
        Case(
            "receive 10 hops seen before, new delivery",
            sales.receive,
            fresh_delivery,
        ),
    ]
    billing.receive(text)
    sales.receive(fresh_delivery())
    figures = {
        "text with delivery": len(text),
        "binary with delivery": len(bytes(first)),
        "each further hop, text": (len(hops[10]) - len(hops[1])) // 9,
    }
    return listed, figures


RATIOS = (
    ("seal", "raw: 4 seals, 1 signature", 1.25),
    ("hand_over", "raw: 4 seals, 2 signatures", 1.25),
    ("receive cold, read 2 of 4 scopes", "raw: 2 verifications, 2 opens", 1.35),
    ("receive the next of a 3-hop journey", "raw: 2 verifications", 1.5),
    ("receive 10 hops seen before, new delivery", "raw: 1 verification", 2.0),
)


def main() -> None:
    """
    Measure and print.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    listed, figures = cases()
    measure(listed, rounds=options.rounds)
    medians = {case.name: case.median_us for case in listed}
    packages = ("cryptography", "cbor2", "attrs", "cattrs")
    versions = {name: version(name) for name in packages}
    print(f"Python {platform.python_version()}, {versions}")
    for name, median in sorted(medians.items()):
        print(f"{name:44} {median:10.1f} us")
    for name, raw, target in RATIOS:
        print(f"{name:44} {medians[name] / medians[raw]:8.2f} x, at most {target} x")
    for name, figure in figures.items():
        print(f"{name:44} {figure:8}")
    if options.json:
        result = {"medians_us": medians, "sizes": figures, "versions": versions}
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
