"""Settings, people: admins see, add, change and deactivate people."""

import uuid

import structlog
from django.contrib import messages
from django.core.mail import EmailMessage
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.loader import render_to_string
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.people import AddPersonForm, PersonForm
from sharing.models import Membership, User
from sharing.services import memberships, people
from sharing.services.errors import Refusal
from sharing.services.signing import factors, sessions, sso, ways
from sharing.tasks import send_notice, soon
from sharing.views.errors import blame
from sharing.views.paging import page_of
from sharing.views.permitting import actor, for_admins

log = structlog.get_logger(__name__)


@for_admins
@require_safe
def person_list(request: HttpRequest) -> HttpResponse:
    """Everybody, active first, or whoever `?q=` is a part of the name, address or accounts of."""
    asked = request.GET.get("q", "").strip()[:200]
    current = Prefetch("memberships", Membership.objects.current().select_related("account"), to_attr="acts_for")
    found = people.called(asked, people.visible_to(actor(request)))
    rows = found.prefetch_related("accounts", "authenticator_set", "socialaccount_set", current)
    page = page_of(rows, request)
    entries = [(person, factors.has_one(person), ways.linked(person)) for person in page]
    context = {"page": page, "entries": entries, "alarm": ways.break_glass_problem(), "provider": ways.provider_name()}
    context["asked"] = asked
    return render(request, "people/list.html", context)


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
            if not ways.password_open(person):
                messages.success(request, f"{person.email} was added. They sign in through {ways.provider_name()}.")
            elif _invite(person):
                messages.success(request, f"{person.email} was added, and a link to set a password was sent there.")
            else:
                messages.warning(
                    request, f"{person.email} was added, but the mail could not be sent. Make a link below and hand it over."
                )
            return redirect("person-detail", person.pk)
    context = {"form": form, "provider": ways.provider_name()}
    return render(request, "people/add.html", context, status=422 if form.errors else 200)


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def person_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One person: name, role and scope."""
    me = actor(request)
    person = get_object_or_404(people.visible_to(me), pk=pk)
    form = PersonForm(request.POST or None, person=person, fixed=ways.from_groups(person))
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
    context = {
        "form": form,
        "person": person,
        "sessions": sessions.sessions_of(person),
        "factors": factors.held_by(person),
        "memberships": Membership.objects.current().filter(person=person).select_related("account"),
        "linked": ways.linked(person),
        "from_groups": ways.from_groups(person),
        "provider": ways.provider_name(),
        "password_open": ways.password_open(person),
        "breaks_glass": ways.breaks_glass(person),
    }
    return render(request, "people/detail.html", context, status=422 if form.errors else 200)


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


@for_admins
@require_POST
def person_session_end(request: HttpRequest, pk: uuid.UUID, session: int) -> HttpResponse:
    """Sign one session of theirs out."""
    me = actor(request)
    sessions.end_session(get_object_or_404(people.visible_to(me), pk=pk), session, by=me)
    messages.success(request, "That session was ended.")
    return redirect("person-detail", pk)


@for_admins
@require_POST
def person_sessions_end(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Sign them out everywhere."""
    me = actor(request)
    ended = sessions.end_all_by_admin(get_object_or_404(people.visible_to(me), pk=pk), by=me)
    messages.success(request, f"{sessions.counted(ended)} ended.")
    return redirect("person-detail", pk)


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def person_factors_reset(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then take away the second factors of somebody who lost theirs."""
    me = actor(request)
    person = get_object_or_404(people.visible_to(me), pk=pk)
    if request.method == "POST":
        notice = factors.reset(person, by=me)
        soon(send_notice, notice.pk, queue="mail")
        messages.success(request, f"The second factors of {person.email} were removed; they are told by mail.")
        return redirect("person-detail", pk)
    return render(request, "people/factors.html", {"person": person, "back": "../", "dangerous": True})


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def person_unlink(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then forget who they are at the provider."""
    me = actor(request)
    person = get_object_or_404(people.visible_to(me), pk=pk)
    if request.method == "POST":
        sso.unlink(person, by=me)
        messages.success(request, f"{person.email} was unlinked and is signed out everywhere.")
        return redirect("person-detail", pk)
    context = {"person": person, "back": "../", "provider": ways.provider_name(), "dangerous": True}
    return render(request, "people/unlink.html", context)


@for_admins
@require_POST
def person_membership_end(request: HttpRequest, pk: uuid.UUID, membership: uuid.UUID) -> HttpResponse:
    """They do not act for that account any more."""
    me = actor(request)
    person = get_object_or_404(people.visible_to(me), pk=pk)
    ended = memberships.end(get_object_or_404(Membership, pk=membership, person=person), by=me)
    messages.success(request, f"{person.email} does not act for {ended.account} any more.")
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
