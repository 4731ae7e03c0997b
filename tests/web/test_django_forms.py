"""
Forms of Django: what is known is not rendered, and cannot be changed by posting.
"""

from __future__ import annotations

import threading
from types import ModuleType

import django
import httpx
import pytest
from acme import Acme, Address, Tier
from django import forms
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.http import HttpResponse
from django.test import override_settings
from django.urls import path

import cxcontext as cx
from cxcontext.errors import FormDefinitionError
from cxcontext.web.django import MIDDLEWARE
from cxcontext.web.django_forms import fills, unanswered

SENTINEL = "Ada Zebedee Lovelace"

if not settings.configured:
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        LOGGING_CONFIG=None,
        SECRET_KEY="of the tests",
        USE_TZ=True,
    )
    django.setup(set_prefix=False)


@fills(name=Acme.full_name, email=Acme.email, number=Acme.order_number, tier=Acme.tier)
class ReturnForm(forms.Form):
    """
    A form with a field of its own beside the vocabulary's.
    """

    name = forms.CharField()
    email = forms.EmailField(required=False)
    number = forms.CharField()
    tier = forms.TypedChoiceField(
        choices=[(tier.value, tier.name) for tier in Tier], coerce=Tier
    )
    comment = forms.CharField(required=False)


@pytest.fixture
def journey(sales):
    """
    A journey that knows a name, and that no e-mail address is to be had.
    """
    journey = sales.begin(channel="web")
    journey.learn(Acme.full_name, SENTINEL)
    journey.refused(Acme.email)
    return journey


def test_only_what_is_left_to_ask_is_rendered(journey):
    """
    Neither the known field nor the refused one is in the page, nor their values.
    """
    page = unanswered(journey.prefill(ReturnForm)).as_p()

    assert [False, False, True, True, True] == [
        f'name="{name}"' in page
        for name in ("name", "email", "number", "tier", "comment")
    ]
    assert SENTINEL not in page


def test_what_is_posted_completes_it(journey):
    """
    With the answers the form is valid, and together with what is known it is whole.
    """
    found = journey.prefill(ReturnForm)
    form = unanswered(found, {"number": "A-118", "tier": "gold", "name": "Mallory"})

    assert form.is_valid(), form.errors
    assert {
        "name": SENTINEL,
        "number": "A-118",
        "tier": Tier.GOLD,
        "comment": "",
    } == {**found.values, **form.cleaned_data}


def test_what_is_to_be_confirmed_stands_in_it(journey, clock):
    """
    A stale value is shown in its field, and an initial of the caller's before it.
    """
    journey.learn(Acme.order_number, "A-118")
    journey.learn(Acme.tier, Tier.GOLD)
    clock.advance(days=31)
    found = journey.prefill(ReturnForm, max_age=clock.now - clock.now.replace(day=1))
    shown = unanswered(found).as_p()
    given = {"number": "A-7"}
    ours = unanswered(found, initial=given).as_p()

    assert 'value="A-118"' in shown
    assert '<option value="gold" selected>' in shown
    assert ('value="A-7"' in ours, {"number": "A-7"}) == (True, given)


def test_a_conflict_is_shown_and_not_filled_in_silently(journey, world):
    """
    The field is in the page with one of the values, for the customer to correct.
    """
    journey.begun()
    there = world["support"].receive(journey.hand_over("support"))
    there.learn(Acme.order_number, "A-1")
    journey.learn(Acme.order_number, "A-2")
    journey.merge(there.hand_over("sales"))
    found = journey.prefill(ReturnForm)

    assert "number" not in found.values
    assert f'value="{journey.fact(Acme.order_number).value}"' in (
        unanswered(found).as_p()
    )


def test_the_class_stays_as_it_is(journey):
    """
    One customer's form takes no field from the next customer's.
    """
    unanswered(journey.prefill(ReturnForm))

    assert ["name", "email", "number", "tier", "comment"] == list(ReturnForm().fields)


class Street(forms.CharField):
    """
    A field of somebody's own that says what it holds.
    """

    value_type = Address


