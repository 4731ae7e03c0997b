"""
Billing in Django, for gunicorn with threads (`wsgi`) and for uvicorn (`asgi`).
"""

from __future__ import annotations

import sys

import django
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.urls import path

from bleed import desk
from bleed.shop import propagator
from cxcontext.web.django import MIDDLEWARE

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1"],
    CXCONTEXT={"PROPAGATOR": propagator(), "RETURNS": True},
    LOGGING_CONFIG=None,
    MIDDLEWARE=[MIDDLEWARE],
    ROOT_URLCONF=sys.modules[__name__],
    SECRET_KEY="of a load test",  # noqa: S106 - it signs nothing
)
django.setup(set_prefix=False)


def in_a_thread(_: HttpRequest, number: str) -> HttpResponse:
    """
    Answer in a thread, and in more of them.
    """
    return HttpResponse(desk.threads(number))


def slow_in_a_thread(_: HttpRequest, number: str) -> HttpResponse:
    """
    Answer too late.
    """
    return HttpResponse(desk.slow(number))


def stream_in_a_thread(_: HttpRequest, number: str) -> StreamingHttpResponse:
    """
    Answer with a stream, which is produced when the view has returned.
    """
    return StreamingHttpResponse(desk.parts(number))


def background_in_a_thread(_: HttpRequest, number: str) -> HttpResponse:
    """
    Answer, and work on in threads.
    """
    text = desk.plain(number)
    desk.linger(number)
    return HttpResponse(text)


async def plain(_: HttpRequest, number: str) -> HttpResponse:
    """
    Answer in a coroutine.
    """
    return HttpResponse(await desk.plain_async(number))


async def tasks(_: HttpRequest, number: str) -> HttpResponse:
    """
    Answer with tasks.
    """
    return HttpResponse(await desk.tasks_async(number))


async def threads(_: HttpRequest, number: str) -> HttpResponse:
    """
    Answer in a coroutine, with threads.
    """
    return HttpResponse(await desk.threads_async(number))


async def slow(_: HttpRequest, number: str) -> HttpResponse:
    """
    Answer too late.
    """
    return HttpResponse(await desk.slow_async(number))


async def stream(_: HttpRequest, number: str) -> StreamingHttpResponse:
    """
    Answer with an asynchronous stream.
    """
    return StreamingHttpResponse(desk.parts_async(number))


async def background(_: HttpRequest, number: str) -> HttpResponse:
    """
    Answer, and work on in tasks.
    """
    text = await desk.plain_async(number)
    desk.linger_async(number)
    return HttpResponse(text)


def witness(_: HttpRequest) -> JsonResponse:
    """
    Report.
    """
    return JsonResponse(desk.WITNESS.report())


urlpatterns = [
    path("witness", witness),
    *(
        path(f"{view.__name__}/<number>", view)
        for view in (
            in_a_thread,
            slow_in_a_thread,
            stream_in_a_thread,
            background_in_a_thread,
            plain,
            tasks,
            threads,
            slow,
            stream,
            background,
        )
    ),
]
wsgi = WSGIHandler()
asgi = ASGIHandler()
