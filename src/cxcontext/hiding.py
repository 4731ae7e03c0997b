"""
Hiding: no traceback of a verb shows what the verb was called with.

Error reporters store tracebacks with the locals of every frame, and those of
the verbs hold values, qualifiers and wordings. The frames stay, for whoever
looks for the line; what they held is forgotten.

Some reporters show objects by their fields and not by their ``repr``: rich, which asks
attrs which fields are shown.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from traceback import clear_frames
from typing import Any, TypeVar, cast

import attrs

F = TypeVar("F", bound=Callable[..., Any])


def unshown(
    _class: type, fields: list[attrs.Attribute[Any]]
) -> list[attrs.Attribute[Any]]:
    """
    Hide every field of an attrs class: its ``field_transformer``.
    """
    return [field.evolve(repr=False) for field in fields]


def hiding(verb: F) -> F:
    """
    Let *verb* forget its locals, and those of all that it called, when it raises.
    """

    @wraps(verb)
    def hidden(*args: Any, **kwargs: Any) -> Any:
        try:
            return verb(*args, **kwargs)
        except BaseException as problem:
            # This frame is still running, so it is not cleared with the others.
            del args, kwargs
            clear_frames(problem.__traceback__)
            raise

    return cast("F", hidden)


def hiding_async(verb: F) -> F:
    """
    As `hiding`, for a coroutine function.
    """

    @wraps(verb)
    async def hidden(*args: Any, **kwargs: Any) -> Any:
        try:
            return await verb(*args, **kwargs)
        except BaseException as problem:
            del args, kwargs
            clear_frames(problem.__traceback__)
            raise

    return cast("F", hidden)
