"""AWS Organizations, the two calls that tell who belongs: decided by the same table as aws:PrincipalOrgID.

Every account of an organisation may ask which one it is in; only the management account and delegated administrators may
list the accounts. Taken where nobody outside AWS knows: the messages.
"""

import json
from typing import Any

from sharing.sandbox.errors import AwsError, Reply, as_json, denied
from sharing.sandbox.identity import Directory

_MOST = 20


def answer(operation: str, body: bytes, account: str, directory: Directory) -> Reply:
    """The answer to a call that IAM lets through."""
    asked = json.loads(body or b"{}")
    organisation = directory.organisations.get(account)
    if organisation is None:
        raise AwsError("AWSOrganizationsNotInUseException", 400, "Your account is not a member of an organization.")
    if operation == "DescribeOrganization":
        return _json({"Organization": _organisation(organisation, directory)})
    if operation == "ListAccounts":
        if account not in directory.administrators.get(organisation, ()):
            raise denied("You don't have permissions to access this resource.")
        return _json(_page(organisation, asked, directory))
    raise AwsError("NotImplementedException", 501, f"The sandbox does not play organizations:{operation}.")


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


def _page(organisation: str, asked: dict[str, Any], directory: Directory) -> dict[str, Any]:
    """AWS gives 20 at most, and says nothing of the order."""
    size = asked.get("MaxResults", _MOST)
    if not isinstance(size, int) or not 1 <= size <= _MOST:
        raise AwsError("InvalidInputException", 400, "You specified an invalid value.")
    token = asked.get("NextToken", "0")
    if not str(token).isdigit():
        raise AwsError("InvalidInputException", 400, "You specified an invalid value.")
    members = [number for number, home in directory.organisations.items() if home == organisation]
    start = int(token)
    found: dict[str, Any] = {
        "Accounts": [_account(number, organisation, directory) for number in members[start : start + size]]
    }
    if start + size < len(members):
        found["NextToken"] = str(start + size)
    return found


def _account(number: str, organisation: str, directory: Directory) -> dict[str, Any]:
    management = directory.administrators.get(organisation, ("",))[0]
    return {
        "Id": number,
        "Arn": f"arn:aws:organizations::{management}:account/{organisation}/{number}",
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
