"""Layers: versions are listed in pages, each has a policy of its own, and that policy decides who outside may use it."""

import json
from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from sharing.sandbox.switches import RATES
from tests.sandbox.conftest import Speaker, allow, code, outcome, refused

PLATFORM, ACME, GLOBEX, UMBRELLA = "444455556666", "111122223333", "222233334444", "666677778888"
GET = "lambda:GetLayerVersion"
STALE = "00000000-0000-4000-8000-000000000000"


def layer(name: str, number: int = 1, region: str = "us-east-1") -> str:
    return f"arn:aws:lambda:{region}:{PLATFORM}:layer:{name}:{number}"


RULES = layer("payment-rules")


def add(client: Any, sid: str = "one", **parameters: Any) -> Any:
    parameters = {"LayerName": "payment-rules", "VersionNumber": 1, "Action": GET, "Principal": ACME, **parameters}
    return client.add_layer_version_permission(StatementId=sid, **parameters)


def stored(sandbox: Sandbox, arn: str = RULES) -> list[dict[str, Any]]:
    return list((sandbox.layer_policy(arn) or {}).get("Statement", []))


def test_layers_are_listed_with_their_newest_version_and_without_code(speak: Speaker) -> None:
    answer = speak.lambda_("Platform").list_layers()
    found = {one["LayerName"]: one["LatestMatchingVersion"]["Version"] for one in answer["Layers"]}
    assert found == {"geo-data": 1, "image-tools": 2, "observability": 3, "payment-rules": 1}
    assert "amazonaws" not in json.dumps(answer["Layers"])
    assert [one["LayerName"] for one in speak.lambda_("Platform", "eu-west-1").list_layers()["Layers"]] == [
        "image-tools",
        "vat-tables",
    ]
    assert speak.lambda_("Acme Retail").list_layers()["Layers"] == []


