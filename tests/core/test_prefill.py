"""
Forms: what is known is filled, what is left is asked, and nobody sees the rest.
"""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from datetime import date, datetime
from typing import Annotated, Any, Literal, Optional

import attrs
import pydantic
import pytest
from acme import Acme, Address, Tier

import cxcontext as cx
from cxcontext.core.events import Avoided, GapFound
from cxcontext.errors import (
    ForeignFieldError,
    FormDefinitionError,
    NotPicklableError,
    UsageError,
)

SENTINEL = "A-118-Zebedee"


@cx.form
@attrs.frozen
class Return:
    """
    A form of attrs.
    """

    order_number: Annotated[str, Acme.order_number]
    address: Annotated[Address | None, Acme.deliver_to] = None
    product: Annotated[str | None, Acme.product] = None
    comment: str = ""


@cx.form
@dataclasses.dataclass
class ReturnData:
    """
    A form of the standard library.
    """

    order_number: Annotated[str, Acme.order_number]
    address: Annotated[Address | None, Acme.deliver_to] = None
    product: Annotated[str | None, Acme.product] = None
    comment: str = ""


@cx.form
class ReturnModel(pydantic.BaseModel):
    """
    A form of Pydantic.
    """

    model_config = pydantic.ConfigDict(arbitrary_types_allowed=True)

    order_number: Annotated[str, Acme.order_number]
    address: Annotated[Address | None, Acme.deliver_to] = None
    product: Annotated[str | None, Acme.product] = pydantic.Field(
        default=None, max_length=64
    )
    comment: str = ""


@cx.form
@attrs.frozen
class Contact:
    """
    A form of what is sealed, stale, refused or checked.
    """

    name: Annotated[str, Acme.full_name]
    email: Annotated[str, Acme.email]
    phone: Annotated[str, Acme.phone]
    number: Annotated[str, Acme.order_number]
    last4: Annotated[str, Acme.card_last4]


forms = pytest.mark.parametrize("form", [Return, ReturnData, ReturnModel])


@pytest.fixture
def journey(sales):
    """
    A journey on which nothing is known.
    """
    return sales.begin(channel="web")


def handed(world, journey, department):
    """
    Return the journey as it arrives at another department.
    """
    return world[department].receive(journey.hand_over(department))


def blanks(found):
    """
    Return name, reason and remedy of each blank.
    """
    return [(b.name, b.gap.reason.name, b.gap.remedy.name) for b in found]


class TestPrefill:
    """
    One form, and what the journey makes of it.
    """

    @forms
    def test_what_is_known_is_filled_and_the_rest_is_asked(self, form, journey):
        """
        The known value is there under the form's name, the others with their gaps.
        """
        journey.learn(Acme.order_number, SENTINEL)
        found = journey.prefill(form)

        assert {"order_number": SENTINEL} == dict(found.values)
        assert [
            ("address", "NEVER_STATED", "ASK"),
            ("product", "NEVER_STATED", "ASK"),
        ] == blanks(found.to_ask)
        assert ((), False) == (found.not_asked, bool(found))

    @forms
    def test_answers_complete_it(self, form, journey):
        """
        What is known and what was answered make the form, typed as itself.
        """
        home = Address("1 Example Street", "Exampleton")
        journey.learn(Acme.order_number, SENTINEL)
        built = journey.prefill(form).build(address=home, comment="broken")

        assert (form, SENTINEL, home, None, "broken") == (
            type(built),
            built.order_number,
            built.address,
            built.product,
            built.comment,
        )

    @forms
    def test_when_all_is_known_nothing_is_asked(self, form, journey):
        """
        It is true then, and can be made without a question; None is a value, too.
        """
        journey.learn(Acme.order_number, SENTINEL)
        journey.learn(Acme.deliver_to, None)
        journey.learn(Acme.product, "kettle", qualifier="1")
        found = journey.prefill(form, qualifier="1")

        assert (True, (), ()) == (bool(found), found.to_ask, found.not_asked)
        assert ("kettle", None) == (found.build().product, found.build().address)

    def test_of_many_values_the_named_one_is_filled(self, journey):
        """
        A field of many is filled for one product, trip or slot at a time.
        """
        journey.learn(Acme.product, "kettle", qualifier="1")
        journey.learn(Acme.product, "toaster", qualifier="2")
        found = [
            journey.prefill(Return, qualifier=which).values.get("product")
            for which in ("1", "2", "3", None)
        ]

        assert ["kettle", "toaster", None, None] == found

    def test_an_answer_counts_more_than_what_was_known(self, journey):
        """
        Who is asked all the same may say something else.
        """
        journey.learn(Acme.order_number, SENTINEL)

        found = journey.prefill(Return).build(order_number="A-119")

        assert "A-119" == found.order_number

    def test_a_question_is_worded_by_the_vocabulary(self, journey):
        """
        Each blank says how to ask.
        """
        asked = {b.name: b.question for b in journey.prefill(Contact).to_ask}

        assert ("What is your name?", "What is email?") == (
            asked["name"],
            asked["email"],
        )


