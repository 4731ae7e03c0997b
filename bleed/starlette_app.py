"""
Billing in Starlette, for uvicorn: HTTP and web sockets.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from bleed import desk
from bleed.shop import propagator
from cxcontext.web.asgi import CustomerContextMiddleware


async def answer(request: Request) -> PlainTextResponse:
    """
    Answer in a coroutine: plainly, with tasks, with threads, or too late.
    """
    ways = {
        "plain": desk.plain_async,
        "tasks": desk.tasks_async,
        "threads": desk.threads_async,
        "slow": desk.slow_async,
    }
    way = ways[request.path_params["way"]]
    return PlainTextResponse(await way(request.path_params["number"]))


def in_a_thread(request: Request) -> PlainTextResponse:
    """
    Answer in a thread of the framework's pool.
    """
    return PlainTextResponse(desk.threads(request.path_params["number"]))


async def stream(request: Request) -> StreamingResponse:
    """
    Answer with a stream.
    """
    return StreamingResponse(desk.parts_async(request.path_params["number"]))


def stream_in_a_thread(request: Request) -> StreamingResponse:
    """
    Answer with a stream from a thread.
    """
    return StreamingResponse(desk.parts(request.path_params["number"]))


async def background(request: Request) -> PlainTextResponse:
    """
    Answer, and work on.
    """
    number = request.path_params["number"]
    text = await desk.plain_async(number)
    return PlainTextResponse(text, background=BackgroundTask(desk.after_async, number))


def background_in_a_thread(request: Request) -> PlainTextResponse:
    """
    Answer, and work on in threads.
    """
    number = request.path_params["number"]
    text = desk.plain(number)
    return PlainTextResponse(text, background=BackgroundTask(desk.after, number))


async def chat(socket: WebSocket) -> None:
    """
    Answer each turn of a web socket.
    """
    number = socket.path_params["number"]
    await socket.accept()
    try:
        async for _ in socket.iter_text():
            await socket.send_text(await desk.plain_async(number, "web socket"))
    except WebSocketDisconnect:
        pass
    finally:
        desk.WITNESS.own(number, "end of a web socket")


async def witness(_: Request) -> JSONResponse:
    """
    Report.
    """
    return JSONResponse(desk.WITNESS.report())


app = Starlette(
    routes=[
        Route("/witness", witness),
        Route("/in_a_thread/{number}", in_a_thread),
        Route("/stream/{number}", stream),
        Route("/stream_in_a_thread/{number}", stream_in_a_thread),
        Route("/background/{number}", background),
        Route("/background_in_a_thread/{number}", background_in_a_thread),
        Route("/{way}/{number}", answer),
        WebSocketRoute("/chat/{number}", chat),
    ]
)
app.add_middleware(CustomerContextMiddleware, propagator=propagator(), returns=True)