def test_versions_are_listed_the_newest_first(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    listed = client.list_layer_versions(LayerName="observability")["LayerVersions"]
    assert [one["Version"] for one in listed] == [3, 2, 1]
    assert listed[0]["LayerVersionArn"] == layer("observability", 3)
    by_arn = client.list_layer_versions(LayerName=layer("observability").rpartition(":")[0])["LayerVersions"]
    assert by_arn == listed
    sandbox.delete_layer_version(layer("observability", 3))
    assert [one["Version"] for one in client.list_layer_versions(LayerName="observability")["LayerVersions"]] == [2, 1]
    assert client.list_layer_versions(LayerName="never-was")["LayerVersions"] == []


def test_pages_hold_fifty(speak: Speaker, sandbox: Sandbox) -> None:
    for number in range(120):
        sandbox.add_layer_version(PLATFORM, "us-east-1", f"bulk-{number:03d}")
        sandbox.add_layer_version(PLATFORM, "us-east-1", "many")
    client = speak.lambda_("Platform")
    for call, key, more, total in (
        (client.list_layers, "Layers", {}, 125),
        (client.list_layer_versions, "LayerVersions", {"LayerName": "many"}, 120),
    ):
        pages = [call(**more)]
        while "NextMarker" in pages[-1]:
            pages.append(call(Marker=pages[-1]["NextMarker"], **more))
        assert [len(page[key]) for page in pages] == [50, 50, total - 100]
        assert len({json.dumps(one, sort_keys=True) for page in pages for one in page[key]}) == total
    assert refused(client.list_layers, MaxItems=51)[:2] == ("InvalidParameterValueException", 400)
    assert code(client.list_layers, Marker="bm9uc2Vuc2U=") == "InvalidParameterValueException"


def test_only_compatible_layers_are_listed_when_asked_so(speak: Speaker) -> None:
    listed = speak.lambda_("Platform").list_layers(CompatibleRuntime="java21")["Layers"]
    assert {one["LayerName"] for one in listed} == {"observability", "geo-data"}


def test_the_answer_is_the_statement_and_the_new_revision(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    answer = add(client)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert answer["Statement"] == (
        '{"Sid":"one","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},'
        f'"Action":"lambda:GetLayerVersion","Resource":"{RULES}"}}'
    )
    read = client.get_layer_version_policy(LayerName="payment-rules", VersionNumber=1)
    assert read["RevisionId"] == answer["RevisionId"]
    assert read["Policy"] == f'{{"Version":"2012-10-17","Id":"default","Statement":[{answer["Statement"]}]}}'
    assert sandbox.layer_policy(layer("image-tools")) is None


@pytest.mark.parametrize(
    ("parameters", "principal", "condition"),
    [
        ({"Principal": ACME}, {"AWS": f"arn:aws:iam::{ACME}:root"}, None),
        ({"Principal": f"arn:aws:iam::{ACME}:root"}, {"AWS": f"arn:aws:iam::{ACME}:root"}, None),
        ({"Principal": "*"}, "*", None),
        ({"Principal": "*", "OrganizationId": "o-k3s8w1q9zt"}, "*", {"StringEquals": {"aws:PrincipalOrgID": "o-k3s8w1q9zt"}}),
    ],
)
def test_each_principal_is_stored_as_aws_stores_it(
    speak: Speaker, sandbox: Sandbox, parameters: dict[str, Any], principal: Any, condition: Any
) -> None:
    add(speak.lambda_("Platform"), **parameters)
    assert stored(sandbox)[0]["Principal"] == principal
    assert stored(sandbox)[0].get("Condition") == condition


@pytest.mark.parametrize(
    "parameters",
    [
        {"Action": "lambda:InvokeFunction"},
        {"Action": "*"},
        {"Principal": f"arn:aws:iam::{ACME}:role/apps/order-processor"},
        {"Principal": "s3.amazonaws.com"},
        {"Principal": "12345678901"},
        {"Principal": "*", "OrganizationId": "o-short"},
        {"Principal": ACME, "OrganizationId": "o-k3s8w1q9zt"},
        {"LayerName": "two words"},
    ],
)
def test_what_a_layer_cannot_be_shared_with_is_refused(speak: Speaker, sandbox: Sandbox, parameters: dict[str, Any]) -> None:
    assert refused(add, speak.lambda_("Platform"), **parameters)[:2] == ("InvalidParameterValueException", 400)
    assert stored(sandbox) == []


@pytest.mark.parametrize("sid", ["a b", "a.b", "x" * 101])
def test_a_malformed_sid_is_refused(speak: Speaker, sid: str) -> None:
    assert refused(add, speak.lambda_("Platform"), sid)[:2] == ("InvalidParameterValueException", 400)


def test_a_sid_can_be_used_once(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    add(client)
    assert refused(add, client, Principal=GLOBEX)[:2] == ("ResourceConflictException", 409)
    assert len(stored(sandbox)) == 1
    add(client, LayerName="geo-data")  # another version's policy has Sids of its own


def test_no_version_no_policy_and_no_statement_are_404(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    missing = ("ResourceNotFoundException", 404)
    assert refused(client.get_layer_version_policy, LayerName="payment-rules", VersionNumber=1)[:2] == missing
    assert refused(client.get_layer_version_policy, LayerName="payment-rules", VersionNumber=9)[:2] == missing
    assert refused(add, client, VersionNumber=9)[:2] == missing
    assert refused(add, client, LayerName="never-was")[:2] == missing
    gone = {"LayerName": "payment-rules", "VersionNumber": 1, "StatementId": "x"}
    assert refused(client.remove_layer_version_permission, **gone)[:2] == missing
    add(client)
    assert refused(client.remove_layer_version_permission, **gone)[:2] == missing


def test_the_revision_guards_writes(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    version = {"LayerName": "payment-rules", "VersionNumber": 1}
    assert refused(add, client, RevisionId=STALE)[:2] == ("PreconditionFailedException", 412)
    first = add(client)["RevisionId"]
    second = add(client, "two", RevisionId=first)["RevisionId"]
    assert first != second
    stale = refused(client.remove_layer_version_permission, StatementId="one", RevisionId=first, **version)
    assert stale[:2] == ("PreconditionFailedException", 412)
    answer = client.remove_layer_version_permission(StatementId="one", RevisionId=second, **version)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    client.remove_layer_version_permission(StatementId="two", **version)
    assert sandbox.layer_policy(RULES) is None
    add(client)
    sandbox.switches.empty_policy_after_last = True
    client.remove_layer_version_permission(StatementId="one", **version)
    assert json.loads(client.get_layer_version_policy(**version)["Policy"])["Statement"] == []


def test_a_full_policy_takes_no_more(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    for number in range(200):
        if outcome(add, client, f"tenant-{number:03d}", Principal=f"{900000000000 + number}"):
            break
    assert code(add, client, "one-more") == "PolicyLengthExceededException"


def test_the_version_s_policy_decides_who_outside_may_use_it(speak: Speaker, sandbox: Sandbox) -> None:
    def may(account: str, name: str, number: int = 1) -> bool:
        client = speak.lambda_(account)
        return not outcome(client.get_layer_version, LayerName=layer(name, number).rpartition(":")[0], VersionNumber=number)

    assert [may("Acme Retail", "observability", number) for number in (1, 2, 3)] == [False, True, True]
    assert [may("Initech", "observability", number) for number in (1, 2, 3)] == [False, False, True]
    assert may("Umbrella", "geo-data")
    assert not may("Umbrella", "observability", 3)
    assert not may("Umbrella", "never-was")
    assert may("Platform", "payment-rules")
    add(speak.lambda_("Platform"), Principal=UMBRELLA)
    assert may("Umbrella", "payment-rules")
    speak.lambda_("Platform").remove_layer_version_permission(LayerName="payment-rules", VersionNumber=1, StatementId="one")
    assert not may("Umbrella", "payment-rules")
    by_arn = speak.lambda_("Umbrella").get_layer_version_by_arn(Arn=layer("geo-data"))
    assert by_arn["LayerVersionArn"] == layer("geo-data")
    assert by_arn["Content"]["Location"].startswith("https://")


def test_the_caller_s_own_policies_decide_what_it_may_do_with_layers(speak: Speaker) -> None:
    reader = speak.user("lambda", "Platform", "reader", allow(["lambda:ListLayers", "lambda:GetLayerVersionPolicy"], "*"))
    assert reader.list_layers()["Layers"]
    assert reader.get_layer_version_policy(LayerName="geo-data", VersionNumber=1)["Policy"]
    assert code(reader.list_layer_versions, LayerName="geo-data") == "AccessDeniedException"
    assert "lambda:AddLayerVersionPermission" in refused(add, reader)[2]
    one = speak.user("lambda", "Platform", "one", allow("lambda:AddLayerVersionPermission", RULES))
    add(one)
    assert code(add, one, LayerName="geo-data") == "AccessDeniedException"
    outsider = speak.lambda_("Acme Retail")
    assert code(add, outsider, LayerName=layer("geo-data").rpartition(":")[0]) == "AccessDeniedException"
    whole = layer("geo-data").rpartition(":")[0]
    assert code(outsider.get_layer_version_policy, LayerName=whole, VersionNumber=1) == "AccessDeniedException"


def test_a_number_is_given_once_and_a_deleted_version_takes_its_policy_along(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    published = client.publish_layer_version(LayerName="payment-rules", Content={"ZipFile": b"x"}, LicenseInfo="MIT")
    assert published["Version"] == 2
    add(client, VersionNumber=2)
    client.delete_layer_version(LayerName="payment-rules", VersionNumber=2)
    assert code(client.get_layer_version_policy, LayerName="payment-rules", VersionNumber=2) == "ResourceNotFoundException"
    again = client.publish_layer_version(LayerName="payment-rules", Content={"ZipFile": b"x"})
    assert again["Version"] == 3
    assert sandbox.layer_policy(layer("payment-rules", 3)) is None


def test_the_journal_names_the_version_and_the_principal(speak: Speaker, sandbox: Sandbox) -> None:
    add(speak.lambda_("Platform"), Principal="*", OrganizationId="o-k3s8w1q9zt")
    call = sandbox.journal.of("AddLayerVersionPermission")[-1]
    assert (call.target, call.account, call.status) == (RULES, PLATFORM, 201)
    assert call.parameters_summary["OrganizationId"] == "o-k3s8w1q9zt"


def test_layers_share_the_rate_of_all_other_control_calls(
    speak: Speaker, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RATES, "other", 1.0)  # at AWS's own rate a busy machine would never be too quick
    sandbox.switches.rate_limits = True
    client = speak.lambda_("Platform")
    found = [outcome(client.list_layers) for _ in range(25)]
    assert "TooManyRequestsException" in found
    assert outcome(client.list_functions) == "TooManyRequestsException"


def test_both_stories_have_layers_of_every_kind(sandbox: Sandbox) -> None:
    for story in ("demo", "other"):
        sandbox.reset(story=story)
        shelf = sandbox.estate.shelf.everything()
        owner = next(account for account in sandbox.accounts if account.kind == "owner")
        assert {one.account for one in shelf} == {owner.id}
        assert {one.region for one in shelf} == set(owner.regions)
        written = [json.dumps(one.document) for one in shelf if one.document]
        assert len(written) < len(shelf)  # some are shared with nobody
        assert [text for text in written if ":root" in text]
        assert [text for text in written if "aws:PrincipalOrgID" in text]