@pytest.mark.parametrize(
    ("key", "field"),
    [
        (Acme.full_name, forms.CharField()),
        (Acme.email, forms.EmailField()),
        (Acme.born, forms.DateField()),
        (Acme.gift, forms.BooleanField()),
        (Acme.attempts, forms.IntegerField()),
        (Acme.balance, forms.DecimalField()),
        (Acme.score, forms.FloatField()),
        (Acme.callback_at, forms.DateTimeField()),
        (Acme.parcel, forms.ChoiceField()),
        (Acme.tier, forms.TypedChoiceField(coerce=Tier)),
        (Acme.notice, forms.MultipleChoiceField()),
        (Acme.deliver_to, Street()),
    ],
)
def test_a_field_of_the_same_type_is_taken(key, field):
    """
    What Django cleans a field to is what the vocabulary holds.
    """
    made = type("Made", (forms.Form,), {"value": field})

    assert made is fills(value=key)(made)


@pytest.mark.parametrize(
    ("key", "field"),
    [
        (Acme.full_name, forms.IntegerField()),
        (Acme.full_name, forms.UUIDField()),
        (Acme.full_name, forms.JSONField()),
        (Acme.full_name, forms.FileField()),
        (Acme.full_name, forms.ModelChoiceField(None)),
        (Acme.attempts, forms.CharField()),
        (Acme.attempts, forms.DecimalField()),
        (Acme.attempts, forms.FloatField()),
        (Acme.balance, forms.FloatField()),
        (Acme.born, forms.DateTimeField()),
        (Acme.tier, forms.ChoiceField()),
        (Acme.tier, forms.TypedChoiceField(coerce=lambda value: value)),
        (Acme.deliver_to, forms.CharField()),
        (Acme.consent, forms.BooleanField()),
    ],
)
def test_a_field_of_another_type_is_refused(key, field):
    """
    The class cannot be made; no request finds it out.
    """
    made = type("Made", (forms.Form,), {"value": field})
    with pytest.raises(FormDefinitionError, match="form Made: value"):
        fills(value=key)(made)


def test_a_field_that_is_not_there_is_refused():
    """
    A name that the form does not have is a slip of the pen.
    """
    with pytest.raises(FormDefinitionError, match="no field nmae"):
        fills(nmae=Acme.full_name)(ReturnForm)


def test_over_a_real_server_the_customer_is_asked_once(journey, world):
    """
    The page asks for what is not known; what is posted is known to the next.
    """

    def view(request):
        here = cx.require_current()
        found = here.prefill(ReturnForm)
        form = unanswered(found, request.GET or None)
        if not form.is_valid():
            return HttpResponse(form.as_p())
        for blank in found.to_ask:
            here.learn(blank.gap.key, form.cleaned_data[blank.name])
        return HttpResponse(repr(here.prefill(ReturnForm)))

    urls = ModuleType("urls")
    urls.urlpatterns = [path("", view)]
    given = {"PROPAGATOR": cx.Propagator(world["sales"])}
    with override_settings(CXCONTEXT=given, MIDDLEWARE=[MIDDLEWARE], ROOT_URLCONF=urls):
        server = ThreadedWSGIServer(("127.0.0.1", 0), WSGIRequestHandler)
        server.daemon_threads = True
        server.set_app(WSGIHandler())
        serving = threading.Thread(target=server.serve_forever, args=(0.01,))
        serving.start()
        answers = []
        with httpx.Client(trust_env=False) as client:
            for query in ({}, {"number": "A-118", "tier": "gold"}):
                headers = {"Customer-Context": str(journey.hand_over("sales"))}
                origin = f"http://127.0.0.1:{server.server_address[1]}/"
                answers.append(client.get(origin, params=query, headers=headers).text)
        server.shutdown()
        serving.join()
        server.server_close()

    assert ('name="number"' in answers[0], 'name="name"' in answers[0]) == (True, False)
    assert "<Prefilled ReturnForm, 3 filled, to ask: nothing>" == answers[1]
