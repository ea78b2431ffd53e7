"""Groups of consumers: the list, one group, and what changes when its members do."""

from __future__ import annotations

import uuid

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.groups import GroupForm, JoinForm
from sharing.models import Actor, Bulk, Group
from sharing.services import groups
from sharing.services.errors import Refusal
from sharing.services.granting.wording import doing

from .errors import blame
from .paging import page_of
from .permitting import actor, for_changing


@require_safe
def group_list(request: HttpRequest) -> HttpResponse:
    """Every group."""
    page = page_of(groups.groups(), request)
    return render(request, "groups/list.html", {"tab": "groups", "page": page})


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def group_new(request: HttpRequest) -> HttpResponse:
    """Make an empty group; members are added on its page."""
    form = GroupForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = groups.make(form.cleaned_data["name"], by=actor(request), note=form.cleaned_data["note"])
        except Refusal as refusal:
            blame(form, refusal)
        else:
            messages.success(request, f"{made.name} is there. Now name its accounts.")
            return redirect("group-detail", made.pk)
    return render(request, "groups/new.html", {"form": form, "tab": "groups"}, status=422 if form.errors else 200)


@require_safe
def group_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Its members, and what is shared with it."""
    return _page(request, actor(request), _the_group(pk), JoinForm(initial={"form_token": JoinForm.fresh_token()}))


@for_changing
@require_POST
def group_join(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A preview of what these accounts get as members."""
    me, group = actor(request), _the_group(pk)
    form = JoinForm(request.POST)
    if form.is_valid():
        try:
            given = form.cleaned_data
            bulk = groups.join(group, given["who"].splitlines(), by=me, form_token=given["form_token"])
        except Refusal as refusal:
            if refusal.code == "not-permitted":
                raise
            blame(form, refusal)
        else:
            return redirect("bulk-detail", bulk.pk)
    return _page(request, me, group, form, status=422)


@for_changing
@require_POST
def group_leave(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A preview of what this member loses."""
    return _previewed(groups.leave(_the_group(pk), [request.POST.get("number", "")[:12]], by=actor(request)))


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def group_delete(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Asks what becomes of what its members got: taken back, after a preview, or left as single shares."""
    me, group = actor(request), _the_group(pk)
    if request.method == "POST" and request.POST.get("shares") == "take-back":
        return _previewed(groups.leave(group, [], by=me, ends_group=True))
    if request.method == "POST" and request.POST.get("shares") == "leave":
        groups.dissolve(group, by=me)
        messages.success(request, f"{group.name} is deleted. What its members got stays with them.")
        return redirect("group-list")
    shared = groups.shared_with(group, by=me)
    context = {"group": group, "shares": len(shared), "holding": sum(one.holding for one in shared), "tab": "groups"}
    return render(request, "groups/delete.html", context, status=422 if request.method == "POST" else 200)


def _previewed(bulk: Bulk) -> HttpResponse:
    return redirect("bulk-detail", bulk.pk)


def _the_group(pk: uuid.UUID) -> Group:
    return get_object_or_404(Group, pk=pk, deleted_at=None)


def _page(request: HttpRequest, me: Actor, group: Group, form: JoinForm, *, status: int = 200) -> HttpResponse:
    context = {
        "group": group,
        "form": form,
        "tab": "groups",
        "members": groups.members(group),
        "shared": [(one, doing(one.share.action)) for one in groups.shared_with(group, by=me)],
    }
    return render(request, "groups/detail.html", context, status=status)
