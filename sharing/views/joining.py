"""Settings, one organisation: connecting its accounts by one template, and one account with access both ways."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.organizations import JoinForm, LeaveOutForm
from sharing.models import Installation, Joiner, JoinerState, Joining, Organization, OrganizationMember
from sharing.models.joining import TRIED
from sharing.policy.arn import is_account_id
from sharing.services import connecting, consumers, joining
from sharing.services.errors import Refusal
from sharing.tasks import join_accounts, soon
from sharing.views.errors import blame
from sharing.views.member_states import JOINER_STATES, STATES
from sharing.views.paging import page_of
from sharing.views.permitting import actor, for_admins

_SHOWN = 20


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Which roles and where; then the template and the commands, which stay here."""
    organization = _organization(request, pk)
    held = Joining.objects.filter(organization=organization).select_related("organization").first()
    form = JoinForm(request.POST if request.method == "POST" else None, initial=_initial(held))
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = joining.start(
                organization,
                manager=said["manager"],
                checker=said["checker"],
                share=said["share"],
                wire=said["wire"],
                units=form.chosen_units,
                regions=form.chosen_regions,
                by=actor(request),
            )
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(join_accounts, made.pk, queue="sync")
            words = "Saved. Update the StackSet and the stack with the template below." if held else "Now deploy the template."
            messages.success(request, words)
            return redirect("organisation-join", pk)
    context: dict[str, Any] = {"organization": organization, "joining": held, "form": form}
    if held is not None:
        context |= {
            "template": connecting.stack_template(held),
            "file_name": connecting.file_name(held),
            "stackset": connecting.stackset_commands(held),
            "stack": connecting.stack_commands(held),
            "worker": Installation.objects.filter(pk=1).first(),
            "roles": [(purpose.label, held.external_id(purpose, "ACCOUNT_ID")) for purpose in held.purposes],
        }
    return render(request, "organisations/join.html", context, status=422 if form.errors else 200)


@for_admins
@require_safe
def join_template(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The template as a file."""
    held = _joining(_organization(request, pk))
    disposition = f'attachment; filename="{connecting.file_name(held)}"'
    return HttpResponse(
        connecting.stack_template(held),
        content_type="application/json; charset=utf-8",
        headers={"Content-Disposition": disposition},
    )


@for_admins
@require_POST
def join_pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Look for no more roles."""
    joining.pause(_joining(_organization(request, pk)), by=actor(request))
    messages.success(request, "Paused: no more roles are looked for. What is connected stays so.")
    return redirect("organisation-detail", pk)


@for_admins
@require_POST
def join_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Look for roles again."""
    held = joining.resume(_joining(_organization(request, pk)), by=actor(request))
    soon(join_accounts, held.pk, queue="sync")
    messages.success(request, "Roles are looked for again.")
    return redirect("organisation-detail", pk)


@require_safe
def account(request: HttpRequest, pk: uuid.UUID, number: str) -> HttpResponse:
    """One account: how far it is, its roles, and access both ways."""
    return render(request, "organisations/account.html", _about(request, pk, number))


@for_admins
@require_POST
def account_try(request: HttpRequest, pk: uuid.UUID, number: str) -> HttpResponse:
    """Look for its roles at once."""
    held = joining.try_again(_joiner(request, pk, number), by=actor(request))
    soon(join_accounts, held.joining_id, queue="sync")
    messages.info(request, "A worker looks for its roles now.")
    return redirect("organisation-account", pk, number)


@for_admins
@require_POST
def account_leave_out(request: HttpRequest, pk: uuid.UUID, number: str) -> HttpResponse:
    """Do not connect it."""
    form = LeaveOutForm(request.POST)
    held = _joiner(request, pk, number)
    if form.is_valid():
        try:
            joining.leave_out(held, reason=form.cleaned_data["reason"], by=actor(request))
        except Refusal as refusal:
            blame(form, refusal)
        else:
            messages.success(request, "It is left out: its roles are not looked for any more.")
            return redirect("organisation-account", pk, number)
    return render(request, "organisations/account.html", {**_about(request, pk, number), "form": form}, status=422)


@for_admins
@require_POST
def account_take_in(request: HttpRequest, pk: uuid.UUID, number: str) -> HttpResponse:
    """Connect it after all."""
    held = joining.take_in(_joiner(request, pk, number), by=actor(request))
    soon(join_accounts, held.joining_id, queue="sync")
    messages.success(request, "Its roles are looked for again.")
    return redirect("organisation-account", pk, number)


def _organization(request: HttpRequest, pk: uuid.UUID) -> Organization:
    visible = Organization.objects.visible_to(actor(request)).select_related("connection__account")
    return get_object_or_404(visible, pk=pk)


def _joining(organization: Organization) -> Joining:
    return get_object_or_404(Joining.objects.select_related("organization"), organization=organization)


def _joiner(request: HttpRequest, pk: uuid.UUID, number: str) -> Joiner:
    organization = _organization(request, pk)
    if not is_account_id(number):
        raise Http404("No account has this id.")
    return get_object_or_404(Joiner.objects.select_related("member"), joining__organization=organization, number=number)


def _about(request: HttpRequest, pk: uuid.UUID, number: str) -> dict[str, Any]:
    me = actor(request)
    organization = _organization(request, pk)
    members = OrganizationMember.objects.filter(organization=organization, number=number) if is_account_id(number) else None
    member = members.order_by("-first_seen_at").first() if members is not None else None
    if member is None:
        raise Http404("No such account was ever in this organisation.")
    held = Joiner.objects.filter(joining__organization=organization, number=number).select_related("joining").first()
    access = joining.access_of(number, by=me)
    status = STATES.get(member.status, ("off", "help-circle", member.status or "Not told"))
    return {
        "organization": organization,
        "member": member,
        "status": ("bad", "logout", "Left") if member.left_at else status,
        "joiner": held,
        "joiner_state": JOINER_STATES[held.state] if held else None,
        "tried": held is not None and held.state in TRIED,
        "left_out": held is not None and held.state == JoinerState.LEFT_OUT,
        "access": access,
        "into": page_of(access.into, request, _SHOWN, "into"),
        "of_its": page_of(access.of_its, request, _SHOWN, "of"),
        "layers_into": list(access.layers_into[:_SHOWN]),
        "layers_of_its": list(access.layers_of_its[:_SHOWN]),
        "offboard": me.may_change() and consumers.find(number, by=me) is not None,
        "is_management": number == organization.management_account,
        "form": LeaveOutForm(),
    }


def _initial(held: Joining | None) -> dict[str, Any]:
    if held is None:
        return {"manager": True}
    stages = {name: getattr(held, name) for name in ("manager", "checker", "share", "wire")}
    return {**stages, "units": "\n".join(held.units), "regions": ", ".join(held.regions)}
