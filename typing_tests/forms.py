"""
What the type checkers know of forms that a journey fills.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, assert_type

import attrs
import pydantic
from django import forms

import cxcontext as cx
from cxcontext.web.django_forms import fills, unanswered


class Acme(cx.Vocabulary, revision=1):
    order = cx.Scope(1, readers={"sales"})

    order_number = cx.Field(1, str, scope=order)


@cx.form
@attrs.frozen
class Return:
    order_number: Annotated[str, Acme.order_number]
    comment: str = ""


@cx.form
class ReturnModel(pydantic.BaseModel):
    order_number: Annotated[str, Acme.order_number]
    comment: str = ""


@fills(order_number=Acme.order_number)
class ReturnForm(forms.Form):
    order_number = forms.CharField()


def prefill(journey: cx.Journey[Acme]) -> None:
    found = journey.prefill(Return)
    assert_type(found, cx.Prefilled[Return])
    assert_type(found.build(comment="broken"), Return)
    assert_type(found.build().order_number, str)
    assert_type(journey.prefill(ReturnModel, qualifier="1").build(), ReturnModel)
    assert_type(found.values, Mapping[str, Any])
    assert_type(found.to_ask, tuple[cx.Blank, ...])
    for blank in found.to_ask:
        assert_type(blank.name, str)
        assert_type(blank.gap, cx.Gap)
        assert_type(blank.facts, tuple[cx.Fact[Any], ...])
    # A form is a class; what is made of it is none.
    journey.prefill(Return("A-118"))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def the_class_stays_what_it_is() -> None:
    Return(order_number="A-118")
    Return(order_number=118)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ReturnModel(order_number="A-118")


def django(journey: cx.Journey[Acme]) -> None:
    found = journey.prefill(ReturnForm)
    assert_type(unanswered(found), ReturnForm)
    unanswered(found, {"order_number": "A-118"}, prefix="return")
    unanswered(journey.prefill(Return))  # type: ignore[type-var]  # pyright: ignore[reportArgumentType]
    fills(order_number="order_number")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