class TestWhatMayNotBeFilled:
    """
    What is known and yet not to be taken as it is.
    """

    def test_a_conflict_is_shown_to_be_confirmed(self, journey, world):
        """
        Of two values neither is filled in; both are there to be shown.
        """
        journey.begun()
        there = handed(world, journey, "support")
        there.learn(Acme.full_name, "Ada")
        journey.learn(Acme.full_name, "Eda")
        journey.merge(there.hand_over("sales"))
        found = journey.prefill(Contact)
        (blank,) = [b for b in found.to_ask if b.name == "name"]

        assert "name" not in found.values
        assert ("CONFLICT", "CONFIRM") == (
            blank.gap.reason.name,
            blank.gap.remedy.name,
        )
        assert {"Ada", "Eda"} == {fact.value for fact in blank.facts}

    def test_what_is_stale_is_shown_to_be_confirmed(self, journey, clock):
        """
        An old value is not filled in either, by the field's age or the caller's.
        """
        journey.learn(Acme.order_number, SENTINEL)
        journey.learn(Acme.full_name, "Ada")
        clock.advance(days=31)
        found = journey.prefill(Contact, max_age=clock.now - clock.now.replace(day=1))
        shown = {b.name: [f.value for f in b.facts] for b in found.to_ask if b.facts}

        assert {"name": ["Ada"], "number": [SENTINEL]} == shown
        assert {} == dict(found.values)

    def test_what_was_refused_is_not_asked_again(self, journey):
        """
        Nor is what the customer does not know.
        """
        journey.refused(Acme.email)
        journey.does_not_know(Acme.order_number)
        found = journey.prefill(Contact)

        assert [
            ("email", "REFUSED", "DO_NOT_ASK"),
            ("number", "CUSTOMER_DOES_NOT_KNOW", "DO_NOT_ASK"),
        ] == blanks(found.not_asked)
        assert {"email", "number"}.isdisjoint(b.name for b in found.to_ask)

    def test_what_must_be_checked_is_not_asked(self, journey):
        """
        The customer's word does not make a number verified.
        """
        journey.learn(Acme.phone, "+15555550100")
        found = journey.prefill(Contact, at_least=cx.Known.VERIFIED)
        (blank,) = [b for b in found.not_asked if b.name == "phone"]

        assert (("STEP_UP", ()), ("ivr", "support")) == (
            (blank.gap.remedy.name, blank.facts),
            blank.gap.departments,
        )

    def test_what_is_sealed_to_others_is_not_filled(self, journey, world):
        """
        A form is filled with what its own department may read, and says who can.
        """
        journey.learn(Acme.card_last4, "4242")
        found = handed(world, journey, "support").prefill(Contact)
        (blank,) = [b for b in found.not_asked if b.name == "last4"]

        assert ("NOT_YOURS", ("billing",)) == (
            blank.gap.reason.name,
            blank.gap.departments,
        )

    def test_for_a_mere_hint_nothing_is_filled_or_shown(self, journey, world):
        """
        Whoever has a matching number does not see the customer's form.
        """
        journey.learn(Acme.full_name, "Ada")
        journey.learn(Acme.order_number, SENTINEL)
        raw = journey.save(shared=True)
        hint = world["support"].resume(raw, arrival=cx.Arrival.HINT)
        found = hint.prefill(Contact)

        assert {} == dict(found.values)
        assert [()] * 5 == [b.facts for b in (*found.to_ask, *found.not_asked)]

    def test_what_was_retracted_is_not_shown(self, journey, world):
        """
        A value that no longer holds is asked, and its retraction not put in its place.
        """
        journey.begun()
        there = handed(world, journey, "support")
        there.learn(Acme.full_name, "Ada")
        journey.retract(Acme.full_name)
        journey.merge(there.hand_over("sales"))
        (blank,) = [b for b in journey.prefill(Contact).to_ask if b.name == "name"]

        assert ["Ada"] == [fact.value for fact in blank.facts]


