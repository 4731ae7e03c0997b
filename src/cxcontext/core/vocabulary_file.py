"""
A vocabulary as a file: what repositories and languages share and compare.

JSON, sorted, so that equal vocabularies are equal files:

- ``cxcontext_vocabulary``: 1, the version of this form; ``name``, ``revision``, and
  ``retired``, the field numbers that are never given again;
- ``scopes``: by name, ``number``, ``readers``, ``writers``, ``former_writers``,
  ``on_possession``;
- ``fields``: by name, ``number``, ``scope`` by its name, ``type``, and the options of
  `Field` that are not left at their defaults, ``max_age`` as ``max_age_seconds``;
- ``records`` and ``enumerations``: what types name; see `described_types`.

A standard field has a negative number and, instead of a type, ``standard``: its
name. It comes back as the same standard field. Members that are empty or
false are left out, but a scope's readers and writers.
"""

from __future__ import annotations

import json
import types
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from inspect import Parameter, signature
from typing import Any, Final, TypeVar

from cxcontext.core import standard
from cxcontext.core.described_types import DescribedTypes
from cxcontext.core.generated_types import GeneratedTypes
from cxcontext.core.vocabulary import (
    MAX_FIELD_NUMBER,
    Field,
    FieldDefinition,
    Scope,
    Vocabulary,
)
from cxcontext.core.vocabulary_entry import Entry, is_name, parse_document
from cxcontext.errors import VocabularyError

T = TypeVar("T")

VERSION: Final = 1

_TEXTS: Final = ("label", "ask", "category", "format")
_FLAGS: Final = ("many", "clear", "inferred_only")
_NAMES: Final = (
    *("purposes", "consent_for"),
    *("authority", "verifiers", "former_verifiers"),
)
_OPTIONS: Final = (*_TEXTS, *_FLAGS, *_NAMES, "max_age")
_RESERVED: Final = frozenset(dir(Vocabulary))

_STANDARD: Final[Mapping[int, Callable[..., Field[Any]]]] = {
    standard.PREFERRED_LANGUAGE: standard.preferred_language,
    standard.CONTACT_PREFERENCE: standard.contact_preference,
    standard.REASON_FOR_CONTACT: standard.reason_for_contact,
    standard.ENTITLEMENT: standard.entitlement,
    standard.ACCESSIBILITY: standard.accessibility,
    standard.IDENTITY_VERIFICATION: standard.identity_verification,
    standard.PROMISE: standard.promise,
    standard.CONSENT: standard.consent,
    standard.TOLD: standard.told,
    standard.SENTIMENT: standard.sentiment,
}


def vocabulary_to_json(vocabulary: type[Vocabulary]) -> str:
    """
    Return the file of *vocabulary*, which `vocabulary_from_json` reads.

    The same for the same vocabulary, indented, ending in a line feed. It holds
    no keys and nothing secret.

    Raises:
        VocabularyError: When something cannot be written down for others: a
            default that is computed, two types of one name, a standard field
            that was not made by its function. The message names it.

    .. versionadded:: 0.1.0
    """
    if not all(_is_field_number(number) for number in vocabulary.retired):
        raise VocabularyError(f"{vocabulary.__name__}: retired has no field numbers")
    described = DescribedTypes()
    scopes = _once(vocabulary.scopes)
    fields = _once(vocabulary.fields)
    document = {
        "cxcontext_vocabulary": VERSION,
        "name": vocabulary.__name__,
        "revision": vocabulary.revision,
        "retired": sorted(vocabulary.retired),
        "scopes": {name: _scope(scope) for name, scope in scopes.items()},
        "fields": {
            name: _field(name, field, scopes, described)
            for name, field in fields.items()
        },
        "records": described.records,
        "enumerations": described.enumerations,
    }
    for name in ("retired", "fields", "records", "enumerations"):
        if not document[name]:
            del document[name]
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    # What nobody could read is better refused here than at the far end.
    vocabulary_from_json(text)
    return text


def vocabulary_from_json(text: str | bytes) -> type[Vocabulary]:
    """
    Return the vocabulary that the file *text* holds.

    Its classes for records and enumerations are made here, so code that has the
    original classes keeps using the original vocabulary; what either says, the
    other recalls. Use it for tools, and where only the file is at hand.

    Args:
        text: JSON; if bytes, in UTF-8.

    Raises:
        VocabularyError: When *text* is over 1 MiB, not strict JSON, not a
            vocabulary of this version, or contradicts itself.

    .. versionadded:: 0.1.0
    """
    document = parse_document(text)
    if document.integer("cxcontext_vocabulary") != VERSION:
        document.refuse("another version of the form; upgrade cxcontext")
    document.only(
        *("cxcontext_vocabulary", "name", "revision", "retired"),
        *("scopes", "fields", "records", "enumerations"),
    )
    name, revision = document.text("name"), document.integer("revision")
    if not is_name(name):
        document.refuse("name is not that of a class")
    retired = document.items("retired")
    if not all(_is_field_number(number) for number in retired):
        document.refuse("retired is not a list of field numbers")
    made = GeneratedTypes(document)
    scopes: dict[str, Scope] = {}
    for called, entry in document.entries("scopes"):
        scopes[called] = _read_scope(called, entry)
    fields: dict[str, Field[Any]] = {}
    for called, entry in document.entries("fields"):
        if called in scopes:
            entry.refuse("a scope has the same name")
        fields[called] = _read_field(called, entry, scopes, made)
    ordered = sorted(fields.items(), key=lambda item: item[1].number)
    members: dict[str, Any] = {**scopes, **dict(ordered), "__module__": __name__}
    return types.new_class(
        name,
        (Vocabulary,),
        {"revision": revision, "retired": retired},
        lambda namespace: namespace.update(members),
    )


