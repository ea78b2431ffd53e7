"""Organizations in the sandbox: who may ask, and that it agrees with the organisation that conditions see."""

from typing import Any

from sharing.sandbox.server import Sandbox
from sharing.sandbox.story.demo import LOGISTICS, ORGANISATION, RETAIL, WORKLOADS
from tests.sandbox.conftest import Speaker, allow, code

PLATFORM, ACME, MANAGEMENT = "444455556666", "111122223333", "888800001111"


def listed(client: Any) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for page in client.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 2}):
        found |= {one["Id"]: one for one in page["Accounts"]}
    return found


def test_every_member_may_ask_which_organisation_it_is_in(speak: Speaker) -> None:
    for name in ("Platform", "Acme Retail"):
        said = speak.client("organizations", name).describe_organization()["Organization"]
        assert (said["Id"], said["MasterAccountId"]) == (ORGANISATION, MANAGEMENT)
    stranger = speak.client("organizations", "Initech")
    assert code(stranger.describe_organization) == "AWSOrganizationsNotInUseException"


def test_accounts_are_listed_page_by_page_to_administrators_of_the_organisation_only(speak: Speaker, sandbox: Sandbox) -> None:
    found = listed(speak.client("organizations", "Platform"))
    assert {number for number, home in sandbox.directory.organisations.items() if home == ORGANISATION} == set(found)
    assert found[MANAGEMENT]["Name"] == "Company management"
    assert [one["State"] for one in found.values() if one["Name"] == "Old playground"] == ["SUSPENDED"]
    assert code(speak.client("organizations", "Acme Retail").list_accounts) == "AccessDeniedException"


def test_iam_decides_before_the_organisation_does(speak: Speaker) -> None:
    client = speak.user("organizations", "Platform", "namer", allow("organizations:DescribeOrganization"))
    assert client.describe_organization()["Organization"]["Id"] == ORGANISATION
    assert code(client.list_accounts) == "AccessDenied"


def test_whoever_leaves_is_in_no_list_and_carries_no_organisation(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.add_to_organisation(ACME, "")
    assert ACME not in listed(speak.client("organizations", "Platform"))
    assert code(speak.client("organizations", "Acme Retail").describe_organization) == "AWSOrganizationsNotInUseException"


def test_the_units_are_a_tree_beneath_one_root_told_to_administrators_only(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.client("organizations", "Platform")
    (root,) = client.list_roots()["Roots"]
    above = client.list_organizational_units_for_parent(ParentId=root["Id"])["OrganizationalUnits"]
    assert {one["Name"] for one in above} == {"Central platform", "Workloads", "Retired"}
    below = client.list_organizational_units_for_parent(ParentId=WORKLOADS)["OrganizationalUnits"]
    assert {one["Id"]: one["Name"] for one in below} == {RETAIL: "Retail", LOGISTICS: "Logistics"}

    def accounts_in(unit: str) -> set[str]:
        return {one["Id"] for one in client.list_accounts_for_parent(ParentId=unit)["Accounts"]}

    assert (accounts_in(root["Id"]), accounts_in(WORKLOADS), accounts_in(RETAIL)) == ({MANAGEMENT}, set(), {ACME})
    assert sandbox.directory.path_of(ACME) == f"{ORGANISATION}/{root['Id']}/{WORKLOADS}/{RETAIL}/"
    assert sandbox.directory.path_of("333344445555") == "", "of no organisation"
    assert code(speak.client("organizations", "Acme Retail").list_roots) == "AccessDeniedException"
    assert code(client.list_accounts_for_parent, ParentId="ou-k3s8-00000000") == "ParentNotFoundException"


def test_the_management_account_alone_moves_an_account(speak: Speaker, sandbox: Sandbox) -> None:
    move = {"AccountId": ACME, "SourceParentId": RETAIL, "DestinationParentId": LOGISTICS}
    assert code(speak.client("organizations", "Platform").move_account, **move) == "AccessDeniedException"
    client = speak.client("organizations", "Company management")
    client.move_account(**move)
    assert sandbox.directory.path_of(ACME).endswith(f"/{LOGISTICS}/")
    assert code(client.move_account, **move) == "SourceParentNotFoundException"
    back = {"AccountId": ACME, "SourceParentId": LOGISTICS}
    assert code(client.move_account, **back, DestinationParentId=LOGISTICS) == "DuplicateAccountException"
    assert code(client.move_account, **back, DestinationParentId="ou-k3s8-00000000") == "DestinationParentNotFoundException"
    assert code(client.move_account, **{**back, "AccountId": "333344445555"}, DestinationParentId=RETAIL) == (
        "AccountNotFoundException"
    )


def test_a_policy_may_demand_a_unit(speak: Speaker, sandbox: Sandbox) -> None:
    arn = f"arn:aws:lambda:us-east-1:{PLATFORM}:function:stock-levels"
    unit = f"{sandbox.directory.path_of(ACME)}*"
    statement = {"Sid": "unit", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": arn}
    demands = {"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": unit}}
    sandbox.put_policy(arn, {"Version": "2012-10-17", "Statement": [{**statement, "Condition": demands}]})
    call = {"FunctionName": arn, "InvocationType": "DryRun"}
    assert speak.client("lambda", "Acme Retail").invoke(**call)["StatusCode"] == 204
    assert code(speak.client("lambda", "Globex").invoke, **call) == "AccessDeniedException"
