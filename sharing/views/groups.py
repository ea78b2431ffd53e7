"""Groups of consumers: the list, one group, and what changes when its members do."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.groups import GroupForm, JoinForm
from sharing.models import Actor, Bulk, Group, OrganizationUnit
from sharing.services import following, groups
from sharing.services.errors import Refusal
from sharing.services.granting.wording import doing
from sharing.services.naming import account_names

from .errors import blame
from .paging import page_of
from .permitting import actor, for_changing

#: So many accounts are named in a sentence.
_NAMED = 5


@require_safe
def group_list(request: HttpRequest) -> HttpResponse:
    """Every group, and which of them somebody should look at: accounts joined or left the unit they follow."""
    page = page_of(groups.groups(), request)
    found = following.followings(page.object_list, by=actor(request))
    rows = [(one, found.get(one.pk)) for one in page.object_list]
    return render(request, "groups/list.html", {"tab": "groups", "page": page, "rows": rows})


@for_changing
@require_http_methods(["GET", "HEAD", "POST"])
def group_new(request: HttpRequest) -> HttpResponse:
    """Make an empty group; members are added on its page."""
    me = actor(request)
    units = OrganizationUnit.objects.present().visible_to(me)
    form = GroupForm(request.POST if request.method == "POST" else None, units=units, initial=_asked(request))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        unit, nested = given.get("unit"), given.get("nested", False)
        try:
            made = groups.make(given["name"], by=me, note=given["note"], unit=unit, nested=nested)
        except Refusal as refusal:
            blame(form, refusal)
        else:
            then = "Look at who would be in it." if unit else "Now name its accounts."
            messages.success(request, f"{made.name} is there. {then}")
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
@require_POST
def group_follow(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """A preview of what follows for all who joined the unit, or for all who left it."""
    group, joins = _the_group(pk), request.POST.get("who") != "left"
    return _previewed(following.follow(group, joins=joins, by=actor(request)))


@for_changing
@require_POST
def group_unfollow(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Its members are changed by hand from now on."""
    group = following.unfollow(_the_group(pk), by=actor(request))
    messages.success(request, f"{group.name} follows no unit any more. Its accounts stay as they are.")
    return redirect("group-detail", pk)


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
    return get_object_or_404(Group.objects.select_related("unit__organization__connection"), pk=pk, deleted_at=None)


def _asked(request: HttpRequest) -> dict[str, str | bool]:
    """What a link to the form already knows: the unit."""
    try:
        asked = uuid.UUID(request.GET.get("unit", ""))
    except ValueError:
        return {"nested": True}
    found = OrganizationUnit.objects.present().visible_to(actor(request)).filter(pk=asked).first()
    return {"nested": True, **({"unit": str(found.pk), "name": found.name[:80]} if found else {})}


def _named(numbers: Sequence[str]) -> list[str]:
    """The first of them by their names, and how many there are besides."""
    names = account_names(numbers[:_NAMED]) if numbers else {}
    shown = [names.get(number, number) for number in numbers[:_NAMED]]
    return [*shown, f"{len(numbers) - _NAMED:,} more"] if len(numbers) > _NAMED else shown


def _page(request: HttpRequest, me: Actor, group: Group, form: JoinForm, *, status: int = 200) -> HttpResponse:
    follows = following.following(group, by=me)
    page = page_of(group.members.all(), request)
    context = {
        "group": group,
        "follows": follows,
        "joined": _named(follows.joined) if follows else [],
        "left": _named(follows.left) if follows else [],
        "losses": following.losses(group, follows) if follows else 0,
        "form": form,
        "tab": "groups",
        "page": page,
        "members": groups.called(list(page.object_list)),
        "shared": [(one, doing(one.share.action)) for one in groups.shared_with(group, by=me)],
    }
    return render(request, "groups/detail.html", context, status=status)