# --- to JSON -----------------------------------------------------------------


def _scope(scope: Scope) -> dict[str, Any]:
    described: dict[str, Any] = {
        "number": scope.number,
        "readers": sorted(scope.readers),
        "writers": sorted(scope.writers),
    }
    if scope.former_writers:
        described["former_writers"] = sorted(scope.former_writers)
    if scope.on_possession:
        described["on_possession"] = True
    return described


def _field(
    name: str,
    field: FieldDefinition[Any],
    scopes: Mapping[str, Scope],
    types_: DescribedTypes,
) -> dict[str, Any]:
    (scope,) = (called for called, scope in scopes.items() if scope is field.scope)
    described: dict[str, Any] = {"number": field.number, "scope": scope}
    if field.number > 0:
        described["type"] = types_.describe(field.codec.type_form)
        return described | _options(name, field, _OPTIONS)
    function = _STANDARD.get(field.number)
    if function is None:
        raise VocabularyError(f"field {name}: no standard field is {field.number}")
    chosen = [option for option in _parameters(function) if option != "scope"]
    options = {option: getattr(field, option) for option in chosen}
    same = function(scope=field.scope, **options)
    if any(getattr(field, option) != getattr(same, option) for option in _OPTIONS) or (
        field.codec.type_form is not same.codec.type_form
    ):
        msg = (
            f"field {name} is not as standard.{function.__name__}() makes it; use that"
        )
        raise VocabularyError(msg)
    described["standard"] = function.__name__
    return described | _options(name, field, chosen)


def _options(
    name: str, field: FieldDefinition[Any], options: Iterable[str]
) -> dict[str, Any]:
    described: dict[str, Any] = {}
    for option in options:
        value = getattr(field, option)
        if option == "max_age" and value is not None:
            seconds, rest = divmod(value, timedelta(seconds=1))
            if rest:
                raise VocabularyError(f"field {name}: max_age is not in whole seconds")
            described["max_age_seconds"] = seconds
        elif option in _TEXTS and not isinstance(value, str | None):
            raise VocabularyError(f"field {name}: {option} is not text")
        elif value:
            described[option] = sorted(value, key=str) if option in _NAMES else value
    return described


def _once(members: Mapping[str, T]) -> dict[str, T]:
    """
    Return *members* without second names for one and the same.
    """
    names = {id(member): name for name, member in reversed([*members.items()])}
    return {name: members[name] for name in sorted(names.values())}


def _parameters(function: Callable[..., Any]) -> Mapping[str, Parameter]:
    return signature(function).parameters


# --- from JSON ---------------------------------------------------------------


def _read_scope(name: str, entry: Entry) -> Scope:
    entry.only("number", "readers", "writers", "former_writers", "on_possession")
    if name in _RESERVED:
        entry.refuse("a vocabulary has something else of this name")
    return Scope(
        entry.integer("number"),
        readers=entry.texts("readers"),
        writers=entry.texts("writers"),
        former_writers=entry.texts("former_writers"),
        on_possession=entry.flag("on_possession"),
    )


def _read_field(
    name: str, entry: Entry, scopes: Mapping[str, Scope], made: GeneratedTypes
) -> Field[Any]:
    if name in _RESERVED:
        entry.refuse("a vocabulary has something else of this name")
    scope = scopes.get(entry.text("scope"))
    if scope is None:
        entry.refuse("its scope is not one of the file's scopes")
    number = entry.integer("number")
    if number > 0:
        entry.only("number", "scope", "type", *map(_member, _OPTIONS))
        form = made.type_of(entry, "type")
        return Field(number, form, scope=scope, **_read_options(entry, _OPTIONS))
    function = _STANDARD.get(number)
    if function is None or entry.text("standard") != function.__name__:
        entry.refuse(f"no standard field of that name is number {number}")
    parameters = _parameters(function)
    chosen = [option for option in parameters if option != "scope"]
    entry.only("number", "scope", "standard", *map(_member, chosen))
    options = _read_options(entry, chosen)
    for option in chosen:
        if parameters[option].default is Parameter.empty and option not in options:
            entry.refuse(f"{_member(option)} is missing")
    return function(scope=scope, **options)


def _read_options(entry: Entry, options: Iterable[str]) -> dict[str, Any]:
    read: dict[str, Any] = {}
    for option in options:
        member = _member(option)
        if member not in entry:
            continue
        if option in _NAMES:
            read[option] = entry.texts(member)
        elif option in _FLAGS:
            read[option] = entry.flag(member)
        elif option in _TEXTS:
            read[option] = entry.text(member)
        else:
            seconds = entry.integer(member)
            if not 0 < seconds <= _MAX_AGE_SECONDS:
                entry.refuse(f"{member} is not a number of seconds")
            read[option] = timedelta(seconds=seconds)
    return read


def _member(option: str) -> str:
    return "max_age_seconds" if option == "max_age" else option


def _is_field_number(number: object) -> bool:
    return type(number) is int and 1 <= abs(number) <= MAX_FIELD_NUMBER


_MAX_AGE_SECONDS: Final = timedelta.max // timedelta(seconds=1)