class TestEvents:
    """
    Repeated and avoided questions are counted for forms, too.
    """

    def test_what_is_filled_is_a_question_avoided(self, journey, world):
        """
        Each field raises what `needs` raises of it: once avoided, or its gap.
        """
        raw = journey.save()
        journey.learn(Acme.order_number, SENTINEL)
        again = world["sales"].resume(journey.save())
        world.events.clear()
        again.prefill(Return)

        assert raw
        assert ["order_number"] == [event.field for event in world.told(Avoided)]
        assert ["deliver_to", "product"] == [e.field for e in world.told(GapFound)]


class TestHiding:
    """
    A filled form shows no value by accident.
    """

    def test_no_repr_shows_a_value(self, journey, clock):
        """
        Neither of the whole, nor of a blank whose old value is shown for confirmation.
        """
        journey.learn(Acme.order_number, SENTINEL)
        known = journey.prefill(Return)
        clock.advance(days=31)
        old = journey.prefill(Return)
        shown = f"{known!r} {known} {old!r} {old.to_ask!r} {old.to_ask[0]}"

        assert SENTINEL not in shown
        assert "<Prefilled Return, 1 filled, to ask: address, product>" in shown

    def test_it_is_not_pickled(self, journey):
        """
        A session that pickles what it keeps does not get it.
        """
        with pytest.raises(NotPicklableError, match="prefill"):
            pickle.dumps(journey.prefill(Return))

    def test_a_class_that_refuses_leaves_no_value_in_frames(self, journey):
        """
        What is built of an answer that is wrong fails without showing what was known.
        """
        journey.learn(Acme.order_number, SENTINEL)
        found = journey.prefill(Return)
        with pytest.raises(TypeError) as ei:
            found.build(nothing="of the kind")
        frames, at = [], ei.value.__traceback__.tb_next
        while at is not None:
            frames.append(at.tb_frame.f_locals)
            at = at.tb_next

        assert SENTINEL not in repr(frames)

    def test_the_library_imports_no_library_of_forms(self):
        """
        Pydantic and Django are imported by those who have them.
        """
        program = (
            "import sys, cxcontext; print({'pydantic', 'django'} & sys.modules.keys())"
        )
        printed = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True
        ).stdout

        assert "set()" == printed.strip()


