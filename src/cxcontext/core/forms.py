"""
Forms: which of an application's own fields are which of the vocabulary's.

A form is a class that the application has anyway: of attrs, a dataclass, a Pydantic
model, a form of Django. What it says of the vocabulary is checked when the class is
defined, so that no request finds out that a type does not fit.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType, NoneType
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, TypeVar, get_args

import attrs

from cxcontext.core.fact import Fact
from cxcontext.core.gaps import Gap
from cxcontext.core.standard import CONSENT, IDENTITY_VERIFICATION, PROMISE
from cxcontext.core.value_types import is_union, type_name
from cxcontext.core.vocabulary import Key
from cxcontext.errors import FormDefinitionError, UsageError
from cxcontext.hiding import hiding, unshown
from cxcontext.pickling import NotPicklable

F = TypeVar("F")

_KEYS: Final = "__cxcontext_form__"
# They are made to somebody or checked by somebody, and not filled in.
_WITH_VERBS: Final = frozenset((CONSENT, PROMISE, IDENTITY_VERIFICATION))


def form(cls: type[F], /) -> type[F]:
    """
    Let `Journey.prefill` fill a class by its annotations. A decorator.

    For whatever has annotations and is called with its fields by name: attrs classes,
    dataclasses, Pydantic models. It stands above their own decorator.

    Raises:
        FormDefinitionError: When a type does not fit the vocabulary's, no field names a
            key, or two name the same.

    Example:
        >>> from typing import Annotated
        >>> import attrs, cxcontext as cx
        >>> class Acme(cx.Vocabulary, revision=1):
        ...     order = cx.Scope(1, readers={"sales"})
        ...     order_number = cx.Field(1, str, scope=order)
        >>> @cx.form
        ... @attrs.frozen
        ... class Return:
        ...     order_number: Annotated[str, Acme.order_number]
        ...     reason: str = ""

    .. versionadded:: 0.1.0
    """
    try:
        hints = typing.get_type_hints(cls, include_extras=True)
    except NameError as problem:
        raise FormDefinitionError(
            cls.__name__, f"{problem.name} is not known where the class is defined"
        ) from None
    fields: dict[str, tuple[Key[Any, Any], Any]] = {}
    for name, hint in hints.items():
        keys = [key for key in _annotations(hint) if isinstance(key, Key)]
        if not keys:
            if any(isinstance(key, Key) for key in _within(hint)):
                what = (
                    f"{name}: annotate the whole type, as in Annotated[str | None, ...]"
                )
                raise FormDefinitionError(cls.__name__, what)
            continue
        if len(keys) > 1:
            raise FormDefinitionError(cls.__name__, f"{name} is two of the vocabulary")
        fields[name] = (keys[0], get_args(hint)[0])
    for name in fields:
        if not _takes(cls, name):
            what = (
                f"{name} is no argument of {cls.__name__}(); it is filled by its name"
            )
            raise FormDefinitionError(cls.__name__, what)
    define_form(cls, fields)
    return cls


def define_form(
    cls: type[Any], fields: Mapping[str, tuple[Key[Any, Any], Any]]
) -> None:
    """
    Let `Journey.prefill` fill a class whose fields are known otherwise.

    For adapters of libraries whose forms have no annotations.

    Args:
        cls: The class.
        fields: By the form's name, the key and the type of what the form holds.

    Raises:
        FormDefinitionError: As `form`.

    .. versionadded:: 0.1.0
    """
    if not fields:
        raise FormDefinitionError(cls.__name__, "none of its fields names a key")
    names: dict[int, str] = {}
    for name, (key, declared) in fields.items():
        if key.number in _WITH_VERBS:
            what = f"{name}: {key.name} is not filled in; the journey has verbs for it"
            raise FormDefinitionError(cls.__name__, what)
        other = names.setdefault(key.number, name)
        if other != name:
            what = f"{other} and {name} are both {key.name}; leave the key to one"
            raise FormDefinitionError(cls.__name__, what)
        known = key.field.codec.type_form
        if not _fits(known, declared):
            what = (
                f"{name} holds {type_name(declared)}, and {key.name} of the vocabulary "
                f"is {type_name(known)}"
            )
            raise FormDefinitionError(cls.__name__, what)
    keys = {name: key for name, (key, _) in fields.items()}
    setattr(cls, _KEYS, MappingProxyType(keys))


def keys_of(cls: type[Any]) -> Mapping[str, Key[Any, Any]]:
    """
    Return the keys of a form by the names that the form has for them.

    Raises:
        UsageError: When the class itself was not defined as a form: fields that a
            derived class adds are not known of its base.
    """
    keys: Mapping[str, Key[Any, Any]] | None = vars(cls).get(_KEYS)
    if keys is None:
        msg = f"{cls.__name__} is not a form; decorate it with cxcontext.form"
        raise UsageError(msg)
    return keys


@attrs.frozen(kw_only=True, repr=False, eq=False, field_transformer=unshown)
class Blank:
    """
    A field of a form that the journey could not fill.

    Attributes:
        name: What the form calls it.
        gap: The field, why it is not filled, and the remedy.
        question: How to ask for it.
        facts: What to show for confirmation, the one to show first; of a conflict all.

    .. versionadded:: 0.1.0
    """

    name: str
    gap: Gap
    question: str
    facts: tuple[Fact[Any], ...] = ()

    def __repr__(self) -> str:
        return f"<Blank {self.name}: {self.gap.reason.value}, {self.gap.remedy.value}>"


@attrs.frozen(kw_only=True, repr=False, eq=False, field_transformer=unshown)
class Prefilled(NotPicklable, Generic[F]):
    """
    What a journey knows of a form. True when it knows all.

    Attributes:
        form: The class.
        values: What is known, by the form's names. Never shown in ``repr``.
        to_ask: What the customer is asked: for a value, or whether one still holds.
            Only these are rendered.
        not_asked: What stays open and is not asked: it was refused, or another
            department, or a check of who this is, helps instead.

    .. versionadded:: 0.1.0
    """

    pickling_advice: ClassVar[str] = "prefill the form again where it is needed"

    form: type[F]
    values: Mapping[str, Any]
    to_ask: tuple[Blank, ...]
    not_asked: tuple[Blank, ...]

    def __bool__(self) -> bool:
        return not (self.to_ask or self.not_asked)

    def __repr__(self) -> str:
        asked = ", ".join(blank.name for blank in self.to_ask) or "nothing"
        return (
            f"<Prefilled {self.form.__name__}, {len(self.values)} filled, "
            f"to ask: {asked}>"
        )

    @hiding
    def build(self, **answers: Any) -> F:
        """
        Return the form, made of what is known and of what was answered.

        Args:
            answers: By the form's names. An answer counts more than what was known.

        Raises:
            Exception: What the class itself raises, where something lacks or is wrong.

        .. versionadded:: 0.1.0
        """
        return self.form(**{**self.values, **answers})


# --- annotations and types -----------------------------------------------------


def _takes(cls: type[Any], name: str) -> bool:
    # A Pydantic model that takes names beside aliases shows the aliases only.
    config = getattr(cls, "model_config", {})
    by_name = config.get("validate_by_name") or config.get("populate_by_name")
    return bool(by_name) or name in inspect.signature(cls).parameters


def _annotations(hint: Any) -> tuple[Any, ...]:
    return get_args(hint)[1:] if typing.get_origin(hint) is Annotated else ()


def _within(hint: Any) -> Iterator[Any]:
    yield from _annotations(hint)
    for part in get_args(hint):
        yield from _within(part)


def _members(types: Iterable[Any]) -> Iterator[Any]:
    for form_ in types:
        if typing.get_origin(form_) is Annotated:
            yield from _members(get_args(form_)[:1])
        elif is_union(form_):
            yield from _members(get_args(form_))
        elif typing.get_origin(form_) is Literal:
            yield from (Literal[value] for value in get_args(form_))
        else:
            yield NoneType if form_ is None else form_


def _fits(known: Any, declared: Any) -> bool:
    """
    Whether every value of one type is one of the other, as type checkers have it.
    """
    allowed = list(_members([declared]))
    return all(
        member in allowed
        # PEP 586: a literal is of its value's type, too.
        or (
            typing.get_origin(member) is Literal
            and type(get_args(member)[0]) in allowed
        )
        for member in _members([known])
    )
