"""Settings, limits: what workers may not write whoever asks, and the button that freezes everything."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from sharing.forms.limits import FreezeForm, UnfreezeForm
from sharing.models import Freeze, Installation
from sharing.services import limits
from sharing.services.errors import Refusal
from sharing.tasks import send_notice, soon, sweep
from sharing.views.errors import blame
from sharing.views.permitting import actor, for_admins
from sharing.views.signing.factors import freshly_proved

#: So many freezes are listed; Activity has them all.
_SHOWN = 10


@require_safe
def limits_page(request: HttpRequest) -> HttpResponse:
    """What the workers told of their limits, the freeze that stands, and those before."""
    context = {
        "installation": Installation.objects.filter(pk=1).first(),
        "freezes": Freeze.objects.all()[:_SHOWN],
        "standing": limits.standing(),
        "freezes_what": limits.FREEZES,
    }
    return render(request, "limits/page.html", context)


@for_admins
@freshly_proved
@require_http_methods(["GET", "HEAD", "POST"])
def limits_freeze(request: HttpRequest) -> HttpResponse:
    """Ask, then freeze."""
    form = FreezeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            _, mail = limits.freeze(by=actor(request), reason=form.cleaned_data["reason"])
        except Refusal as refusal:
            blame(form, refusal)
        else:
            for notice in mail:
                soon(send_notice, notice.pk, queue="mail")
            messages.success(request, "Frozen. Nothing is shared until an admin ends it.")
            return redirect("limits")
    context = {"form": form, "freezes_what": limits.FREEZES, "dangerous": True}
    return render(request, "limits/freeze.html", context, status=422 if form.errors else 200)


@for_admins
@freshly_proved
@require_http_methods(["GET", "HEAD", "POST"])
def limits_unfreeze(request: HttpRequest) -> HttpResponse:
    """Ask, then end the freeze."""
    standing = limits.standing()
    if standing is None and request.method != "POST":
        return redirect("limits")
    form = UnfreezeForm(request.POST if request.method == "POST" else None, initial={"which": standing.pk if standing else ""})
    if request.method == "POST" and form.is_valid():
        try:
            which, reason = form.cleaned_data["which"], form.cleaned_data["reason"]
            _, mail = limits.unfreeze(by=actor(request), reason=reason, which=which)
        except Refusal as refusal:
            blame(form, refusal)
        else:
            for notice in mail:
                soon(send_notice, notice.pk, queue="mail")
            soon(sweep, "1")
            messages.success(request, "The freeze is over. What waited goes on.")
            return redirect("limits")
    context = {"form": form, "freeze": standing}
    return render(request, "limits/unfreeze.html", context, status=422 if form.errors else 200)
