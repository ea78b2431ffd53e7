"""Sources of the story, and who may touch them: policies that name one source are obeyed, other accounts' buckets are shut."""

import json
from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, allow, code, refused

PLATFORM, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"
UPLOADS = "acme-retail-uploads"


def test_the_storys_bucket_tells_three_others_and_says_so_the_same_each_time(speak: Speaker) -> None:
    client = speak.client("s3", "Acme Retail")
    held = client.get_bucket_notification_configuration(Bucket=UPLOADS, ExpectedBucketOwner=ACME)
    held.pop("ResponseMetadata")
    assert sorted(one["Id"] for several in held.values() for one in several) == [
        "removed-to-archive",
        "restored-to-desk",
        "tagged-to-search",
    ]
    assert set(held) == {"TopicConfigurations", "QueueConfigurations"}
    client.put_bucket_notification_configuration(Bucket=UPLOADS, NotificationConfiguration=held)
    again = client.get_bucket_notification_configuration(Bucket=UPLOADS)
    again.pop("ResponseMetadata")
    assert again == held


def test_photos_of_the_storys_other_bucket_wake_the_function_that_lets_it_in(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.client("s3", "Acme Retail")
    for key in ("in/one.jpg", "in/one.png"):
        client.put_object(Bucket="acme-retail-photos", Key=key, Body=b"x")
    (one,) = sandbox.journal.deliveries
    assert (one.delivered, one.source_account, one.function_arn.rpartition(":")[2]) == (True, ACME, "photo-intake")


def test_both_accounts_with_sources_name_what_may_be_tried(sandbox: Sandbox) -> None:
    kinds = {a.name: sorted(arn.split(":")[2] for arn in a.sources) for a in sandbox.accounts if a.sources}
    one_each = ["cloudwatch", "events", "s3", "sns", "sqs"]
    assert kinds == {"Acme Retail": sorted([*one_each, "s3"]), "Globex": one_each}


def test_a_bucket_of_another_account_is_shut_unless_its_policy_opens_it(speak: Speaker) -> None:
    ours, theirs = speak.client("s3", "Acme Retail"), speak.client("s3", "Globex")
    asked: dict[str, Any] = {"Bucket": UPLOADS}
    assert code(ours.get_bucket_notification_configuration, **asked, ExpectedBucketOwner=GLOBEX) == "AccessDenied"
    assert code(theirs.get_bucket_notification_configuration, **asked) == "AccessDenied"
    assert code(theirs.put_object, **asked, Key="a", Body=b"x") == "AccessDenied"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{GLOBEX}:root"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{UPLOADS}/*",
    }
    ours.put_bucket_policy(**asked, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    theirs.put_object(**asked, Key="a", Body=b"x")
    assert ours.get_object(**asked, Key="a")["Body"].read() == b"x"


@pytest.mark.parametrize(
    ("service", "rights", "resource", "fine", "other"),
    [
        (
            "s3",
            "s3:GetBucketNotification",
            f"arn:aws:s3:::{UPLOADS}",
            ("get_bucket_notification_configuration", {"Bucket": UPLOADS}),
            ("get_bucket_notification_configuration", {"Bucket": "acme-retail-photos"}),
        ),
        (
            "sns",
            "sns:Publish",
            f"arn:aws:sns:us-east-1:{ACME}:orders",
            ("publish", {"TopicArn": f"arn:aws:sns:us-east-1:{ACME}:orders", "Message": "x"}),
            ("publish", {"TopicArn": f"arn:aws:sns:us-east-1:{ACME}:acme-restored", "Message": "x"}),
        ),
        (
            "sqs",
            "sqs:SendMessage",
            f"arn:aws:sqs:us-east-1:{ACME}:acme-orders-in",
            ("send_message", {"QueueUrl": f"https://sqs.us-east-1.amazonaws.com/{ACME}/acme-orders-in", "MessageBody": "x"}),
            ("send_message", {"QueueUrl": f"https://sqs.us-east-1.amazonaws.com/{ACME}/acme-tagged", "MessageBody": "x"}),
        ),
        (
            "events",
            "events:ListTargetsByRule",
            f"arn:aws:events:us-east-1:{ACME}:rule/picture-approved",
            ("list_targets_by_rule", {"Rule": "picture-approved"}),
            ("list_targets_by_rule", {"Rule": "another"}),
        ),
        (
            "cloudwatch",
            "cloudwatch:SetAlarmState",
            f"arn:aws:cloudwatch:us-east-1:{ACME}:alarm:acme-checkout-errors",
            ("set_alarm_state", {"AlarmName": "acme-checkout-errors", "StateValue": "OK", "StateReason": "x"}),
            ("set_alarm_state", {"AlarmName": "another", "StateValue": "OK", "StateReason": "x"}),
        ),
    ],
    ids=["bucket", "topic", "queue", "rule", "alarm"],
)
def test_rights_on_one_source_are_rights_on_no_other(
    speak: Speaker,
    service: str,
    rights: str,
    resource: str,
    fine: tuple[str, dict[str, Any]],
    other: tuple[str, dict[str, Any]],
) -> None:
    client = speak.user(service, "Acme Retail", "narrow", allow(rights, resource))
    getattr(client, fine[0])(**fine[1])
    assert rights in refused(getattr(client, other[0]), **other[1])[2]


def test_a_composite_alarm_is_put_only_by_who_may_put_every_one(speak: Speaker) -> None:
    asked = {"AlarmName": "both", "AlarmRule": "TRUE"}
    one = speak.user(
        "cloudwatch", "Acme Retail", "one", allow("cloudwatch:PutCompositeAlarm", "arn:aws:cloudwatch:*:*:alarm:*")
    )
    assert code(one.put_composite_alarm, **asked) == "AccessDenied"
    speak.user("cloudwatch", "Acme Retail", "two", allow("cloudwatch:PutCompositeAlarm")).put_composite_alarm(**asked)
