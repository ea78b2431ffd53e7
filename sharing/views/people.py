"""Settings, people: admins see, add, change and deactivate people."""

import uuid

import structlog
from django.contrib import messages
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.people import AddPersonForm, PersonForm
from sharing.models import User
from sharing.services import people
from sharing.services.errors import Refusal
from sharing.views.errors import blame
from sharing.views.paging import page_of
from sharing.views.permitting import actor, for_admins

log = structlog.get_logger(__name__)


@for_admins
@require_safe
def person_list(request: HttpRequest) -> HttpResponse:
    """Everybody, active first."""
    rows = people.visible_to(actor(request)).prefetch_related("accounts")
    return render(request, "people/list.html", {"page": page_of(rows, request)})


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def person_add(request: HttpRequest) -> HttpResponse:
    """Add somebody and send them a link to set a password."""
    form = AddPersonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            person = people.add_person(
                form.cleaned_data["email"],
                name=form.cleaned_data["name"],
                role=form.cleaned_data["role"],
                every_account=form.every_account,
                accounts=form.chosen_accounts,
                by=actor(request),
            )
        except Refusal as refusal:
            blame(form, refusal)
        else:
            if _invite(person):
                messages.success(request, f"{person.email} was added, and a link to set a password was sent there.")
            else:
                messages.warning(
                    request, f"{person.email} was added, but the mail could not be sent. Make a link below and hand it over."
                )
            return redirect("person-detail", person.pk)
    return render(request, "people/add.html", {"form": form}, status=422 if form.errors else 200)


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def person_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One person: name, role and scope."""
    me = actor(request)
    person = get_object_or_404(people.visible_to(me), pk=pk)
    form = PersonForm(request.POST or None, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            people.change_person(
                person,
                name=form.cleaned_data["name"],
                role=form.cleaned_data["role"],
                every_account=form.every_account,
                accounts=form.chosen_accounts,
                by=me,
            )
        except Refusal as refusal:
            blame(form, refusal)
        else:
            messages.success(request, f"{person.email} was changed. It holds from their next click.")
            return redirect("person-detail", pk)
    return render(request, "people/detail.html", {"form": form, "person": person}, status=422 if form.errors else 200)


@for_admins
@require_POST
def person_link(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Make and show the link for a first password. It is shown, never stored."""
    me = actor(request)
    person = get_object_or_404(people.visible_to(me), pk=pk)
    link = people.first_password_link(person, by=me)
    response = render(request, "people/link.html", {"person": person, "link": link})
    response["Cache-Control"] = "no-store"
    return response


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def person_deactivate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then end the person's sessions and keep them out."""
    me = actor(request)
    person = get_object_or_404(people.visible_to(me), pk=pk)
    if request.method == "POST":
        people.deactivate(person, by=me)
        messages.success(request, f"{person.email} was deactivated and is signed out everywhere.")
        return redirect("person-list")
    return render(request, "people/deactivate.html", {"person": person, "back": "../"})


@for_admins
@require_POST
def person_reactivate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Let the person in again."""
    me = actor(request)
    person = get_object_or_404(people.visible_to(me), pk=pk)
    people.reactivate(person, by=me)
    messages.success(request, f"{person.email} may sign in again.")
    return redirect("person-detail", pk)


def _invite(person: User) -> bool:
    context = {"person": person, "link": people.password_link(person)}
    mail = EmailMessage("[fnshare] Set your password", render_to_string("people/invitation.txt", context), to=[person.email])
    try:
        mail.send()
    except OSError as problem:  # smtplib's errors are OSErrors too
        log.error("mail_not_sent", template="people/invitation", problem=type(problem).__name__)
        return False
    return True
