"""Event source mappings over real HTTP: cut to the allow-list, and changed in a session that can do nothing else."""

import json
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import boto3
import pytest

from sharing.aws import pace as pacing
from sharing.aws.errors import Refused
from sharing.aws.mapped import mapping_of
from sharing.aws.mappings import Mappings, mapping_only
from sharing.aws.pace import Pace
from sharing.aws.session import RoleRef
from sharing.policy.arn import FunctionArn

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

EAST = "us-east-1"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "RATE", 1000.0)
    monkeypatch.setattr(pacing, "_BURST", 100.0)


@pytest.fixture
def role(sandbox: "Sandbox") -> RoleRef:
    owner = next(account for account in sandbox.accounts if account.kind == "owner")
    return RoleRef("aws", owner.id, owner.manager_role_arn, owner.external_id)


@pytest.fixture
def queue(sandbox: "Sandbox") -> str:
    owner = next(account for account in sandbox.accounts if account.kind == "owner")
    client = boto3.client(
        "sqs",
        region_name=EAST,
        endpoint_url=sandbox.url,
        aws_access_key_id=owner.access_key_id,
        aws_secret_access_key=owner.secret_access_key,
    )
    client.create_queue(QueueName="orders")
    return f"arn:aws:sqs:{EAST}:{owner.id}:orders"


def target(role: RoleRef, name: str = "hello_world") -> FunctionArn:
    return FunctionArn.parse(f"arn:aws:lambda:{EAST}:{role.account}:function:{name}")


def writer(role: RoleRef, name: str = "hello_world") -> Mappings:
    return Mappings(role, EAST, pace=Pace(), function=target(role, name), session_name="fnshare-test-write")


def test_a_mapping_is_created_found_changed_and_deleted(role: RoleRef, queue: str) -> None:
    calls = writer(role)
    made = calls.create({"FunctionName": str(target(role)), "EventSourceArn": queue, "BatchSize": 3})
    assert made.request_id
    assert (made.mapping.state, made.mapping.options["BatchSize"]) == ("Creating", 3)
    assert [one.id for one in calls.of_source(queue)] == [made.mapping.id]
    found = calls.get(made.mapping.id)
    assert found is not None
    assert (found.state, found.source, found.function) == ("Enabled", queue, target(role))
    assert calls.update(made.mapping.id, {"Enabled": False}).mapping.state == "Disabling"
    assert calls.delete(made.mapping.id).mapping.state == "Deleting"
    assert calls.of_source(queue) == []


def test_the_session_of_one_function_does_nothing_to_another_ones_mapping(role: RoleRef, queue: str) -> None:
    made = writer(role).create({"FunctionName": str(target(role)), "EventSourceArn": queue}).mapping
    stranger = writer(role, "label-uploads")
    for refused in (
        lambda: stranger.get(made.id),
        lambda: stranger.update(made.id, {"Enabled": False}),
        lambda: stranger.delete(made.id),
        lambda: stranger.create({"FunctionName": str(target(role, "session-cleanup")), "EventSourceArn": queue}),
        lambda: stranger.call("control", "AddPermission", {**PERMISSION}, write=True),
        lambda: stranger.call("control", "GetFunctionConfiguration", {"FunctionName": "label-uploads"}),
    ):
        with pytest.raises(Refused) as error:
            refused()
        assert error.value.is_access_denied


PERMISSION = {
    "FunctionName": "label-uploads",
    "StatementId": "x",
    "Action": "lambda:InvokeFunction",
    "Principal": "111122223333",
}


def test_the_session_policy_names_the_function_with_its_aliases_and_versions_only(role: RoleRef) -> None:
    statements = json.loads(mapping_only(FunctionArn.parse(f"{target(role)}:live")))["Statement"]
    arn = str(target(role))
    assert {one["Action"] for one in statements if isinstance(one["Action"], str) and "Condition" not in one} == {
        "lambda:ListEventSourceMappings"
    }
    for one in statements[1:]:
        assert one["Condition"] == {"ArnLike": {"lambda:FunctionArn": [arn, f"{arn}:*"]}}


def test_credentials_networks_and_keys_never_leave() -> None:
    at = datetime(2026, 1, 2, tzinfo=UTC)
    found = mapping_of(
        {
            "UUID": str(uuid.UUID(int=1)),
            "FunctionArn": "arn:aws:lambda:us-east-1:444455556666:function:f:live",
            "State": "Enabled\x00",
            "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "arn:aws:secretsmanager:us-east-1:1:secret:s"}],
            "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": ["inside:9092"]}},
            "KMSKeyArn": "arn:aws:kms:us-east-1:1:key/k",
            "FilterCriteria": None,
            "StartingPositionTimestamp": at,
            "BatchSize": 5,
        }
    )
    assert found.options == {"StartingPositionTimestamp": at.timestamp(), "BatchSize": 5, "FiltersHidden": True}
    assert (found.state, found.source) == ("Enabled", "")
    assert not [secret for secret in ("secretsmanager", "inside", "kms") if secret in repr(found)]
