"""
Support: an agent's desk in Django.

It shows what is known of a case, how surely and by whom, what was promised, what is
withheld and why; and asks only for what is left to ask.
"""

from __future__ import annotations

import json
from datetime import timedelta
from itertools import groupby
from typing import Any

import django
from acme import Acme
from django import forms
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils import timezone
from django.views.decorators.http import require_POST
from premises import LINE, SHOP, codes, department, home, references

import cxcontext as cx
from cxcontext.errors import (
    CodeRefusedError,
    LongerCodeError,
    TriesExhaustedError,
    UnavailableError,
    VerificationError,
)
from cxcontext.homes import RestingPlace
from cxcontext.web.django_forms import fills, unanswered

support = department("support")
propagator = cx.Propagator(support)

settings.configure(
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    SECRET_KEY=json.loads((SHOP / "secrets.json").read_text("utf-8"))["django"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    TIME_ZONE="UTC",
    INSTALLED_APPS=["django.forms", "cxcontext.web.django.CustomerContextConfig"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "cxcontext.web.django.CustomerContextMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    # The place where a case rests is kept here, never in the agent's browser.
    SESSION_ENGINE="django.contrib.sessions.backends.cache",
    SESSION_COOKIE_SAMESITE="Strict",
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "DIRS": [__file__.replace("desk.py", "pages")],
        }
    ],
    CXCONTEXT={"PROPAGATOR": propagator, "EDGE": True},
)
django.setup()


@fills(
    name=Acme.full_name,
    order=Acme.order_number,
    problem=Acme.problem,
    email=Acme.email,
)
class CaseForm(forms.Form):
    """
    What support needs of every case.
    """

    name = forms.CharField(max_length=80)
    order = forms.CharField(max_length=12)
    problem = forms.CharField(max_length=200)
    email = forms.EmailField(required=False)


def case_of(request: HttpRequest) -> cx.Journey[Acme] | None:
    """
    Return the journey that the agent has open.
    """
    place = request.session.get("place")
    if place is None:
        return None
    return home.resume(RestingPlace.parse(place), department=support, channel="phone")


def keep(request: HttpRequest, journey: cx.Journey[Acme]) -> None:
    """
    Let the journey rest until the agent's next click.
    """
    request.session["place"] = str(home.contribute(journey))


def redeem(request: HttpRequest, digits: str) -> cx.Journey[Acme]:
    """
    Return the journey that a caller's digits lead to.
    """
    if request.session.session_key is None:
        request.session.create()
    # In a real call centre this is the platform's id of the call.
    call = str(request.session.session_key)
    raw = codes.redeem(digits, line=LINE, call=call)
    redeemed = references.redeem(raw, department=support, lease=call, channel="phone")
    return redeemed.journey


def desk(request: HttpRequest) -> HttpResponse:
    """
    Ask for the caller's code, and open the case that it leads to.
    """
    said = ""
    if request.method == "POST":
        try:
            journey = redeem(request, request.POST.get("code", "")[:40])
        except LongerCodeError:
            said = "Please ask for the six further digits as well."
        except TriesExhaustedError:
            said = "Go on without a code."
        except CodeRefusedError:
            said = "That code does not work."
        except (VerificationError, UnavailableError):
            said = "That was not quite it. Once more, please."
        else:
            with cx.bound(journey):
                journey.accept()
                keep(request, journey)
            return HttpResponseRedirect("/case")
    return render(request, "desk.html", {"said": said})


def case(request: HttpRequest) -> HttpResponse:
    """
    Show the case, and take what the customer answered.
    """
    journey = case_of(request)
    if journey is None:
        return HttpResponseRedirect("/")
    with cx.bound(journey):
        found = journey.prefill(CaseForm)
        form = unanswered(found, request.POST or None)
        if request.method == "POST" and form.is_valid():
            for blank in found.to_ask:
                if answered := form.cleaned_data.get(blank.name):
                    journey.asked(blank.gap.key)
                    journey.learn(blank.gap.key, answered)
            keep(request, journey)
            return HttpResponseRedirect("/case")
        return render(request, "case.html", {"form": form, **seen(journey)})


@require_POST
def identify(request: HttpRequest) -> HttpResponse:
    """
    Note that the caller passed the desk's own check of who they are.
    """
    return _done(request, lambda journey: journey.verify_identity("otp", "sms"))


@require_POST
def promise(request: HttpRequest) -> HttpResponse:
    """
    Note what the agent promised.
    """
    return _done(
        request,
        lambda journey: journey.promise(
            "call_back",
            wording="We call you back by tomorrow evening.",
            due=timezone.now() + timedelta(days=1),
        ),
    )


def _done(request: HttpRequest, verb: Any) -> HttpResponse:
    journey = case_of(request)
    if journey is None:
        return HttpResponseRedirect("/")
    with cx.bound(journey):
        verb(journey)
        keep(request, journey)
    return HttpResponseRedirect("/case")


def seen(journey: cx.Journey[Acme]) -> dict[str, Any]:
    """
    Return what the page shows of a journey.
    """
    known, missing = [], []
    for field in Acme.fields.values():
        if field.number < 0:
            continue  # promises and checks of identity have places of their own
        key: cx.Key[Acme, Any] = field.key
        gap, fact = journey.gap(key), journey.fact(key)
        label = field.name.replace("_", " ")
        if gap is None:
            known.append({"field": label, "fact": fact})
        else:
            missing.append(
                {
                    "field": label,
                    "why": gap.reason.value.replace("_", " "),
                    "what": gap.remedy.value.replace("_", " "),
                    "who": ", ".join(gap.departments),
                }
            )
    return {
        "arrival": journey.arrival.name.lower(),
        "known": known,
        "missing": missing,
        "promises": journey.promises,
        # A visit, however many turns it had.
        "trail": [
            next(turns)
            for _, turns in groupby(journey.trail, lambda t: (t.department, t.channel))
        ],
    }


urlpatterns = [
    path("", desk),
    path("case", case),
    path("identify", identify),
    path("promise", promise),
]
application = get_asgi_application()