class TestDefinition:
    """
    What does not fit is refused when the class is made.
    """

    @pytest.mark.parametrize(
        ("key", "hint"),
        [
            (Acme.order_number, int),
            (Acme.order_number, None),
            (Acme.order_number, Tier),
            (Acme.attempts, bool),
            (Acme.gift, int),
            (Acme.score, int),
            (Acme.born, datetime),
            (Acme.callback_at, date),
            (Acme.tier, str),
            (Acme.deliver_to, Address),
            (Acme.notice, tuple[str, ...]),
            (Acme.notice, list[int]),
            (Acme.parcel, Literal["packed", "sent"]),
            (Acme.parcel, int),
            (Acme.payer, str),
        ],
    )
    def test_another_type_is_refused(self, key, hint):
        """
        What the vocabulary holds might not fit into the form's field.
        """
        made = attrs.make_class("Made", {"value": attrs.field()})
        made.__annotations__ = {"value": Annotated[hint, key]}
        with pytest.raises(FormDefinitionError, match=f"form Made: value .*{key.name}"):
            cx.form(made)

    @pytest.mark.parametrize(
        ("key", "hint"),
        [
            (Acme.order_number, str),
            (Acme.order_number, str | None),
            (Acme.order_number, Optional[str]),  # noqa: UP045 - as many still write
            (Acme.order_number, int | str),
            (Acme.order_number, Annotated[str, "documented"]),
            (Acme.order_number, Annotated[str, "documented"] | None),
            (Acme.deliver_to, Address | None),
            (Acme.tier, Tier),
            (Acme.notice, list[str]),
            (Acme.parcel, str),
            (Acme.parcel, Literal["lost", "packed", "sent", "stolen"]),
            (Acme.product, str),
        ],
    )
    def test_a_type_that_holds_all_of_it_is_taken(self, key, hint):
        """
        The same type, or a wider one, as type checkers have it.
        """
        made = attrs.make_class("Made", {"value": attrs.field()})
        made.__annotations__ = {"value": Annotated[hint, key]}

        assert made is cx.form(made)

    @pytest.mark.parametrize(
        ("hints", "why"),
        [
            ({"value": str}, "none of its fields"),
            ({"other": Annotated[str, Acme.email]}, "no argument"),
            ({"value": Annotated[str, Acme.email] | None}, "whole type"),
            ({"value": "Annotated[Unknown, 1]"}, "Unknown is not known"),
            ({"value": Annotated[str, Acme.email, Acme.phone]}, "value is two"),
            ({"value": Annotated[Any, Acme.consent]}, "verbs"),
            ({"value": Annotated[Any, Acme.promise]}, "verbs"),
            ({"value": Annotated[Any, Acme.identity]}, "verbs"),
            (
                {
                    "value": Annotated[str, Acme.email],
                    "again": Annotated[str, Acme.email],
                },
                "value and again are both email",
            ),
        ],
    )
    def test_what_cannot_be_meant_is_refused(self, hints, why):
        """
        The error names the form, the field and what is wrong with it.
        """
        made = attrs.make_class("Made", ["value", "again"])
        made.__annotations__ = hints
        with pytest.raises(FormDefinitionError, match=f"form Made: .*{why}"):
            cx.form(made)

    def test_an_alias_must_not_be_in_the_way(self, journey):
        """
        A Pydantic model with aliases takes names, too, or is refused.
        """

        class Aliased(pydantic.BaseModel):
            number: Annotated[str, Acme.order_number] = pydantic.Field(alias="orderNo")

        class Named(Aliased):
            model_config = pydantic.ConfigDict(validate_by_name=True)

        Aliased.__annotations__ = {"number": Annotated[str, Acme.order_number]}
        with pytest.raises(FormDefinitionError, match="number is no argument"):
            cx.form(Aliased)
        cx.form(Named)
        journey.learn(Acme.order_number, SENTINEL)

        assert SENTINEL == journey.prefill(Named).build().number

    def test_a_class_that_is_no_form_is_refused(self, journey):
        """
        Also one that derives from a form, whose own fields would be passed over.
        """

        class Derived(Return):
            pass

        with pytest.raises(UsageError, match="Derived is not a form; decorate it"):
            journey.prefill(Derived)

    def test_a_form_of_another_vocabulary_is_refused(self, journey):
        """
        Same numbers mean other things elsewhere.
        """

        class Other(cx.Vocabulary, revision=1):
            scope = cx.Scope(1, readers={"sales"})
            field = cx.Field(1, str, scope=scope)

        made = attrs.make_class("Made", {"value": attrs.field()})
        made.__annotations__ = {"value": Annotated[str, Other.field]}
        with pytest.raises(ForeignFieldError):
            journey.prefill(cx.form(made))
