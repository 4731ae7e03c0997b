"""
The adapter for requests keeps the contract.
"""

from __future__ import annotations

from contextlib import contextmanager

import requests

from cxcontext.testing.contract import Answer, HTTPClientContract
from cxcontext.web.requests import CustomerContextAdapter


class TestSession(HTTPClientContract):
    """
    One session, which all threads share.
    """

    module = "cxcontext.web.requests"
    library = "requests"
    customers = 400

    @contextmanager
    def sending(self, propagator):
        """
        Send by a session that has the adapter.
        """
        with requests.Session() as session:
            session.trust_env = False
            for prefix in ("https://", "http://"):
                session.mount(prefix, CustomerContextAdapter(propagator))

            def get(url, headers):
                response = session.get(url, headers=dict(headers))
                sent = response.request
                hops = [r.request.headers for r in (*response.history, response)]
                shown = (response, response.headers, response.raw.headers, sent, hops)
                return Answer(
                    response.status_code,
                    [*response.headers.items()],
                    response.content,
                    shown=repr(shown),
                )

            yield get
