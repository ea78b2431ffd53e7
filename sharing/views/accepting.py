"""What an invited person meets: the invitation's page, a login, the proof of their account, yes or no.

Whoever holds the link may look; a GET changes nothing, mail scanners open links too. Each change is a form of its own.
"""

from collections.abc import Callable

from allauth.account.utils import perform_login
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.accepting import DeclineForm, JoinForm, NameAccountForm, RoleNameForm
from sharing.models import Invitation, Proving, User
from sharing.services import inviting, proving
from sharing.services.errors import NotFound, NotPermitted, Refusal
from sharing.tasks import look_for_role, make_grants, soon, test_connection

from .accepting_page import Page, account_in
from .errors import blame
from .link_holders import for_link_holders

PAGE = "accepting/page.html"


@for_link_holders
@require_safe
def invitation_open(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """The page: who invites, to what, and the one step that comes next."""
    return render(request, PAGE, Page(request, invitation).context())


@for_link_holders
@require_POST
def invitation_join(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """A login for the invited address, and signed in with it."""
    form = JoinForm(request.POST)
    if form.is_valid() and not request.user.is_authenticated:
        try:
            person = proving.join(invitation, name=form.cleaned_data["name"], password=form.cleaned_data["password"])
        except Refusal as refusal:
            blame(form, refusal)
        else:
            answer: HttpResponse = perform_login(request, person, redirect_url=_path(request))
            return answer
    return _again(request, invitation, form, join=form)


@for_link_holders
@require_POST
def invitation_name(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """The account that is theirs: a worker looks for its role from now on."""
    form = NameAccountForm(request.POST)
    return _ask(request, invitation, form, lambda given: {"number": given["number"]}, name=form)


@for_link_holders
@require_POST
def invitation_role(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Another name for the role that is looked for, or one that exists already."""
    form = RoleNameForm(request.POST)
    number = account_in(request.POST)
    return _ask(request, invitation, form, lambda given: {"number": number, "role": given["role"]}, role=form)


def _ask(
    request: HttpRequest, invitation: Invitation, form: Form, asked: Callable[[dict[str, str]], dict[str, str]], **shown: Form
) -> HttpResponse:
    if form.is_valid():
        try:
            row = proving.name_account(invitation, person=_person(request), **asked(form.cleaned_data))
        except NotPermitted:
            raise
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(look_for_role, row.pk, queue="checks")
            return _back(request, row)
    return _again(request, invitation, form, **shown)


@for_link_holders
@require_POST
def invitation_look(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Look for the role at once; that is also how it is done without JavaScript."""
    row = proving.of_person(invitation, person=_person(request), number=account_in(request.POST))
    if row is None:
        raise NotFound("That account", next="Name it again.")
    proving.look_again(row)
    soon(look_for_role, row.pk, queue="checks")
    return _back(request, row)


@for_link_holders
@require_safe
def invitation_proof(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """For the page that waits: nothing while nothing changed, what was seen, or the next step once the role is there."""
    page = Page(request, invitation)
    context = page.context()
    if page.step not in ("role", "accept"):
        return _anew()
    if page.step == "accept" or not page.looking:
        response = render(request, f"{PAGE}#step", context)
        response["HX-Retarget"], response["HX-Reswap"] = "#step", "outerHTML"
        return response
    if request.GET.get("seen", "") == context["mark"]:
        return HttpResponse(status=204)
    return render(request, f"{PAGE}#looking", context)


@for_link_holders
@require_safe
def invitation_template(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """The CloudFormation template as a file."""
    return _file(request, invitation, "cloudformation", "json", "application/json")


@for_link_holders
@require_safe
def invitation_terraform(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """The same in Terraform."""
    return _file(request, invitation, "terraform", "tf", "text/plain")


@for_link_holders
@require_POST
def invitation_accept(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Yes, for the account that was proved: workers make the grants and try them."""
    accepted = proving.accept(invitation, person=_person(request), number=account_in(request.POST))
    if accepted.connection is not None and accepted.connection.test_wanted_at is not None:
        soon(test_connection, accepted.connection.pk)
    if accepted.confirmed_at is not None:
        soon(make_grants, accepted.pk)
    return redirect(_path(request))


@for_link_holders
@require_safe
def invitation_results(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """What became of it, polled while something may still change by itself."""
    page = Page(request, invitation)
    context = page.context()
    if page.step != "accepted":
        return _anew()
    return render(request, f"{PAGE}#results", context)


@for_link_holders
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_decline(request: HttpRequest, invitation: Invitation) -> HttpResponse:
    """Ask, then no. No login is needed: whoever has the link may say that it is not wanted."""
    form = DeclineForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        inviting.decline(invitation, reason=form.cleaned_data["reason"])
        messages.success(request, "You declined. Whoever invited you sees it.")
        return redirect(_path(request))
    page = Page(request, invitation)
    if page.step == "over":
        return redirect(_path(request))
    status = 422 if form.errors else 200
    return render(request, "accepting/decline.html", page.context() | {"form": form}, status=status)


def _person(request: HttpRequest) -> User:
    if not isinstance(request.user, User):
        raise NotPermitted("Sign in first.", next="Open the link in the invitation's mail again.")
    return request.user


def _path(request: HttpRequest) -> str:
    """The page of the link that was used."""
    return Page.path(request)


def _back(request: HttpRequest, row: Proving) -> HttpResponseRedirect:
    return redirect(f"{_path(request)}?account={row.number}")


def _anew() -> HttpResponse:
    """The invitation was cancelled meanwhile, or the person signed out: the page is another one now."""
    return HttpResponse(status=204, headers={"HX-Refresh": "true"})


def _again(request: HttpRequest, invitation: Invitation, form: Form, **forms: Form) -> HttpResponse:
    context = Page(request, invitation).context() | {f"{name}_form": shown for name, shown in forms.items()}
    return render(request, PAGE, context, status=422)


def _file(request: HttpRequest, invitation: Invitation, what: str, ending: str, kind: str) -> HttpResponse:
    row = proving.of_person(invitation, person=_person(request), number=account_in(request.GET))
    if row is None:
        raise NotFound("That account", next="Name it on the invitation's page first.")
    text = getattr(proving.recipes(row, invitation), what)
    name = f"fnshare-checker-{row.number}.{ending}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(text, content_type=f"{kind}; charset=utf-8", headers=headers)
