"""
Vocabularies: keys that are read on a class, and every contradiction refused.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import timedelta
from enum import Enum
from typing import Any, Literal

import pytest
from acme import Acme, Tier

import cxcontext as cx
from cxcontext.core.vocabulary import FieldDefinition
from cxcontext.errors import VocabularyError

ALL = frozenset({"sales", "billing"})


def vocabulary(
    *fields: FieldDefinition[Any], scope: cx.Scope, **arguments: Any
) -> type[cx.Vocabulary]:
    """
    Return a vocabulary of one scope and these fields.
    """
    members = {"scope": scope} | {f"field_{i}": f for i, f in enumerate(fields)}
    return type("Made", (cx.Vocabulary,), members, **arguments)


def refused(message: str, type_: Any = str, number: Any = 1, **options: Any) -> None:
    """
    Return if a field with these options is refused with *message* in the words.
    """
    scope = options.pop("scope", None) or cx.Scope(1, readers=ALL)
    with pytest.raises(VocabularyError) as caught:
        vocabulary(cx.Field(number, type_, scope=scope, **options), scope=scope)

    assert message in str(caught.value)


# --- reading -----------------------------------------------------------------


def test_a_field_read_on_the_class_is_a_key():
    """
    A key has the field's name, number and scope, and shows no more than that.
    """
    key = Acme.order_number

    assert isinstance(key, cx.Key)
    assert ("order_number", 10, Acme.order) == (key.name, key.number, key.scope)
    assert "<Key 10 order_number>" == repr(key)


def test_a_key_is_always_the_same():
    """
    Reading a field twice gives one key, so that keys compare and hash as they are.
    """
    assert Acme.order_number is Acme.order_number
    assert {Acme.order_number} == {Acme.order_number, Acme.fields["order_number"].key}


def test_fields_are_found_by_name_and_by_number():
    """
    Tools find a field by its name or number; both are the same field.
    """
    field = Acme.fields["order_number"]

    assert field is Acme.fields_by_number[10]
    assert field is Acme.order_number.field
    assert "<Field 10 order_number>" == repr(field)


def test_scopes_are_found_by_name_and_by_number():
    """
    A scope knows its name and number, and shows both.
    """
    assert Acme.scopes["payment"] is Acme.payment
    assert Acme.scopes_by_number[3] is Acme.payment
    assert "payment" == Acme.payment.name
    assert "<Scope 3 payment>" == repr(Acme.payment)


def test_a_field_keeps_the_first_name_it_gets():
    """
    A field under two names is one field, by the name that was first.
    """
    scope = cx.Scope(1, readers=ALL)
    field = cx.Field(1, str, scope=scope)
    made = type("Made", (cx.Vocabulary,), {"s": scope, "one": field, "two": field})

    assert "one" == made.fields["two"].name
    assert field is made.fields_by_number[1]


def test_the_tables_are_read_only():
    """
    Nobody changes a vocabulary after it was made.
    """
    fields: Any = Acme.fields
    with pytest.raises(TypeError):
        fields["other"] = Acme.fields["order_number"]


def test_writers_are_the_readers_unless_given():
    """
    A scope's writers default to its readers.
    """
    assert Acme.order.readers == Acme.order.writers
    assert {"sales", "billing"} == Acme.payment.writers
    assert {"billing"} == Acme.payment.readers


def test_a_former_writer_counts_and_so_does_a_former_verifier():
    """
    What former writers and verifiers said is still read.
    """
    scope = cx.Scope(1, readers={"billing"}, former_writers={"sales"})
    field = cx.Field(
        1, str, scope=scope, verifiers={"billing"}, former_verifiers={"sales"}
    )

    assert field.may_write("sales")
    assert field.may_write("billing")
    assert not field.may_write("ivr")
    assert field.may_verify("sales")
    assert field.may_verify("billing")
    assert not field.may_verify("ivr")


def test_a_vocabulary_is_not_instantiated():
    """
    Calling the class is refused with what to do instead.
    """
    with pytest.raises(VocabularyError, match="Acme is not instantiated; read"):
        Acme()


def test_a_field_without_a_vocabulary_has_no_key():
    """
    A field that no class has taken up yet says so.
    """
    field = cx.Field(7, str, scope=cx.Scope(1, readers=ALL))

    with pytest.raises(VocabularyError, match="field 7 does not belong to a vocab"):
        field.key  # noqa: B018


# --- revision and retired numbers ----------------------------------------------


def test_the_revision_is_given_or_inherited():
    """
    A vocabulary has the revision given, or else that of the one it extends.
    """
    assert 4 == Acme.revision
    assert 4 == type("Same", (Acme,), {}).revision
    assert 5 == type("Next", (Acme,), {}, revision=5).revision
    assert 0 == cx.Vocabulary.revision


@pytest.mark.parametrize("revision", [-1, True, "4", 1.0])
def test_a_revision_is_a_natural_number(revision):
    """
    Any other revision is refused.
    """
    with pytest.raises(VocabularyError, match="is not a natural number"):
        type("Wrong", (cx.Vocabulary,), {}, revision=revision)


def test_a_retired_number_is_never_given_again():
    """
    A field with a retired number is refused, also where a base retired it.
    """
    scope = cx.Scope(70, readers=ALL)
    members = {"other": scope, "again": cx.Field(99, str, scope=scope)}

    with pytest.raises(VocabularyError, match="number 99 is retired; take a new one"):
        type("Again", (Acme,), members)


# --- inheritance -----------------------------------------------------------------


def test_a_derived_vocabulary_has_its_bases_fields():
    """
    A vocabulary that extends another shares its fields, and their very keys.
    """

    class More(Acme, revision=5):
        """
        Acme and one field.
        """

        extra = cx.Scope(60, readers={"sales"})
        birthday_gift = cx.Field(60, str, scope=extra)
        in_old_scope = cx.Field(61, str, scope=Acme.order)

    assert More.order_number is Acme.order_number
    assert {"birthday_gift", "in_old_scope"} == More.fields.keys() - Acme.fields.keys()
    assert {"extra"} == More.scopes.keys() - Acme.scopes.keys()


def test_scopes_and_fields_may_come_from_a_plain_class():
    """
    A mixin that is no vocabulary itself brings its scopes and fields.
    """

    class Shared:
        """
        What several vocabularies have.
        """

        scope = cx.Scope(1, readers=ALL)
        name = cx.Field(1, str, scope=scope)

    class Made(Shared, cx.Vocabulary, revision=1):
        """
        One of them.
        """

    assert {"name"} == set(Made.fields)
    assert "scope" == Made.scopes_by_number[1].name


def test_a_derived_vocabulary_cannot_reuse_a_number():
    """
    Two fields of one number are refused, with both names.
    """
    members = {"order_id": cx.Field(10, str, scope=Acme.order)}

    with pytest.raises(
        VocabularyError, match="order_number and order_id share number 10; give"
    ):
        type("Reused", (Acme,), members)


def test_two_scopes_cannot_share_a_number():
    """
    Two scopes of one number are refused, with both names.
    """
    members = {"a": cx.Scope(1, readers=ALL), "b": cx.Scope(1, readers=ALL)}

    with pytest.raises(VocabularyError, match="a and b share number 1"):
        type("Reused", (cx.Vocabulary,), members)


def test_a_field_stands_in_one_of_its_vocabularys_scopes():
    """
    A field whose scope is another vocabulary's is refused.
    """
    foreign = cx.Scope(1, readers=ALL)
    members = {"field": cx.Field(1, str, scope=foreign)}

    with pytest.raises(VocabularyError, match="its scope is not one of Made's scopes"):
        type("Made", (cx.Vocabulary,), members)


# --- scopes ------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, -1, 65536, True, "1", 1.0])
def test_a_scopes_number_has_16_bits(number):
    """
    A scope's number is 1 to 65535.
    """
    with pytest.raises(VocabularyError, match="is not in 1 to 65535"):
        cx.Scope(number, readers=ALL)


def test_a_scope_has_readers():
    """
    What nobody may read is not stored.
    """
    with pytest.raises(VocabularyError, match="scope 1 has no readers"):
        cx.Scope(1, readers=())


def test_departments_are_given_as_a_set_not_as_one_string():
    """
    A string is not taken for the departments that its letters are.
    """
    with pytest.raises(VocabularyError, match="given as a set of names"):
        cx.Scope(1, readers="sales")


@pytest.mark.parametrize("name", ["", "Sales", "sales dept", "s" * 33, 5, "-sales"])
def test_a_departments_name_is_short_and_plain(name):
    """
    A name that no key set could have is refused.
    """
    with pytest.raises(VocabularyError, match="is not a department name"):
        cx.Scope(1, readers={name})


def test_nobody_is_both_writer_and_former_writer():
    """
    A department still writes a scope or does not.
    """
    with pytest.raises(VocabularyError, match=r"\['sales'\] cannot be both"):
        cx.Scope(1, readers=ALL, former_writers={"sales"})


def test_a_scope_keeps_the_first_name_it_gets():
    """
    A scope that two vocabularies share has one name.
    """
    scope = cx.Scope(1, readers=ALL)
    type("First", (cx.Vocabulary,), {"first": scope})
    type("Second", (cx.Vocabulary,), {"second": scope})

    assert "first" == scope.name


# --- fields ------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, -1, 65536, True, "1", 1.0])
def test_a_fields_number_has_16_bits(number):
    """
    A field's number is 1 to 65535; negative ones are the standard fields'.
    """
    refused("is not in 1 to 65535", number=number)


def test_a_maximum_age_is_positive():
    """
    A field whose values would be stale at once is refused.
    """
    refused("max_age is not positive", max_age=timedelta(0))


def test_consent_is_for_a_purpose_of_the_field():
    """
    A field cannot need consent for a purpose that it does not have.
    """
    refused(
        "consent_for names a purpose that purposes does not",
        purposes={"dpv:ServiceProvision"},
        consent_for={"dpv:Marketing"},
    )


def test_a_format_is_one_that_there_is():
    """
    An unknown format is refused with the list of those that there are.
    """
    refused("format 'isbn' is none of bcp47, bic", format="isbn")


def test_only_text_has_a_format():
    """
    A format on a number is refused; on optional text it is not.
    """
    refused("only text has a format", int, format="imei")
    scope = cx.Scope(1, readers=ALL)
    field = cx.Field(1, str | None, scope=scope, format="imei")
    vocabulary(field, scope=scope)

    assert "imei" == field.format


class Long(Enum):
    """
    A closed list whose members are too long for routers.
    """

    LONG = "a member that has more than 32 bytes"


@pytest.mark.parametrize(
    ("type_", "options"),
    [
        (str, {}),
        (int, {}),
        (str, {"format": "email"}),
        (Long, {}),
        (str | int, {}),
        (Tier | None, {}),
        (str | None, {"format": "bcp47"}),
    ],
    ids=str,
)
def test_free_text_is_never_clear(type_, options):
    """
    What routers may read is a short closed list or a language tag, and never None.
    """
    refused("only closed enumerations and language tags", type_, clear=True, **options)


def test_what_is_clear_is_one_value():
    """
    A qualifier could say anything, so a clear field has none.
    """
    refused("only one value may be clear", Tier, clear=True, many=True)


@pytest.mark.parametrize(
    ("type_", "options"),
    [(Tier, {}), (Literal["a", 1], {}), (str, {"format": "bcp47"})],
    ids=str,
)
def test_closed_lists_and_language_tags_may_be_clear(type_, options):
    """
    An enum, a Literal and a language tag may travel in the clear.
    """
    scope = cx.Scope(1, readers=ALL)
    field = cx.Field(1, type_, scope=scope, clear=True, **options)
    vocabulary(field, scope=scope)

    assert field.clear


def test_what_is_only_inferred_is_not_verified():
    """
    A field cannot be only inferred and have verifiers.
    """
    refused("only inferred has no verifiers", inferred_only=True, verifiers={"sales"})


def test_nobody_is_both_verifier_and_former_verifier():
    """
    A department still verifies a field or does not.
    """
    refused(
        "cannot be both verifier and former verifier",
        verifiers={"sales"},
        former_verifiers={"sales"},
    )


@pytest.mark.parametrize("option", ["authority", "verifiers", "former_verifiers"])
def test_a_fields_departments_are_names_too(option):
    """
    Authority and verifiers are sets of department names.
    """
    scope = cx.Scope(1, readers=ALL)
    with pytest.raises(VocabularyError, match="given as a set of names"):
        cx.Field(1, str, scope=scope, **{option: "sales"})


def test_options_are_as_given():
    """
    A field keeps its options; sets of them are frozen.
    """
    scope = cx.Scope(1, readers=ALL)
    field = cx.Field(
        1,
        str,
        scope=scope,
        label="your order",
        ask="Which order?",
        category="pd:Purchase",
        purposes=["dpv:Marketing"],
        authority=["billing"],
        many=True,
    )

    assert ("your order", "Which order?") == (field.label, field.ask)
    assert ("pd:Purchase", True) == (field.category, field.many)
    assert {"dpv:Marketing"} == field.purposes
    assert {"billing"} == field.authority
    assert isinstance(field.purposes, AbstractSet)


def test_purposes_are_no_string():
    """
    A string would be taken apart into letters, so it is refused with advice.
    """
    scope = cx.Scope(1, readers={"sales"})

    with pytest.raises(VocabularyError, match="as a set of terms"):
        cx.Field(1, str, scope=scope, purposes="dpv:Marketing")
