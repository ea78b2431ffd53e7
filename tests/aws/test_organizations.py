"""Organizations over real HTTP: cut to the allow-list, asked where the service is, and never half understood."""

from typing import TYPE_CHECKING, Any

import pytest

from sharing.aws import pace as pacing
from sharing.aws.errors import Refused, Unavailable
from sharing.aws.organizations import ListedAccount, ListedUnit, Organizations
from sharing.aws.pace import Pace
from sharing.aws.session import RoleRef
from sharing.sandbox.story.demo import ACME, MANAGEMENT, ORGANISATION, RETAIL, WORKLOADS

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "RATE", 1000.0)
    monkeypatch.setattr("sharing.aws.calling._PAUSES", (0.01, 0.01))


@pytest.fixture
def calls(sandbox: "Sandbox") -> Organizations:
    platform = sandbox.account("Platform")
    role = RoleRef("aws", platform.id, platform.organization_role_arn, platform.organization_external_id)
    return Organizations(role, pace=Pace(), purpose="click")


def test_the_organisation_and_its_accounts_without_their_addresses(calls: Organizations) -> None:
    said = calls.describe()
    assert (said.organization_id, said.management_account) == (ORGANISATION, MANAGEMENT)
    page = calls.page()
    assert ListedAccount(ACME, "Acme Retail", "ACTIVE") in page.accounts
    assert page.next_token == ""
    assert "@" not in repr(page)


def test_its_root_its_units_and_the_accounts_directly_in_one(calls: Organizations) -> None:
    assert calls.roots().units == [ListedUnit("r-k3s8", "Root")]
    assert ListedUnit(RETAIL, "Retail") in calls.units_in(WORKLOADS).units
    assert calls.accounts_in(WORKLOADS).accounts == []
    page = calls.accounts_in(RETAIL)
    assert (page.accounts, page.next_token) == ([ListedAccount(ACME, "Acme Retail", "ACTIVE")], "")
    with pytest.raises(Refused) as caught:
        calls.units_in("ou-k3s8-00000000")
    assert caught.value.code == "ParentNotFoundException"


def test_a_session_of_such_a_read_can_do_nothing_else(calls: Organizations, sandbox: "Sandbox") -> None:
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    sandbox.put_role_policy(calls.role.account, "fnshare-organization", "Members", everything)
    assert calls.describe()
    calls.service = "lambda"
    calls.region = "us-east-1"
    with pytest.raises(Refused) as caught:
        calls.call("control", "ListFunctions", {})
    assert caught.value.is_access_denied


def test_an_account_of_no_organisation_is_told_what_is_needed(calls: Organizations, sandbox: "Sandbox") -> None:
    sandbox.add_to_organisation(calls.role.account, "")
    with pytest.raises(Refused, match="belongs to no organisation") as caught:
        calls.describe()
    assert "management account" in caught.value.next


@pytest.mark.parametrize(
    ("partition", "region"), [("aws", "us-east-1"), ("aws-cn", "cn-northwest-1"), ("aws-us-gov", "us-gov-west-1")]
)
def test_each_partition_has_one_place_to_ask(partition: str, region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    role = RoleRef(partition, ACME, f"arn:{partition}:iam::{ACME}:role/x", "x")
    assert Organizations(role, pace=Pace()).region == region


WHOLE = {"Id": ACME, "Name": "Acme", "State": "ACTIVE"}


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"Accounts": []}, []),
        ({"Accounts": [WHOLE]}, [ListedAccount(ACME, "Acme", "ACTIVE")]),
        ({"Accounts": [{"Id": ACME, "Status": "SUSPENDED"}]}, [ListedAccount(ACME, "", "SUSPENDED")]),
        ({"Accounts": [{**WHOLE, "Name": f"a\x00  b{'x' * 200}"}]}, [ListedAccount(ACME, f"a b{'x' * 77}", "ACTIVE")]),
        ({}, None),
        ({"Accounts": None}, None),
        ({"Accounts": [{"Name": "Acme"}]}, None),
        ({"Accounts": [{**WHOLE, "Id": "1111"}]}, None),
        ({"Accounts": [{**WHOLE, "Id": 111122223333}]}, None),
        ({"Accounts": [{**WHOLE, "Name": ["x"]}]}, None),
        ({"Accounts": [WHOLE], "NextToken": 7}, None),
    ],
)
def test_an_answer_that_is_none_is_never_taken_for_a_list(
    calls: Organizations, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], found: list[ListedAccount] | None
) -> None:
    monkeypatch.setattr(calls, "call", lambda *_: said)
    if found is None:
        with pytest.raises(Unavailable, match="could not be understood"):
            calls.page()
    else:
        assert calls.page().accounts == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"Roots": []}, []),
        ({"Roots": [{"Id": "r-ab12", "Name": "a\x00  b"}]}, [ListedUnit("r-ab12", "a b")]),
        ({"Roots": [{"Id": "ou-ab12-11111111"}]}, [ListedUnit("ou-ab12-11111111", "")]),
        ({}, None),
        ({"Roots": [{"Name": "Root"}]}, None),
        ({"Roots": [{"Id": "r-ab12/../x"}]}, None),
        ({"Roots": [], "NextToken": 7}, None),
    ],
)
def test_an_answer_that_is_none_is_never_taken_for_units(
    calls: Organizations, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any], found: list[ListedUnit] | None
) -> None:
    monkeypatch.setattr(calls, "call", lambda *_: said)
    if found is None:
        with pytest.raises(Unavailable, match="could not be understood"):
            calls.roots()
    else:
        assert calls.roots().units == found


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"Organization": None},
        {"Organization": {"Id": "o-k3s8w1q9zt"}},
        {"Organization": {"Id": "r-ab12", "MasterAccountId": MANAGEMENT}},
        {"Organization": {"Id": "o-k3s8w1q9zt", "MasterAccountId": "root"}},
    ],
)
def test_an_organisation_without_id_or_management_account_is_none(
    calls: Organizations, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    monkeypatch.setattr(calls, "call", lambda *_: said)
    with pytest.raises(Unavailable, match="could not be understood"):
        calls.describe()
