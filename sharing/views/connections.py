"""Settings, one connection: the role to make, its test, its verbs.

Everything here writes rows; a worker tests the role. The page polls only while a test is wanted.
"""

import uuid
from typing import Any, TypedDict

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sharing.forms.accounts import AccountForm, DisconnectForm, RoleForm
from sharing.models import Connection, ConnectionState, Installation, Organization, Purpose
from sharing.services import connecting, syncing
from sharing.services.errors import Refusal
from sharing.tasks import soon
from sharing.tasks.reading import test_connection
from sharing.views.errors import blame
from sharing.views.permitting import actor, for_admins, for_changing

# What a connection's verbs are called on the page (services.connecting says which there are).
VERBS = {
    "list": "List functions",
    "read": "Read policies",
    "aliases": "List aliases",
    "confirm": "Look at a function",
    "versions": "List versions",
    "tags": "Read tags",
    "urls": "Read function URLs",
    "mappings": "List event source mappings",
    "layers": "Read layers",
    "list_regions": "List enabled regions",
    "share": "Share",
    "revoke": "Revoke",
    "share_layers": "Share layers",
    "map": "Change event source mappings",
    "count": "Count runs",
    "wire": "Read its sources",
    "check": "Check by DryRun",
    "describe": "Name the organisation",
    "members": "List its accounts",
    "units": "List its units",
    "invoke": "Test invoke",
}


