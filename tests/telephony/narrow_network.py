"""
A program: calls of growing size in a network with an MTU, where fragments are lost.

Loopback has an MTU of 65,536 and so hides what breaks elsewhere. Run it in a network
namespace of its own; it prints what became of every call, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path[:0] = [str(_HERE), str(_HERE.parent / "stores")]

from peer import HOST, Peer  # noqa: E402
from programs import Kamailio, installed  # noqa: E402
from servers import free_port  # noqa: E402

from cxcontext.telephony.sip import fits_udp  # noqa: E402

MTU_BYTES = 1500
# As what passes a firewall that drops fragments: none, before they are put together.
_RULES = """
table ip narrow {
    chain arriving {
        type filter hook prerouting priority -450; policy accept;
        ip frag-off & 0x3fff != 0 counter drop
    }
}
"""


def narrow() -> None:
    """
    Give the loopback device a usual MTU, and drop all fragments.
    """
    mtu = str(MTU_BYTES)
    subprocess.run([installed("ip"), "link", "set", "lo", "up", "mtu", mtu], check=True)
    subprocess.run([installed("nft"), "-f", "-"], input=_RULES.encode(), check=True)


async def call(transport: str, padding_chars: int) -> list[object]:
    """
    Return how large an INVITE was, whether it fits, and what became of it.
    """
    port = free_port()
    how = {"transport": transport, "proxy": port}
    async with Peer("customer", **how) as customer, Peer("billing", **how) as billing:
        with Kamailio({"billing": billing.port}, port=port, timer_ms=1500):
            request = customer.invitation(
                f"sip:billing@{HOST}:{port}", [("X-Padding", "x" * padding_chars)]
            )
            size_bytes = len(request.encode())
            fits = fits_udp(request.encode(), path_mtu_bytes=MTU_BYTES, proxies=1)
            try:
                answer, _ = await customer.ask(request, patience_s=4)
                became = answer.status
            except TimeoutError:
                became = None
            arrived = sum(one.method == "INVITE" for one in billing.got)
            return [transport, size_bytes, fits, became, arrived > 0]


def dropped() -> int:
    """
    Return how many fragments were lost so far.
    """
    command = [installed("nft"), "list", "table", "ip", "narrow"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True)
    return int(listed.stdout.partition("counter packets ")[2].split()[0])


if __name__ == "__main__":
    narrow()
    sizes = [("udp", 0), ("udp", 780), ("udp", 1060), ("udp", 1800), ("tcp", 1800)]
    told = []
    for transport, padding_chars in sizes:
        before = dropped()
        became = asyncio.run(call(transport, padding_chars))
        told.append([*became, dropped() > before])
    print(json.dumps(told))
