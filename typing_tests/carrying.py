"""
What the type checkers know of functions that carry a journey.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, assert_type

import cxcontext as cx


def price(number: str, *, gross: bool = True) -> int:
    return len(number) + gross


async def summarise(text: str) -> str:
    return text


async def carried() -> None:
    assert_type(cx.carry(price)("A-118", gross=False), int)
    assert_type(await cx.carry(summarise)("text"), str)
    work: Callable[[str], Coroutine[Any, Any, str]] = cx.carry(summarise)
    work("text").close()
    cx.carry(price)(118)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    cx.carry(118)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def pooled(pool: cx.CarryingExecutor) -> None:
    assert_type(pool.submit(price, "A-118", gross=True), Future[int])
    pool.submit(price, 118)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
