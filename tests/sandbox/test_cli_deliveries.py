"""What `make demo` prints, typed: the commands of both accounts wake the function that their sources were wired to."""

import json
import shlex
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from awscli.clidriver import create_clidriver

from sharing.running import trying
from sharing.running.install import CHECKOUT
from sharing.sandbox.server import Sandbox, as_document
from tests.sandbox.conftest import Speaker, function_arn, refused

PLATFORM, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"
LABELS = function_arn(PLATFORM, "label-uploads")

Type = Callable[[str, str], None]


@pytest.fixture
def type_in(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Type:
    """Type the printed commands of an account that hold a word, with nothing but what was printed.

    The AWS CLI runs inside this process: as a process of its own it takes longer to start than to work.
    """
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(CHECKOUT)

    def type_in(account: str, word: str) -> None:
        tried = trying.commands(dict(as_document(sandbox.account(account))), sandbox.url, "us-east-1")
        assert tried is not None
        for name, value in tried["environment"].items():
            monkeypatch.setenv(name, value)
        chosen = [line for line in tried["commands"] if word in line]
        assert chosen
        for line in chosen:
            program, *words = shlex.split(line)
            assert program == "aws"
            assert create_clidriver().main(words) == 0, line

    return type_in


def let_in(speak: Speaker, sid: str, principal: str, **limits: str) -> None:
    asked = {"FunctionName": LABELS, "StatementId": sid, "Action": "lambda:InvokeFunction", "Principal": principal}
    speak.lambda_("Platform").add_permission(**asked, **limits)


def counted(sandbox: Sandbox) -> Counter[tuple[str, str, bool]]:
    return Counter((one.source_account, one.service.split(".")[0], one.delivered) for one in sandbox.journal.deliveries)


def test_objects_uploaded_to_buckets_of_two_accounts_run_one_function(speak: Speaker, sandbox: Sandbox, type_in: Type) -> None:
    for account, number, bucket in (("Acme Retail", ACME, "acme-retail-uploads"), ("Globex", GLOBEX, "globex-media-in")):
        let_in(speak, bucket, "s3.amazonaws.com", SourceArn=f"arn:aws:s3:::{bucket}", SourceAccount=number)
        client = speak.client("s3", account)
        held: dict[str, Any] = client.get_bucket_notification_configuration(Bucket=bucket)
        held.pop("ResponseMetadata")
        held["LambdaFunctionConfigurations"] = [{"LambdaFunctionArn": LABELS, "Events": ["s3:ObjectCreated:*"]}]
        client.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=held)
        type_in(account, f"s3://{bucket}/")
    assert counted(sandbox) == {(ACME, "s3", True): 1, (GLOBEX, "s3", True): 1}
    assert [one.function_arn for one in sandbox.journal.invocations] == [LABELS, LABELS]


def test_what_two_topics_publish_runs_one_function(speak: Speaker, sandbox: Sandbox, type_in: Type) -> None:
    for account, number, name in (("Acme Retail", ACME, "orders"), ("Globex", GLOBEX, "globex-shipments")):
        topic = f"arn:aws:sns:us-east-1:{number}:{name}"
        let_in(speak, name, "sns.amazonaws.com", SourceArn=topic)
        speak.client("sns", account).subscribe(TopicArn=topic, Protocol="lambda", Endpoint=LABELS)
        type_in(account, "sns publish")
    assert counted(sandbox) == {(ACME, "sns", True): 1, (GLOBEX, "sns", True): 1}


def test_a_queue_is_read_only_once_its_policy_lets_the_function_in(speak: Speaker, sandbox: Sandbox, type_in: Type) -> None:
    owner, queues = speak.lambda_("Platform"), speak.client("sqs", "Acme Retail")
    arn = f"arn:aws:sqs:us-east-1:{ACME}:acme-orders-in"
    type_in("Acme Retail", "sqs send-message")
    mapping = {"EventSourceArn": arn, "FunctionName": LABELS}
    assert refused(owner.create_event_source_mapping, **mapping) == (
        "InvalidParameterValueException",
        400,
        "The provided execution role does not have permissions to call ReceiveMessage on SQS",
    )
    role = owner.get_function_configuration(FunctionName=LABELS)["Role"]
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"]
    statement = {"Effect": "Allow", "Principal": {"AWS": role}, "Action": actions, "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = f"{sandbox.url}/{ACME}/acme-orders-in"
    queues.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    owner.create_event_source_mapping(**mapping)
    assert counted(sandbox) == {(ACME, "sqs", True): 1}


def test_rules_and_alarms_are_woken_as_printed(speak: Speaker, sandbox: Sandbox, type_in: Type) -> None:
    role = f"arn:aws:iam::{GLOBEX}:role/events-invoke"
    let_in(speak, "rule", role)
    target = {"Id": "labels", "Arn": LABELS, "RoleArn": role}
    speak.client("events", "Globex").put_targets(Rule="parcel-delivered", Targets=[target])
    type_in("Globex", "events put-events")
    router = function_arn(PLATFORM, "alarm-router")
    alarm = {"AlarmName": "globex-batch-late", "Namespace": "Shop", "MetricName": "MinutesLate", "Statistic": "Sum"}
    rule = {"ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1, "Period": 60, "Threshold": 30}
    speak.client("cloudwatch", "Globex").put_metric_alarm(**alarm, **rule, AlarmActions=[router])
    type_in("Globex", "cloudwatch set-alarm-state")
    assert counted(sandbox) == {(GLOBEX, "events", True): 1, (GLOBEX, "lambda", True): 1}
