"""Hand-off packs run as they are: what a bucket, a topic and a queue have is kept, twice is once, and undoing restores."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sharing.policy.wiring import MappingOptions, Plan, Side, plan
from sharing.policy.wiring.packs import Pack, pack
from sharing.sandbox.server import Sandbox
from tests.sandbox.aws_quickly import quick_aws
from tests.sandbox.conftest import Speaker, function_arn
from tests.sandbox.test_deliveries import ACME, PLATFORM, bucket, let_in

FUNCTION = function_arn(PLATFORM, "session-cleanup")
ROLE = f"arn:aws:iam::{PLATFORM}:role/queue-reader"
TOOLS = ("cli", "boto3")

Runner = Callable[..., str]


@pytest.fixture
def run(sandbox: Sandbox, tmp_path: Path) -> Iterator[Runner]:
    """Runs a tool's file of a pack as an account's user; its output, or with `fails` what it says when it must fail."""

    def act(found: Pack, tool: str, name: str, *words: str, fails: bool = False) -> str:
        held = sandbox.account(name)
        (text,) = (one.text for one in found.sections if one.tool == tool)
        script = tmp_path / f"script-{tool}"
        script.write_text(text)
        environment = {
            "PATH": f"{tmp_path}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "AWS_ACCESS_KEY_ID": held.access_key_id,
            "AWS_SECRET_ACCESS_KEY": held.secret_access_key,
            "AWS_ENDPOINT_URL": sandbox.url,
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        runner = ["bash"] if tool == "cli" else [sys.executable]
        done = subprocess.run(
            [*runner, str(script), *words],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    with quick_aws(tmp_path, sandbox.url):
        yield act


def planned(source: str, **more: Any) -> Plan:
    found = plan(FUNCTION, source, **more)
    assert isinstance(found, Plan), found
    return found


def text(document: Any) -> str:
    return json.dumps(document, sort_keys=True)


def test_a_bucket_keeps_what_it_has(run: Runner, speak: Speaker) -> None:
    client = bucket(speak, "kept-in")
    let_in(speak, "kept", "s3.amazonaws.com", SourceArn="arn:aws:s3:::kept-in", SourceAccount=ACME)
    held = {
        "LambdaFunctionConfigurations": [
            {
                "Id": "theirs",
                "LambdaFunctionArn": FUNCTION,
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "old/"}]}},
            }
        ],
        "QueueConfigurations": [
            {
                "Id": "q",
                "QueueArn": f"arn:aws:sqs:us-east-1:{ACME}:q",
                "Events": ["s3:ObjectRemoved:Delete", "s3:ObjectRestore:*"],
            }
        ],
        "TopicConfigurations": [
            {"Id": "t", "TopicArn": f"arn:aws:sns:us-east-1:{ACME}:t", "Events": ["s3:ReducedRedundancyLostObject"]}
        ],
    }
    client.put_bucket_notification_configuration(Bucket="kept-in", NotificationConfiguration=held)

    def now() -> dict[str, Any]:
        found = client.get_bucket_notification_configuration(Bucket="kept-in")
        return {name: value for name, value in found.items() if name != "ResponseMetadata"}

    before = now()
    found = pack(planned("arn:aws:s3:::kept-in", source_account=ACME, prefix="it's/", suffix=".png"))
    overlapping = pack(planned("arn:aws:s3:::kept-in", source_account=ACME, prefix="old/x"))
    for tool in TOOLS:
        if tool == "cli":
            assert "+" in run(found, tool, "Acme Retail", "--show")
            assert text(now()) == text(before)
        assert "done." in run(found, tool, "Acme Retail")
        after = now()
        added = after["LambdaFunctionConfigurations"].pop()
        assert text(after) == text(before)
        assert (added["Id"], added["LambdaFunctionArn"]) == ("fnshare-wiring", FUNCTION)
        assert "it is so already" in run(found, tool, "Acme Retail")
        assert "done." in run(found, tool, "Acme Retail", "--undo")
        assert text(now()) == text(before)
    assert "“theirs” already sends" in run(overlapping, "boto3", "Acme Retail", fails=True)
    assert f"credentials of account {PLATFORM}" in run(found, "boto3", "Platform", fails=True)
    assert text(now()) == text(before)


def test_a_topic_is_subscribed_to_from_either_side(run: Runner, speak: Speaker) -> None:
    client = speak.client("sns", "Acme Retail")
    topic = client.create_topic(Name="either")["TopicArn"]
    before = client.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]

    def subscribed() -> list[str]:
        return [one["Endpoint"] for one in client.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]]

    theirs = pack(planned(topic, filter_policy='{"it\'s": ["x"]}'), side=Side.SOURCE)
    lets = planned(topic, owner_subscribes=True)
    for tool in TOOLS:
        run(theirs, tool, "Acme Retail")
        if tool == "cli":
            run(theirs, tool, "Acme Retail")
            assert "AuthorizationError" in run(pack(lets, side=Side.OWNER), tool, "Platform", fails=True)
        assert subscribed() == [FUNCTION]
        run(theirs, tool, "Acme Retail", "--undo")
        assert subscribed() == []
        run(pack(lets, side=Side.SOURCE), tool, "Acme Retail")
        run(pack(lets, side=Side.OWNER), tool, "Platform")
        assert subscribed() == [FUNCTION]
        run(theirs, tool, "Acme Retail", "--undo")
        run(pack(lets, side=Side.SOURCE), tool, "Acme Retail", "--undo")
        after = client.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"]
        assert text(json.loads(after)) == text(json.loads(before))


def test_a_queue_lets_the_execution_role_read_and_keeps_its_policy(run: Runner, speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.add_role(PLATFORM, "queue-reader")
    client = speak.client("sqs", "Acme Retail")
    url = client.create_queue(QueueName="their-queue")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{ACME}:their-queue"
    found = pack(planned(arn, execution_role=ROLE, options=MappingOptions()), side=Side.SOURCE)

    def now() -> Any:
        held = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {}).get("Policy", "")
        return json.loads(held) if held else {}

    theirs = {
        "Sid": "theirs",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACME}:root"},
        "Action": "sqs:*",
        "Resource": arn,
    }
    for tool, before in zip(TOOLS, ({}, {"Version": "2012-10-17", "Id": "kept", "Statement": [theirs]}), strict=True):
        client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(before) if before else ""})
        run(found, tool, "Acme Retail")
        added = now()["Statement"]
        assert added[:-1] == before.get("Statement", [])
        assert added[-1]["Principal"] == {"AWS": ROLE}
        if tool == "cli":
            assert "it is so already" in run(found, tool, "Acme Retail")
        run(found, tool, "Acme Retail", "--undo")
        assert text(now()) == text(before)
