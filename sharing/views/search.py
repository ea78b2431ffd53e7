"""The search box of every page: functions, layers and accounts by name, digits or ARN."""

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from sharing.models import Account, Actor, Function, LayerVersion, Organization
from sharing.policy.arn import is_account_id, unspaced
from sharing.views.paging import KeysFirst
from sharing.views.permitting import actor

SHOWN = 20


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """An exact ARN goes straight to its function or layer version; anything else lists what matches, in the person's scope."""
    query = request.GET.get("q", "").strip()[:400]
    me = actor(request)
    functions = Function.objects.none()
    accounts = Account.objects.none()
    layers = LayerVersion.objects.none()
    organizations = Organization.objects.none()
    digits = unspaced(query)
    if query:
        # An ARN may carry a qualifier: arn:aws:lambda:REGION:ACCOUNT:function:NAME[:QUALIFIER]
        unqualified = ":".join(query.split(":")[:7])
        exact = Function.objects.visible_to(me).filter(arn=unqualified).first()
        if exact is not None:
            return redirect("function-detail", exact.pk)
        # An ARN ends with the name, so whatever is in the name is in the ARN.
        functions = Function.objects.visible_to(me).filter(Q(arn__icontains=query) | Q(description__icontains=query))
        if layer := LayerVersion.objects.visible_to(me).filter(arn=query).first():
            return redirect("layer-detail", layer.pk)
        layers = (
            LayerVersion.objects.visible_to(me)
            .filter(Q(name__icontains=query) | Q(arn__icontains=query) | Q(description__icontains=query))
            .select_related("account")
        )
        found = Q(name__icontains=query)
        if digits.isdigit():
            found |= Q(number__contains=digits)
        accounts = Account.objects.visible_to(me).filter(found)
        known_by = Q(organization_id__icontains=query) | Q(name__icontains=query)
        organizations = Organization.objects.visible_to(me).filter(known_by)
    shown = KeysFirst(functions, "account")[0 : SHOWN + 1]
    known, versions = list(accounts[: SHOWN + 1]), list(layers[: SHOWN + 1])
    return render(
        request,
        "search/search.html",
        {
            "query": query,
            "functions": _whole_name_first(shown, query, me)[:SHOWN],
            "more_functions": len(shown) > SHOWN,
            "accounts": known[:SHOWN],
            "more_accounts": len(known) > SHOWN,
            "layers": versions[:SHOWN],
            "organizations": list(organizations[:SHOWN]),
            "stranger": digits if is_account_id(digits) and not known else "",
            "more": max(len(shown), len(known), len(versions)) > SHOWN,
        },
    )


def _whole_name_first(found: list[Function], name: str, me: Actor) -> list[Function]:
    """Functions that are called exactly so before those of which it is a part, wherever the order of names has them."""
    if not found:
        return []
    named = list(Function.objects.visible_to(me).filter(name=name).select_related("account")[:SHOWN])
    return [*named, *(one for one in found if one not in named)]
