"""AWS Organizations: which accounts belong to the organisation of the entered account, and to which unit of it.

A global service with one endpoint a partition. Every method is one AWS call (listing: one a page) and names the IAM action
it needs. Answers are cut to an allow-list: e-mail addresses of accounts never leave this module. UNVERIFIED on AWS itself:
how fast it may be asked, so it is asked slowly.
"""

import re
from dataclasses import dataclass
from typing import Any

from sharing.policy.arn import is_account_id
from sharing.policy.principal import ORGANIZATION_ID

from . import session
from .calling import Caller, listing_members_only
from .errors import malformed
from .functions import text_of
from .pace import Pace, Purpose
from .session import RoleRef

#: Where the service is asked, as botocore resolves it: requests are signed for this region.
_REGIONS = {"aws": "us-east-1", "aws-cn": "cn-northwest-1", "aws-us-gov": "us-gov-west-1"}
#: Of the rate that all calls of a bucket share: one or two a second.
SLOWLY = 0.1
_LONGEST = 80
_LONGEST_UNIT = 128
_UNIT = re.compile(r"r-[0-9a-z]{4,32}|ou-[0-9a-z]{4,32}-[0-9a-z]{8,32}")


@dataclass(frozen=True)
class Described:
    """What is kept of DescribeOrganization. organization_id: `o-...`; management_account: 12 digits."""

    organization_id: str
    management_account: str


@dataclass(frozen=True)
class ListedAccount:
    """What is kept of one entry of ListAccounts. state: PENDING_ACTIVATION, ACTIVE, SUSPENDED, PENDING_CLOSURE, CLOSED."""

    number: str
    name: str
    state: str


@dataclass(frozen=True)
class ListedUnit:
    """What is kept of an entry of ListRoots or ListOrganizationalUnitsForParent. unit_id: `r-...` or `ou-...`."""

    unit_id: str
    name: str


@dataclass(frozen=True)
class UnitPage:
    """One page of roots or units (20 at most; it may be empty and not the last). next_token: empty, this was the last."""

    units: list[ListedUnit]
    next_token: str


@dataclass(frozen=True)
class AccountPage:
    """One page of accounts (20 at most; it may be empty and not the last). next_token: empty, this was the last."""

    accounts: list[ListedAccount]
    next_token: str


class Organizations(Caller):
    """The organisation of one account, entered by a role. Raises Refused and Unavailable; see Caller."""

    service = "organizations"

    def __init__(
        self, role: RoleRef, *, pace: Pace, purpose: Purpose = "background", session_name: str = "fnshare-read"
    ) -> None:
        region = _REGIONS.get(role.partition) or session.home_region(role.partition)
        super().__init__(role, region, pace=pace, purpose=purpose, session_name=session_name, share=SLOWLY)
        self._policy = listing_members_only()

    def describe(self) -> Described:
        """The organisation the account belongs to. Refused (AWSOrganizationsNotInUseException): to none.

        IAM: organizations:DescribeOrganization.
        """
        said = self.call("organizations", "DescribeOrganization", {})
        try:
            found = said["Organization"]
            one = Described(text_of(found["Id"]), text_of(found["MasterAccountId"]))
        except (KeyError, TypeError, AttributeError):
            raise malformed("DescribeOrganization") from None
        if not ORGANIZATION_ID.fullmatch(one.organization_id) or not is_account_id(one.management_account):
            raise malformed("DescribeOrganization")
        return one

    def page(self, token: str = "") -> AccountPage:
        """20 accounts. Only the management account and delegated administrators may ask.

        IAM: organizations:ListAccounts.
        """
        return self._accounts("ListAccounts", token, {})

    def roots(self, token: str = "") -> UnitPage:
        """The organisation's root, of which AWS lets there be one. The same two may ask, of this and of what follows.

        IAM: organizations:ListRoots.
        """
        return self._units("ListRoots", "Roots", token, {})

    def units_in(self, parent: str, token: str = "") -> UnitPage:
        """20 units directly beneath a root or unit. Refused (ParentNotFoundException): it is gone.

        IAM: organizations:ListOrganizationalUnitsForParent.
        """
        return self._units("ListOrganizationalUnitsForParent", "OrganizationalUnits", token, {"ParentId": parent})

    def accounts_in(self, parent: str, token: str = "") -> AccountPage:
        """20 accounts directly in a root or unit, without those of the units beneath it.

        IAM: organizations:ListAccountsForParent.
        """
        return self._accounts("ListAccountsForParent", token, {"ParentId": parent})

    def _accounts(self, operation: str, token: str, asked: dict[str, Any]) -> AccountPage:
        said = self._said(operation, token, asked)
        try:
            return AccountPage([_account(entry) for entry in said["Accounts"]], text_of(said.get("NextToken") or ""))
        except (KeyError, TypeError, AttributeError, ValueError):
            raise malformed(operation) from None

    def _units(self, operation: str, key: str, token: str, asked: dict[str, Any]) -> UnitPage:
        said = self._said(operation, token, asked)
        try:
            return UnitPage([_unit(entry) for entry in said[key]], text_of(said.get("NextToken") or ""))
        except (KeyError, TypeError, AttributeError, ValueError):
            raise malformed(operation) from None

    def _said(self, operation: str, token: str, asked: dict[str, Any]) -> dict[str, Any]:
        return self.call("organizations", operation, {**asked, "MaxResults": 20, **({"NextToken": token} if token else {})})


def _unit(entry: dict[str, Any]) -> ListedUnit:
    unit = text_of(entry["Id"])
    if not _UNIT.fullmatch(unit):
        raise ValueError("not the id of a root or unit")
    return ListedUnit(unit, _name(entry)[:_LONGEST_UNIT])


def _name(entry: dict[str, Any]) -> str:
    return " ".join(text_of(entry.get("Name") or "").replace("\x00", "").split())


def _account(entry: dict[str, Any]) -> ListedAccount:
    number = text_of(entry["Id"])
    if not is_account_id(number):
        raise ValueError("not an account id")
    # `Status` is what AWS called it until September 2026.
    state = text_of(entry.get("State") or entry.get("Status") or "")
    return ListedAccount(number, _name(entry)[:_LONGEST], state[:20])
