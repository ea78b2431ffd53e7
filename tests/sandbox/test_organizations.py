"""Organizations in the sandbox: who may ask, and that it agrees with the organisation that conditions see."""

from typing import Any

from sharing.sandbox.server import Sandbox
from sharing.sandbox.story.demo import ORGANISATION
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
