"""AWS Organizations, the calls that tell who belongs and where: decided by the same table as aws:PrincipalOrgID.

Every account of an organisation may ask which one it is in; only the management account and delegated administrators may
list the accounts, the root and the units; only the management account moves an account (botocore's model of the service).
Taken where nobody outside AWS knows: the messages.
"""

import json
import re
from typing import Any

from sharing.sandbox.errors import AwsError, Reply, as_json, denied
from sharing.sandbox.identity import Directory, root_of

_MOST = 20
_PARENT = re.compile(r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}")


def answer(operation: str, body: bytes, account: str, directory: Directory) -> Reply:
    """The answer to a call that IAM lets through."""
    asked = json.loads(body or b"{}")
    organisation = directory.organisations.get(account)
    if organisation is None:
        raise AwsError("AWSOrganizationsNotInUseException", 400, "Your account is not a member of an organization.")
    if operation == "DescribeOrganization":
        return _json({"Organization": _organisation(organisation, directory)})
    if operation == "MoveAccount":
        _administrators_only(account, directory.administrators.get(organisation, ())[:1])
        return _json(_move(organisation, asked, directory))
    if operation in _LISTS:
        _administrators_only(account, directory.administrators.get(organisation, ()))
        key, entries = _LISTS[operation](organisation, asked, directory)
        return _json(_page(key, entries, asked))
    raise AwsError("NotImplementedException", 501, f"The sandbox does not play organizations:{operation}.")


def _administrators_only(account: str, administrators: tuple[str, ...]) -> None:
    if account not in administrators:
        raise denied("You don't have permissions to access this resource.")


def _organisation(organisation: str, directory: Directory) -> dict[str, Any]:
    management = directory.administrators.get(organisation, ("",))[0]
    return {
        "Id": organisation,
        "Arn": f"arn:aws:organizations::{management}:organization/{organisation}",
        "FeatureSet": "ALL",
        "MasterAccountArn": f"arn:aws:organizations::{management}:account/{organisation}/{management}",
        "MasterAccountId": management,
        "MasterAccountEmail": f"root+{management}@example.com",
    }


def _page(key: str, entries: list[dict[str, Any]], asked: dict[str, Any]) -> dict[str, Any]:
    """AWS gives 20 at most, and says nothing of the order."""
    size = asked.get("MaxResults", _MOST)
    if not isinstance(size, int) or not 1 <= size <= _MOST:
        raise AwsError("InvalidInputException", 400, "You specified an invalid value.")
    token = asked.get("NextToken", "0")
    if not str(token).isdigit():
        raise AwsError("InvalidInputException", 400, "You specified an invalid value.")
    start = int(token)
    found: dict[str, Any] = {key: entries[start : start + size]}
    if start + size < len(entries):
        found["NextToken"] = str(start + size)
    return found


def _accounts(organisation: str, _asked: dict[str, Any], directory: Directory) -> tuple[str, list[dict[str, Any]]]:
    members = [number for number, home in directory.organisations.items() if home == organisation]
    return "Accounts", [_account(number, organisation, directory) for number in members]


def _roots(organisation: str, _asked: dict[str, Any], directory: Directory) -> tuple[str, list[dict[str, Any]]]:
    root = root_of(organisation)
    return "Roots", [{"Id": root, "Arn": _arn("root", organisation, root, directory), "Name": "Root", "PolicyTypes": []}]


def _units(organisation: str, asked: dict[str, Any], directory: Directory) -> tuple[str, list[dict[str, Any]]]:
    parent = _parent(organisation, asked, directory)
    found = [(unit, one) for unit, one in directory.units.items() if (one.organisation, one.parent) == (organisation, parent)]
    return "OrganizationalUnits", [
        {"Id": unit, "Arn": _arn("ou", organisation, unit, directory), "Name": one.name} for unit, one in found
    ]


def _accounts_of(organisation: str, asked: dict[str, Any], directory: Directory) -> tuple[str, list[dict[str, Any]]]:
    """Those directly in it, not those of the units beneath."""
    parent = _parent(organisation, asked, directory)
    _, members = _accounts(organisation, asked, directory)
    return "Accounts", [one for one in members if directory.parent_of(one["Id"]) == parent]


_LISTS = {
    "ListAccounts": _accounts,
    "ListRoots": _roots,
    "ListOrganizationalUnitsForParent": _units,
    "ListAccountsForParent": _accounts_of,
}


def _parent(organisation: str, asked: dict[str, Any], directory: Directory) -> str:
    parent = asked.get("ParentId")
    if not isinstance(parent, str) or not _PARENT.fullmatch(parent):
        raise AwsError("InvalidInputException", 400, "You provided a value that does not match the required pattern.")
    if not _exists(parent, organisation, directory):
        raise AwsError("ParentNotFoundException", 400, "You specified a parent that doesn't exist.")
    return parent


def _exists(parent: object, organisation: str, directory: Directory) -> bool:
    unit = directory.units.get(str(parent))
    return parent == root_of(organisation) or (unit is not None and unit.organisation == organisation)


def _move(organisation: str, asked: dict[str, Any], directory: Directory) -> dict[str, Any]:
    account, source, target = (asked.get(name) for name in ("AccountId", "SourceParentId", "DestinationParentId"))
    if directory.organisations.get(str(account)) != organisation:
        raise AwsError("AccountNotFoundException", 400, "You specified an account that isn't in your organization.")
    if directory.parent_of(str(account)) != source:
        raise AwsError("SourceParentNotFoundException", 400, "You specified a source parent that doesn't hold the account.")
    if not _exists(target, organisation, directory):
        raise AwsError("DestinationParentNotFoundException", 400, "You specified a destination that doesn't exist.")
    if source == target:
        raise AwsError("DuplicateAccountException", 400, "That account is already present in the specified destination.")
    directory.placed[str(account)] = str(target)
    return {}


def _arn(kind: str, organisation: str, resource: str, directory: Directory) -> str:
    management = directory.administrators.get(organisation, ("",))[0]
    return f"arn:aws:organizations::{management}:{kind}/{organisation}/{resource}"


def _account(number: str, organisation: str, directory: Directory) -> dict[str, Any]:
    return {
        "Id": number,
        "Arn": _arn("account", organisation, number, directory),
        "Email": f"root+{number}@example.com",
        "Name": directory.names.get(number, number),
        "State": directory.states.get(number, "ACTIVE"),
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": 1700000000.0,
    }


def _json(document: dict[str, Any]) -> Reply:
    reply = as_json(document)
    reply.content_type = "application/x-amz-json-1.1"
    return reply
