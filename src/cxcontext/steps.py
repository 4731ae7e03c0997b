"""
Rules that need something slow, written once for waiting and for awaiting.

A rule is a generator: it yields what it wants done, is sent the answer, and
returns its result. Whether the answer is waited for or awaited, only `run` and
`run_async` know; the rule neither blocks nor knows an event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from inspect import iscoroutinefunction
from typing import Any, TypeAlias, TypeVar

from cxcontext.errors import UsageError

T = TypeVar("T")

# What is wanted of whatever the rule is run on: a store, or a way to call.
Step: TypeAlias = Callable[[Any], Any]
Steps: TypeAlias = Generator[Step, Any, T]


def run(steps: Steps[T], target: object) -> T:
    """
    Return what *steps* return, each step done on *target*.
    """
    try:
        step = next(steps)
        while True:
            try:
                answer = step(target)
            # The rule decides what a failure means.
            except Exception as problem:  # noqa: BLE001
                step = steps.throw(problem)
            else:
                step = steps.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


async def run_async(steps: Steps[T], target: object) -> T:
    """
    As `run`, awaiting each step.
    """
    try:
        step = next(steps)
        while True:
            try:
                answer = await step(target)
            except Exception as problem:  # noqa: BLE001
                step = steps.throw(problem)
            else:
                step = steps.send(answer)
    except StopIteration as done:
        result: T = done.value
        return result


def call(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """
    Return what *method* returns: a target for rules that call different things.

    Raises:
        UsageError: When *method* is one that is awaited.
    """
    if iscoroutinefunction(method):
        msg = f"{method.__qualname__} is awaited; use the form of this that is, too"
        raise UsageError(msg)
    return method(*args, **kwargs)


async def call_async(method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """
    As `call`; what is not awaited runs in a thread, for no event loop waits.
    """
    if iscoroutinefunction(method):
        return await method(*args, **kwargs)
    # Whoever never awaits never waits for this import.
    import asyncio  # noqa: PLC0415

    return await asyncio.to_thread(method, *args, **kwargs)
