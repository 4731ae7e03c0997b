"""
The key ceremony: a process of its own that makes the keys, and ends.

So the process that plays the customer and the network never has a private key
in its hands: it only names the folder.
"""

from __future__ import annotations

import os
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cxcontext.core.keygen import generate_keys
from cxcontext.demo.vocabulary import DEPARTMENTS, DOMAIN, Acme
from cxcontext.homes.pepper import MIN_PEPPER_BYTES

PUBLIC_KEYS: Final = "acme.keys.json"
PRIVATE_KEYS: Final = "private.keys.json"
PEPPER: Final = "home.pepper"
HOME: Final = "home.sqlite"


def hold(folder: Path) -> None:
    """
    Fill *folder*: the public keys, and per department a folder of its own.
    """
    ring = generate_keys(
        domain=DOMAIN,
        departments=dict.fromkeys(DEPARTMENTS, False),
        readers={scope.number: scope.readers for scope in Acme.scopes.values()},
        now=datetime.now(UTC),
    )
    (folder / PUBLIC_KEYS).write_text(ring.public.to_json())
    pepper = secrets.token_bytes(MIN_PEPPER_BYTES)
    for name in DEPARTMENTS:
        own = folder / name
        own.mkdir(mode=0o700)
        _write_secret(own / PRIVATE_KEYS, ring.private_keys(name).to_json().encode())
        _write_secret(own / PEPPER, pepper)


def _write_secret(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    hold(Path(sys.argv[1]))
