"""
The contract that every adapter keeps, as tests that start the real thing.

Written once from the pitfalls of all of them; an outsider's adapter, for a framework
that we do not know, runs it as ours do. A class of tests inherits from a contract and
says how to start the adapter; the rest is inherited. For a web framework:

.. code-block:: python

    class TestWSGI(HTTPServerContract):
        module = "cxcontext.web.wsgi"

        @contextmanager
        def serving(self, desk, propagator, *, required=False, **options):
            app = Flask(__name__)
            app.add_url_rule("/answer", view_func=lambda: desk.answer(request.headers))
            ...  # and /stream and /later
            ours = CustomerContextMiddleware(
                app.wsgi_app, propagator, required=lambda _: required, **options
            )

            def outside(environ, start_response):
                with desk.outside():
                    return ours(environ, start_response)

            with threaded_server(outside) as origin:
                yield origin

``docs/howto/adapter.md`` writes adapters for a framework and a client, and runs them.

The contracts are classes with methods that pytest finds; they import no test runner,
and work with `unittest.TestCase` as a second base. What they cannot see is left to
the adapter's own tests: other kinds of messages, and what only its library has.

- `HTTPServerContract` for HTTP servers, `ServerContract` for others: give `serving`,
  and for another protocol `connect`, `leave` and `code_of_refusal`.
- `WebSocketContract` for servers of web sockets: give `serving` and `connect`.
- `HTTPClientContract` for HTTP clients: give `sending`; for another protocol
  `ReplyContract`, or `ClientContract` where nothing comes back, and `peering` too.
- `QueueContract` for queues, streams and topics: give `producing`, `consuming` and
  `produce_raw`.

A value that somebody put into a message by hand never counts: on a redirect it could
not be told from one that a former hop had. Whoever wants another journey sent makes
it the current one.

.. versionadded:: 0.1.0
"""

from cxcontext.testing.client_contract import ClientContract, Send
from cxcontext.testing.desk import Desk, DeskError
from cxcontext.testing.http_client_contract import HTTPClientContract
from cxcontext.testing.http_server_contract import HTTPServerContract
from cxcontext.testing.peer import HTTPPeer, Peer
from cxcontext.testing.queue_contract import (
    Handled,
    Handler,
    HandlerError,
    Produce,
    QueueContract,
)
from cxcontext.testing.reply_contract import ReplyContract
from cxcontext.testing.server_contract import Ask, ServerContract
from cxcontext.testing.shop import Answer, Headers, Process, Shop
from cxcontext.testing.websocket_contract import (
    HandshakeError,
    Socket,
    WebSocketContract,
)

__all__ = [
    "Answer",
    "Ask",
    "ClientContract",
    "Desk",
    "DeskError",
    "HTTPClientContract",
    "HTTPPeer",
    "HTTPServerContract",
    "Handled",
    "Handler",
    "HandlerError",
    "HandshakeError",
    "Headers",
    "Peer",
    "Process",
    "Produce",
    "QueueContract",
    "ReplyContract",
    "Send",
    "ServerContract",
    "Shop",
    "Socket",
    "WebSocketContract",
]
