"""
FastAPI, whose dependencies require a journey, keeps the contracts under uvicorn.
"""

# No `from __future__ import annotations`: FastAPI reads them, also of inner functions.
from contextlib import contextmanager

from chatting import chatting
from fastapi import (
    BackgroundTasks,
    Depends,
    FastAPI,
    Request,
    Response,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi.responses import StreamingResponse
from loopback import Server, within

from cxcontext.testing.contract import HTTPServerContract, WebSocketContract
from cxcontext.web.asgi import CustomerContextMiddleware
from cxcontext.web.fastapi import required_journey, setup


def fastapi_of(desk, propagator, *, required=False, **options):
    """
    Return a FastAPI that does the desk's work.
    """
    guards = [Depends(required_journey)] if required else []
    app = FastAPI(dependencies=guards)
    app.add_middleware(CustomerContextMiddleware, propagator=propagator, **options)
    setup(app)

    def with_headers(response):
        for name, value in desk.headers:
            response.headers.append(name, value)
        return response

    @app.get("/answer")
    async def answer(request: Request):
        return with_headers(Response(await desk.answer_async(request.headers)))

    @app.get("/stream")
    def stream():
        return with_headers(StreamingResponse(desk.parts_async()))

    @app.get("/later")
    def later(tasks: BackgroundTasks):
        tasks.add_task(desk.later)
        return with_headers(Response(desk.answer(), background=tasks))

    @app.websocket("/chat")
    async def chat(socket: WebSocket):
        pairs = [(name.encode(), value.encode()) for name, value in desk.headers]
        await socket.accept(headers=pairs)
        try:
            while await socket.receive_text():
                body = await desk.answer_async(socket.headers)
                await socket.send_text(body.decode())
        except WebSocketDisconnect:
            desk.later()

    return app


class TestFastAPI(HTTPServerContract):
    """
    Coroutines and functions.
    """

    module = "cxcontext.web.fastapi"
    library = "fastapi"

    @contextmanager
    def serving(self, desk, propagator, **options):
        """
        Serve the desk behind the middleware.
        """
        with Server() as server:
            server.app = within(desk, fastapi_of(desk, propagator, **options))
            yield server.origin


class TestWebSockets(WebSocketContract):
    """
    Web sockets.
    """

    module = "cxcontext.web.fastapi"
    library = "fastapi"
    serving = TestFastAPI.serving

    def connect(self, origin, headers):
        """
        Open a web socket.
        """
        return chatting(origin, headers)
