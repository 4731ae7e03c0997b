"""
What the departments agree to call things: fields, in scopes, in a vocabulary.

A vocabulary is a class that is never instantiated. Its fields are numbered,
and a number is never given to another meaning: numbers are what travels.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Any, ClassVar, Final, Generic, Self, TypeAlias, TypeVar

import attrs
from typing_extensions import TypeForm

from cxcontext.core.formats import FORMATS
from cxcontext.core.value_types import TypeCodec
from cxcontext.errors import VocabularyError
from cxcontext.hiding import unshown

V = TypeVar("V", bound="Vocabulary")
V_contra = TypeVar("V_contra", contravariant=True)
T = TypeVar("T")

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
MAX_SCOPE_NUMBER: Final = 2**16 - 1
MAX_FIELD_NUMBER: Final = 2**16 - 1
RESERVED_FIELD_NUMBER: Final = 0  # the marks of a section stand under it


def _departments(names: Collection[str]) -> frozenset[str]:
    if isinstance(names, str):
        msg = f"{names!r} is a string; departments are given as a set of names"
        raise VocabularyError(msg)
    for name in names:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            msg = f"{name!r} is not a department name (1 to 32 of a-z 0-9 . _ -)"
            raise VocabularyError(msg)
    return frozenset(names)


def _terms(terms: Collection[str]) -> frozenset[str]:
    if isinstance(terms, str):
        msg = f"{terms!r} is a string; purposes are given as a set of terms"
        raise VocabularyError(msg)
    return frozenset(terms)


class Scope:
    """
    Fields with the same readers and writers: the unit of encryption.

    Args:
        number: 1 to 65535, never reused in this vocabulary.
        readers: Departments that hold the scope's keys.
        writers: Departments whose facts in it count; the readers, unless given.
        former_writers: Departments that once wrote: what they said is still
            read, but `learn` raises for them.
        on_possession: Whether it may be recalled for somebody who merely
            carries a link or code of this journey.

    Raises:
        VocabularyError: When the number or a name is not allowed.

    .. versionadded:: 0.1.0
    """

    __slots__ = (
        "_name",
        "former_writers",
        "number",
        "on_possession",
        "readers",
        "writers",
    )

    def __init__(
        self,
        number: int,
        *,
        readers: Collection[str],
        writers: Collection[str] | None = None,
        former_writers: Collection[str] = (),
        on_possession: bool = False,
    ) -> None:
        if type(number) is not int or not 1 <= number <= MAX_SCOPE_NUMBER:
            msg = f"scope number {number!r} is not in 1 to {MAX_SCOPE_NUMBER}"
            raise VocabularyError(msg)
        self._name = ""
        self.number = number
        self.readers = _departments(readers)
        self.writers = self.readers if writers is None else _departments(writers)
        self.former_writers = _departments(former_writers)
        self.on_possession = on_possession
        if not self.readers:
            msg = f"scope {number} has no readers; what nobody may read is not stored"
            raise VocabularyError(msg)
        if both := self.writers & self.former_writers:
            msg = f"scope {number}: {sorted(both)} cannot be both writer and former"
            raise VocabularyError(msg)

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = self._name or name

    @property
    def name(self) -> str:
        """
        The attribute's name in the vocabulary.
        """
        return self._name

    def __repr__(self) -> str:
        return f"<Scope {self.number} {self._name}>"


@attrs.frozen(kw_only=True, eq=False, repr=False, field_transformer=unshown)
class Key(Generic[V_contra, T]):
    """
    A field of a vocabulary, as application code names it: ``Acme.order_number``.

    It carries the vocabulary and the value's type for the type checker.
    Obtain it by reading a `Field` on its vocabulary class.

    .. versionadded:: 0.1.0
    """

    name: str
    number: int
    scope: Scope
    field: FieldDefinition[T]

    def __repr__(self) -> str:
        return f"<Key {self.number} {self.name}>"


class FieldDefinition(Generic[T]):
    """
    A field's options. What `Field` is made of, without being a descriptor.
    """

    numbers: ClassVar[range] = range(1, MAX_FIELD_NUMBER + 1)

    def __init__(
        self,
        number: int,
        type: TypeForm[T],  # noqa: A002 - the field's word for it
        /,
        *,
        scope: Scope,
        label: str | None = None,
        ask: str | None = None,
        max_age: timedelta | None = None,
        purposes: Collection[str] = (),
        consent_for: Collection[str] = (),
        category: str | None = None,
        format: str | None = None,  # noqa: A002 - the field's word for it
        authority: Collection[str] = (),
        verifiers: Collection[str] = (),
        former_verifiers: Collection[str] = (),
        many: bool = False,
        clear: bool = False,
        inferred_only: bool = False,
    ) -> None:
        self.number = number
        self.codec: TypeCodec[T] = TypeCodec(type)
        self.scope = scope
        self.label = label
        self.ask = ask
        self.max_age = max_age
        self.purposes = _terms(purposes)
        self.consent_for = _terms(consent_for)
        self.category = category
        self.format = format
        self.authority = _departments(authority)
        self.verifiers = _departments(verifiers)
        self.former_verifiers = _departments(former_verifiers)
        self.many = many
        self.clear = clear
        self.inferred_only = inferred_only
        self.name = ""
        self._key: Key[Any, T] | None = None

    def __repr__(self) -> str:
        return f"<Field {self.number} {self.name}>"

    @property
    def key(self) -> Key[Any, T]:
        """
        The key that application code reads on the vocabulary class.
        """
        if self._key is None:  # read before its class is made
            msg = f"field {self.number} does not belong to a vocabulary yet"
            raise VocabularyError(msg)
        return self._key

    def may_write(self, department: str) -> bool:
        """
        Whether what *department* says of this field counts.
        """
        scope = self.scope
        return department in scope.writers or department in scope.former_writers

    def may_verify(self, department: str) -> bool:
        """
        Whether ``VERIFIED`` from *department* is read as that.
        """
        return department in self.verifiers or department in self.former_verifiers

    def check(self) -> None:
        """
        Refuse options that contradict each other.

        Raises:
            VocabularyError: It names the field and the contradiction.
        """
        problems = (
            (
                type(self.number) is not int or self.number not in self.numbers,
                f"number {self.number!r} is not in 1 to {MAX_FIELD_NUMBER}",
            ),
            (
                self.max_age is not None and self.max_age <= timedelta(0),
                "max_age is not positive",
            ),
            (
                not self.consent_for <= self.purposes,
                "consent_for names a purpose that purposes does not",
            ),
            (
                self.format is not None and self.format not in FORMATS,
                f"format {self.format!r} is none of {', '.join(sorted(FORMATS))}",
            ),
            (
                self.format is not None and not self.codec.is_text,
                "only text has a format",
            ),
            (
                self.clear
                and not (
                    self.codec.is_closed
                    or (self.format == "bcp47" and self.codec.type_form is str)
                ),
                "only closed enumerations and language tags, never None, may be clear",
            ),
            (
                self.clear and self.many,
                "only one value may be clear, not many",
            ),
            (
                bool(self.inferred_only and self.verifiers),
                "what is only inferred has no verifiers",
            ),
            (
                bool(self.verifiers & self.former_verifiers),
                "a department cannot be both verifier and former verifier",
            ),
        )  # fmt: skip
        for wrong, why in problems:
            if wrong:
                msg = f"field {self.name}: {why}"
                raise VocabularyError(msg)


class Field(FieldDefinition[T]):
    """
    One thing that can be known of a customer's matter.

    Args:
        number: 1 to 65535, never reused; standard fields are negative.
        type: The values' type: str, int, float, bool, bytes, date, datetime,
            Decimal, an enum, a Literal, an attrs class, a list, tuple or
            string-keyed dict of such, Optional and unions of such.
        scope: The scope it belongs to.
        label: What to call it to a person: "your order number".
        ask: How a bot or form asks for it.
        max_age: After this time a value is stale and asked again.
        purposes: For which purposes (W3C DPV terms) it may be read; any, if none.
        consent_for: Those of the purposes that need the customer's consent.
        category: What sort of data it is (W3C DPV-PD), for privacy officers.
        format: A named check that text must pass: see ``docs/formats.md``.
        authority: Departments whose word on this field supersedes any other's.
        verifiers: Departments that may know it as ``VERIFIED``; nobody, if none.
        former_verifiers: As *verifiers*, for what was verified in the past.
        many: Whether several values are kept, each with a qualifier.
        clear: Whether it travels unencrypted, for routers. Only for closed
            enumerations and language tags, at most 32 bytes each.
        inferred_only: Whether it may only ever be ``INFERRED``.

    Raises:
        VocabularyError: When the options contradict each other.

    Example:
        >>> import cxcontext as cx
        >>> class Acme(cx.Vocabulary, revision=1):
        ...     order = cx.Scope(1, readers={"sales", "billing"})
        ...     order_number = cx.Field(1, str, scope=order)
        >>> Acme.order_number
        <Key 1 order_number>

    .. versionadded:: 0.1.0
    """

    def __set_name__(self, owner: type[Vocabulary], name: str) -> None:
        if self._key is None:
            self.name = name
            self._key = Key(name=name, number=self.number, scope=self.scope, field=self)

    def __get__(self, instance: None, owner: type[V]) -> Key[V, T]:
        return self.key


class Vocabulary:
    """
    What the departments of one trust domain agree to call things.

    Subclass it with scopes and fields; never instantiate it. Keys are not in
    it: they rotate without a release.

    Class Args:
        revision: Raised by one with every change that travels.
        retired: Field numbers that once had a meaning and are never given again.

    Raises:
        VocabularyError: When numbers or scopes contradict each other.

    .. versionadded:: 0.1.0
    """

    revision: ClassVar[int] = 0
    retired: ClassVar[frozenset[int]] = frozenset()
    fields: ClassVar[Mapping[str, FieldDefinition[Any]]] = MappingProxyType({})
    scopes: ClassVar[Mapping[str, Scope]] = MappingProxyType({})
    fields_by_number: ClassVar[Mapping[int, FieldDefinition[Any]]] = MappingProxyType(
        {}
    )
    scopes_by_number: ClassVar[Mapping[int, Scope]] = MappingProxyType({})

    def __new__(cls) -> Self:
        """
        Refuse to make one.
        """
        # Not annotated NoReturn: mypy then takes every vocabulary for a function.
        msg = f"{cls.__name__} is not instantiated; read its fields on the class"
        raise VocabularyError(msg)

    def __init_subclass__(
        cls, *, revision: int | None = None, retired: Collection[int] = ()
    ) -> None:
        super().__init_subclass__()
        inherited = max(getattr(base, "revision", 0) for base in cls.__mro__[1:])
        cls.revision = inherited if revision is None else revision
        if type(cls.revision) is not int or cls.revision < 0:
            msg = f"{cls.__name__}: revision {revision!r} is not a natural number"
            raise VocabularyError(msg)
        fields: dict[str, FieldDefinition[Any]] = {}
        scopes: dict[str, Scope] = {}
        for base in reversed(cls.__mro__):
            for name, member in vars(base).items():
                if isinstance(member, Scope):
                    scopes[name] = member
                elif isinstance(member, FieldDefinition):
                    fields[name] = member
        cls.fields = MappingProxyType(fields)
        cls.scopes = MappingProxyType(scopes)
        cls.retired = frozenset(retired).union(
            *(getattr(base, "retired", ()) for base in cls.__mro__[1:])
        )
        cls.scopes_by_number = MappingProxyType(_by_number(cls, scopes))
        cls.fields_by_number = MappingProxyType(_by_number(cls, fields))
        for name, field in fields.items():
            if field.number in cls.retired:
                msg = f"field {name}: number {field.number} is retired; take a new one"
                raise VocabularyError(msg)
            if field.scope not in scopes.values():
                msg = f"field {name}: its scope is not one of {cls.__name__}'s scopes"
                raise VocabularyError(msg)
            field.check()


N = TypeVar("N", FieldDefinition[Any], Scope)


def _by_number(cls: type[Vocabulary], members: Mapping[str, N]) -> dict[int, N]:
    numbered: dict[int, N] = {}
    for name, member in members.items():
        other = numbered.setdefault(member.number, member)
        if other is not member:
            msg = (
                f"{cls.__name__}: {other.name} and {name} share number "
                f"{member.number}; give the newer one a new number"
            )
            raise VocabularyError(msg)
    return numbered


class NoVocabulary(Vocabulary):
    """
    Nobody's. It only makes a union of `KeyOf`.
    """


KeyOf: TypeAlias = Key[V, T] | Key[NoVocabulary, T]
"""
A key of the vocabulary, or of one that it extends: what verbs take.

Were it not a union, mypy would infer from what a verb expects whose field
``Acme.order_number`` is, and not from ``Acme``: an inherited field would be refused,
and a derived vocabulary's taken.
"""
