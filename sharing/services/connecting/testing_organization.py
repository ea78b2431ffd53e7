"""What an organisation role may do: name the organisation, list its accounts and units. And the one it then is read through."""

from django.utils import timezone

from sharing.aws.errors import Refused
from sharing.aws.organizations import Described, Organizations
from sharing.aws.proving import SESSION_NAME
from sharing.aws.session import RoleRef
from sharing.models import Connection, ConnectionState, Organization

from .entering import pace
from .reports import Report, Result, statement_to_add
from .rights import ORGANIZATION_ACTIONS, UNIT_ACTIONS

_LIST = "organizations:ListAccounts"
_DESCRIBE = "organizations:DescribeOrganization"


def examine_organization(connection: Connection, role: RoleRef, report: Report, result: Result) -> None:
    """Fill the result. Refused when the organisation cannot be named, its accounts not be listed, or it is read already.

    Without the units it stands: who belongs is known then, and not to which unit.
    """
    calls = Organizations(role, pace=pace(), purpose="click", session_name=SESSION_NAME)
    try:
        result.organization = calls.describe()
    except Refused as refused:
        result.verbs["describe"] = False
        following = refused.next if not refused.is_access_denied else statement_to_add(ORGANIZATION_ACTIONS, "*")
        _refuse(_DESCRIBE, refused, following, report, result)
        return
    result.verbs["describe"] = True
    found = result.organization
    management = "its management account" if found.management_account == role.account else "a delegated administrator"
    report.ok(_DESCRIBE, f"AWS names organisation {found.organization_id}; account {role.account} is {management}.")
    try:
        calls.page()
    except Refused as refused:
        result.verbs["members"] = False
        following = f"{statement_to_add([_LIST], '*')} AWS answers the management account and delegated administrators only."
        _refuse(_LIST, refused, following, report, result)
        return
    result.verbs["members"] = True
    report.ok(_LIST, "Permitted: the accounts of the organisation are listed.")
    _units(calls, report, result)
    other = _read_already(connection, found)
    if other is not None:
        failure = f"Organisation {found.organization_id} is read already, through the role in {other.account}."
        following = "One role for each organisation is enough: disconnect that one first, if this one is to be used."
        report.failed("Read through one role", failure, following)
        result.refused = (failure, following)


def _units(calls: Organizations, report: Report, result: Result) -> None:
    try:
        for root in calls.roots().units[:1]:
            calls.units_in(root.unit_id)
            calls.accounts_in(root.unit_id)
    except Refused as refused:
        result.verbs["units"] = False
        report.missing("Organisational units", f"Not read. {refused.sentence}", statement_to_add(UNIT_ACTIONS, "*"))
        return
    result.verbs["units"] = True
    report.ok("Organisational units", "Permitted: the units are listed, and the accounts in them.")


def attach(connection: Connection, described: Described) -> Organization:
    """The organisation is read through this connection from now on, at once. Call it in the settling transaction."""
    Organization.objects.filter(connection=connection).exclude(organization_id=described.organization_id).update(
        connection=None
    )
    now = timezone.now()
    held, made = Organization.objects.select_for_update().get_or_create(
        organization_id=described.organization_id,
        defaults={"management_account": described.management_account, "connection": connection, "read_due_at": now},
    )
    if not made:
        held.management_account, held.connection, held.read_due_at = described.management_account, connection, now
        held.save(update_fields=["management_account", "connection", "read_due_at"])
    return held


def _read_already(connection: Connection, described: Described) -> Connection | None:
    held = Organization.objects.filter(organization_id=described.organization_id).select_related("connection__account").first()
    other = held.connection if held else None
    if other is None or other.pk == connection.pk or other.state == ConnectionState.DISCONNECTED:
        return None
    return other


def _refuse(action: str, error: Refused, following: str, report: Report, result: Result) -> None:
    report.failed(action, error.sentence, following)
    result.refused = (error.sentence, following)