@require_http_methods(["GET", "HEAD", "POST"])
def connection_detail(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """One connection: the role to make, its test, its verbs. POST gives the role (admins)."""
    if request.method == "POST":
        return _register(request, pk)
    connection = _find(request, pk)
    return render(request, "settings/connection.html", _context(request, connection, _role_form(connection)))


@for_admins
def _register(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    connection = _find(request, pk)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            connecting.register(
                connection,
                role_arn=form.cleaned_data["role_arn"],
                external_id=form.cleaned_data["external_id"],
                by=actor(request),
            )
        except Refusal as refusal:
            blame(form, refusal)
        else:
            soon(test_connection, connection.pk)
            return redirect("connection-detail", pk)
    return render(request, "settings/connection.html", _context(request, connection, form), status=422)


@require_safe
def connection_status(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The page's body while a test is wanted; when it is over, the body as it is from now on, and a toast."""
    connection = _find(request, pk)
    context = _context(request, connection, _role_form(connection))
    if not context["testing"]:
        tone = {ConnectionState.CONNECTED: "ok", ConnectionState.PAUSED: "ok"}.get(ConnectionState(connection.state), "bad")
        context["toast"] = (f"{connection.account.name}: {connection.get_state_display().lower()}.", tone)
    return render(request, "settings/connection.html#body", context)


@require_safe
def connection_template(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The CloudFormation template as a file."""
    connection = _find(request, pk)
    text = connecting.cloudformation(connection, **_stages(request, connection))
    return _file(text, f"fnshare-{connection.purpose}-{connection.account.number}.json", "application/json")


@require_safe
def connection_commands(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The AWS CLI commands as a file."""
    connection = _find(request, pk)
    text = connecting.role_commands(connection, **_stages(request, connection))
    return _file(text, f"fnshare-{connection.purpose}-{connection.account.number}.sh", "text/x-shellscript")


@require_safe
def connection_terraform(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The role as Terraform, as a file."""
    connection = _find(request, pk)
    text = connecting.terraform(connection, **_stages(request, connection))
    return _file(text, f"fnshare-{connection.purpose}-{connection.account.number}.tf", "text/plain")


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def connection_edit(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """The account's name, and the regions that are read, or what the role is limited to."""
    connection = _find(request, pk)
    account = connection.account
    limits = "\n".join(connection.limited_to)
    initial = {"name": account.name, "regions": ", ".join(connection.regions), "limited_to": limits, "sources": limits}
    form = AccountForm(request.POST or None, initial=initial, purpose=connection.purpose)
    if request.method == "POST" and form.is_valid():
        try:
            connecting.prepare(
                number=account.number,
                name=form.cleaned_data["name"],
                purpose=connection.purpose,
                regions=form.chosen_regions if connection.purpose == Purpose.MANAGER else (),
                partition=account.partition,
                limited_to=form.limits(connection.purpose),
                by=actor(request),
            )
        except Refusal as refusal:
            blame(form, refusal)
        else:
            limited = connection.purpose in (Purpose.INVOKER, Purpose.SOURCE)
            other = limited and form.limits(connection.purpose) != connection.limited_to
            messages.success(request, "Saved. Now change the role's policy to the one below." if other else "Saved.")
            return redirect("connection-detail", pk)
    context = {"form": form, "connection": connection}
    return render(request, "settings/connection_edit.html", context, status=422 if form.errors else 200)


@for_changing
@require_POST
def connection_test(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Have the role tested (again)."""
    connection = connecting.request_test(_find(request, pk), by=actor(request))
    soon(test_connection, connection.pk)
    return redirect("connection-detail", pk)


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def connection_pause(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then stop all reads and writes in the account."""
    connection = _find(request, pk)
    if request.method == "POST":
        connecting.pause(connection, by=actor(request))
        messages.success(request, f"{connection.account.name} is paused: nothing is read or written there.")
        return redirect("connection-detail", pk)
    return render(request, "settings/connection_pause.html", {"connection": connection, "back": "../"})


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def connection_resume(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then read and write again."""
    connection = _find(request, pk)
    if request.method == "POST":
        connecting.resume(connection, by=actor(request))
        messages.success(request, f"{connection.account.name} is read and written again.")
        return redirect("connection-detail", pk)
    return render(request, "settings/connection_resume.html", {"connection": connection, "back": "../"})


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def connection_rotate(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Ask, then make the next ExternalId."""
    connection = _find(request, pk)
    if request.method == "POST":
        connecting.rotate(connection, by=actor(request))
        messages.success(request, "A new ExternalId was made. Put it into the role's trust policy, then test.")
        return redirect("connection-detail", pk)
    return render(request, "settings/connection_rotate.html", {"connection": connection, "back": "../"})


@for_admins
@require_http_methods(["GET", "HEAD", "POST"])
def connection_disconnect(request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
    """Say what stays granted in AWS, ask, then end the connection."""
    connection = _find(request, pk)
    stays = connecting.what_stays(connection)
    form = DisconnectForm(request.POST if request.method == "POST" else None) if stays.mark else None
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            seen = form.cleaned_data["seen"] if form is not None else ""
            connecting.disconnect(connection, seen=seen, by=actor(request))
        except Refusal as refusal:
            if form is None or refusal.code != "stale":
                raise
            form.data = {}  # another list is another acceptance
            blame(form, refusal)
        else:
            messages.success(request, f"{connection.get_purpose_display()} of {connection.account.name} is disconnected.")
            return redirect("connection-detail", pk)
    context = {"connection": connection, "stays": stays, "form": form, "back": "../", "dangerous": True}
    status = 422 if form is not None and form.errors else 200
    return render(request, "settings/connection_disconnect.html", context, status=status)


def _find(request: HttpRequest, pk: uuid.UUID) -> Connection:
    return get_object_or_404(Connection.objects.visible_to(actor(request)).select_related("account", "created_by"), pk=pk)


class Stages(TypedDict):
    """What a role may be allowed beside the least that its purpose needs (services.connecting)."""

    share: bool
    wire: bool
    tests: bool


def _stages(request: HttpRequest, connection: Connection) -> Stages:
    """As the page's address says."""
    manager, source = connection.purpose == Purpose.MANAGER, connection.purpose == Purpose.SOURCE
    return {
        "share": manager and request.GET.get("share") == "1",
        "wire": manager and request.GET.get("mappings") == "1",
        "tests": source and request.GET.get("tests") == "1",
    }


def _role_form(connection: Connection) -> RoleForm:
    return RoleForm(initial={"role_arn": connection.role_arn or connecting.suggested_role_arn(connection)})


def _context(request: HttpRequest, connection: Connection, form: Form) -> dict[str, Any]:
    me = actor(request)
    stages = _stages(request, connection)
    testing = connection.test_wanted_at is not None and connection.state != ConnectionState.DISCONNECTED
    waited = (timezone.now() - connection.test_wanted_at).total_seconds() if connection.test_wanted_at else 0
    context: dict[str, Any] = {
        "connection": connection,
        "form": form,
        "may_admin": me.is_admin(),
        **stages,
        "testing": testing,
        "every": "1s" if waited < 60 else "5s",
        "slow": testing and waited > 20,
        "failure_reported": any(row.get("outcome") == "failed" for row in connection.report),
        "verbs": [(words, connection.verbs[verb]) for verb, words in VERBS.items() if verb in connection.verbs],
        "gap": _unread_regions(connection),
        "worker": Installation.objects.filter(pk=1).first(),
    }
    if connection.state == ConnectionState.DISCONNECTED:
        context["stays"] = connecting.what_stays(connection)
    else:
        context["cloudformation"] = connecting.cloudformation(connection, **stages)
        context["commands"] = connecting.role_commands(connection, **stages)
        context["terraform"] = connecting.terraform(connection, **stages)
    if connection.purpose == Purpose.ORGANIZATION:
        context["organization"] = Organization.objects.visible_to(me).filter(connection=connection).first()
    if connection.purpose == Purpose.MANAGER and connection.state != ConnectionState.DISCONNECTED:
        context["cadence"] = syncing.cadence(connection)
    if connection.next_external_id:
        context["trust_command"] = connecting.trust_command(connection)
    return context


def _unread_regions(connection: Connection) -> list[str]:
    if connection.purpose != Purpose.MANAGER or connection.enabled_regions is None:
        return []
    return sorted(set(connection.enabled_regions) - set(connection.regions))


def _file(text: str, name: str, kind: str) -> HttpResponse:
    return HttpResponse(
        text, content_type=f"{kind}; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
