"""
The WSGI middleware keeps the contract: Flask, on two servers with threads.
"""

from __future__ import annotations

import io
import threading
from contextlib import contextmanager
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from flask import Flask, Response, request
from werkzeug import serving

from cxcontext.testing.contract import HTTPServerContract
from cxcontext.web.flask import require_context
from cxcontext.web.wsgi import CustomerContextMiddleware


class Threaded(ThreadingMixIn, WSGIServer):
    """
    The standard library's server, with a thread for each connection.
    """

    daemon_threads = True


class Quiet(WSGIRequestHandler):
    """
    Says nothing on the standard error stream.
    """

    def log_message(self, *args):
        """
        Say nothing.
        """

    def get_stderr(self):
        """
        Return where errors of the application go: nowhere.
        """
        return io.StringIO()


class KeepsAlive(serving.WSGIRequestHandler):
    """
    Serves several requests of one connection.
    """

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True


@contextmanager
def running(server):
    """
    Run a server in a thread, and give its origin.
    """
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def flask_of(desk, guarded):
    """
    Return a Flask that does the desk's work, in views that are guarded.
    """
    app = Flask(__name__)

    @app.get("/answer")
    @guarded
    def answer():
        return desk.answer(request.headers.keys())

    @app.get("/stream")
    @guarded
    def stream():
        return Response(desk.parts())

    @app.get("/later")
    @guarded
    def later():
        response = Response(desk.answer())
        response.call_on_close(desk.later)
        return response

    @app.after_request
    def add_headers(response):
        for name, value in desk.headers:
            response.headers.add(name, value)
        return response

    return app


class TestWerkzeug(HTTPServerContract):
    """
    The server that Flask is developed with.
    """

    module = "cxcontext.web.wsgi"
    customers = 300

    @contextmanager
    def serving(self, desk, propagator, *, required=False, **options):
        """
        Serve the desk behind the middleware.
        """
        app = flask_of(desk, require_context if required else lambda view: view)
        ours = CustomerContextMiddleware(app.wsgi_app, propagator, **options)

        def outside(environ, start_response):
            with desk.outside():
                return ours(environ, start_response)

        app.wsgi_app = outside
        with running(self.server(app)) as origin:
            yield origin

    def server(self, app):
        """
        Return a server that listens.
        """
        return serving.make_server(
            "127.0.0.1", 0, app, threaded=True, request_handler=KeepsAlive
        )


class TestStandardLibrary(TestWerkzeug):
    """
    The server of `wsgiref`, which folds the two spellings into one.
    """

    customers = 200

    def server(self, app):
        """
        Return a server that listens.
        """
        return make_server("127.0.0.1", 0, app, Threaded, Quiet)
