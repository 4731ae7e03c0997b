"""
Django's forms: only what the journey does not know is asked.

A form says by a decorator which of its fields are which of the vocabulary's; it is
checked when the class is made. What is known leaves the form: it is neither rendered
nor read from what is posted, so nobody sees or changes it by the form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final, TypeVar

from django import forms

import cxcontext as cx
from cxcontext.errors import FormDefinitionError

F = TypeVar("F", bound=forms.BaseForm)

# Of what type `cleaned_data` is; None where only the field itself could say.
_TYPES: Final[Mapping[type[forms.Field], Any]] = {
    forms.CharField: str,
    forms.UUIDField: None,
    forms.JSONField: None,
    forms.IntegerField: int,
    forms.FloatField: float,
    forms.DecimalField: Decimal,
    forms.BooleanField: bool,
    forms.DateField: date,
    forms.DateTimeField: datetime,
    forms.SplitDateTimeField: datetime,
    forms.ChoiceField: str,
    forms.ModelChoiceField: None,
    forms.MultipleChoiceField: list[str],
    forms.TypedMultipleChoiceField: None,
}


def fills(**keys: cx.Key[Any, Any]) -> Callable[[type[F]], type[F]]:
    """
    Let `cxcontext.Journey.prefill` fill a form of Django. A decorator.

    A field of another type than Django's own says of what type its value is in an
    attribute ``value_type``; a ``TypedChoiceField`` does by a ``coerce`` that is a type.

    Args:
        keys: By the names of the form's fields, the vocabulary's keys.

    Raises:
        FormDefinitionError: When the form has no such field, or one of another type.

    .. versionadded:: 0.1.0
    """

    def define(form: type[F]) -> type[F]:
        fields: Mapping[str, forms.Field] = getattr(form, "base_fields", {})
        declared = {}
        for name, key in keys.items():
            if name not in fields:
                raise FormDefinitionError(form.__name__, f"it has no field {name}")
            kind = _type_of(fields[name])
            if kind is None:
                what = f"{name}: say in value_type of what type its value is"
                raise FormDefinitionError(form.__name__, what)
            # Where nothing is filled in, Django has None.
            declared[name] = (key, kind | None)
        cx.define_form(form, declared)
        return form

    return define


def unanswered(prefilled: cx.Prefilled[F], *args: Any, **kwargs: Any) -> F:
    """
    Return the form with what is left to ask, and no other field of the vocabulary's.

    What is to be confirmed stands in it as initial; of a conflict what
    `cxcontext.Journey.fact` shows. ``{**prefilled.values, **form.cleaned_data}`` is the
    whole.

    Args:
        prefilled: What `cxcontext.Journey.prefill` returned.
        args, kwargs: As the form's own: the data posted, and whatever else. An
            ``initial`` of the caller's counts more.

    .. versionadded:: 0.1.0
    """
    form = prefilled.form(*args, **kwargs)
    for name in (*prefilled.values, *(blank.name for blank in prefilled.not_asked)):
        del form.fields[name]
    shown = {
        blank.name: _initial(blank.facts[0].value)
        for blank in prefilled.to_ask
        if blank.facts
    }
    form.initial = {**shown, **form.initial}
    return form


def _type_of(field: forms.Field) -> Any:
    stated = getattr(field, "value_type", None)
    if stated is not None:
        return stated
    if isinstance(field, forms.TypedChoiceField):
        return field.coerce if isinstance(field.coerce, type) else None
    for kind in type(field).__mro__:
        if kind in _TYPES:
            return _TYPES[kind]
    return None


def _initial(value: Any) -> Any:
    # Choices are compared as they are written, not as members.
    return value.value if isinstance(value, Enum) else value
