"""
The httpx transports keep the contract: both, over real sockets.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import contextmanager

import httpx

from cxcontext.testing.contract import Answer, HTTPClientContract
from cxcontext.web.httpx import (
    AsyncCustomerContextTransport,
    CustomerContextTransport,
)

OPTIONS = {"trust_env": False, "follow_redirects": True}
# Made once: to read the certificates takes longer than a request.
TLS = ssl.create_default_context()


def answer_of(response):
    """
    Return what the contract looks at.
    """
    request = response.request
    return Answer(
        response.status_code,
        response.headers.multi_items(),
        response.content,
        shown=repr((response, response.headers, request, request.headers)),
    )


class TestClient(HTTPClientContract):
    """
    One client, which all threads share.
    """

    module = "cxcontext.web.httpx"
    library = "httpx"

    @contextmanager
    def sending(self, propagator):
        """
        Send by a client that has the transport.
        """
        transport = CustomerContextTransport(propagator)
        with httpx.Client(transport=transport, **OPTIONS) as client:
            yield lambda url, headers: answer_of(client.get(url, headers=headers))


class TestAsyncClient(HTTPClientContract):
    """
    A client and an event loop for each message, for threads cannot share them.
    """

    module = "cxcontext.web.httpx"
    library = "httpx"

    @contextmanager
    def sending(self, propagator):
        """
        Send by clients that have the transport.
        """

        async def get(url, headers):
            plain = httpx.AsyncHTTPTransport(verify=TLS)
            transport = AsyncCustomerContextTransport(propagator, plain)
            async with httpx.AsyncClient(transport=transport, **OPTIONS) as client:
                return answer_of(await client.get(url, headers=headers))

        yield lambda url, headers: asyncio.run(get(url, headers))
