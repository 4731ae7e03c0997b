"""
Billing in aiohttp, whose handlers are cancelled when a client gives up.
"""

from __future__ import annotations

import sys

from aiohttp import web

from bleed import desk
from bleed.shop import propagator
from cxcontext.web.aiohttp import setup


async def answer(request: web.Request) -> web.Response:
    """
    Answer in a coroutine: plainly, with tasks, with threads, or too late.
    """
    ways = {
        "plain": desk.plain_async,
        "tasks": desk.tasks_async,
        "threads": desk.threads_async,
        "slow": desk.slow_async,
    }
    way = ways[request.match_info["way"]]
    return web.Response(text=await way(request.match_info["number"]))


async def stream(request: web.Request) -> web.StreamResponse:
    """
    Answer with a stream.
    """
    response = web.StreamResponse()
    await response.prepare(request)
    async for part in desk.parts_async(request.match_info["number"]):
        await response.write(part.encode())
    return response


async def background(request: web.Request) -> web.Response:
    """
    Answer, and work on in tasks.
    """
    number = request.match_info["number"]
    text = await desk.plain_async(number)
    desk.linger_async(number)
    return web.Response(text=text)


async def chat(request: web.Request) -> web.WebSocketResponse:
    """
    Answer each turn of a web socket.
    """
    number = request.match_info["number"]
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    try:
        async for _ in socket:
            await socket.send_str(await desk.plain_async(number, "web socket"))
    finally:
        desk.WITNESS.own(number, "end of a web socket")
    return socket


async def witness(_: web.Request) -> web.Response:
    """
    Report.
    """
    return web.json_response(desk.WITNESS.report())


def make_app() -> web.Application:
    """
    Return the application.
    """
    app = web.Application()
    setup(app, propagator(), returns=True)
    app.router.add_get("/witness", witness)
    app.router.add_get("/stream/{number}", stream)
    app.router.add_get("/background/{number}", background)
    app.router.add_get("/chat/{number}", chat)
    app.router.add_get("/{way}/{number}", answer)
    return app


if __name__ == "__main__":
    web.run_app(
        make_app(),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        handler_cancellation=True,
        access_log=None,
        print=None,
    )
