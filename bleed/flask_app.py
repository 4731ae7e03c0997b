"""
Billing in Flask, for gunicorn with threads.
"""

from __future__ import annotations

from flask import Flask, Response

from bleed import desk
from bleed.shop import propagator
from cxcontext.web.wsgi import CustomerContextMiddleware

app = Flask(__name__)


@app.get("/<any(plain, threads, slow):way>/<number>")
def answer(way: str, number: str) -> str:
    """
    Answer in the server's thread: plainly, with more threads, or too late.
    """
    ways = {"plain": desk.plain, "threads": desk.threads, "slow": desk.slow}
    return ways[way](number)


@app.get("/stream/<number>")
def stream(number: str) -> Response:
    """
    Answer with a stream, which is produced when the view has returned.
    """
    return Response(desk.parts(number))


@app.get("/background/<number>")
def background(number: str) -> Response:
    """
    Answer, and work on when the response was sent.
    """
    response = Response(desk.plain(number))
    response.call_on_close(lambda: desk.after(number))
    return response


@app.get("/witness")
def witness() -> dict[str, object]:
    """
    Report.
    """
    return desk.WITNESS.report()


app.wsgi_app = CustomerContextMiddleware(  # type: ignore[method-assign]
    app.wsgi_app, propagator(), returns=True
)
