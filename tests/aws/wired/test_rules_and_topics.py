"""Rules and topics: whom they tell, read to the end."""

import pytest

from sharing.aws.errors import Refused, Unavailable
from tests.aws.stubbed import Aws
from tests.aws.wired.sources import ACME, ARNS, HELLO, ROLE, of


def test_a_rules_targets_are_read_to_the_end_without_what_is_sent_along(aws: Aws) -> None:
    stub = aws.of("eventbridge")
    named = {"Rule": "nightly", "EventBusName": "shop", "Limit": 100}
    secret = {"Id": "a", "Arn": HELLO, "Input": "a secret", "HttpParameters": {"HeaderParameters": {"X-Api-Key": "a secret"}}}
    stub.add_response("list_targets_by_rule", {"Targets": [secret], "NextToken": "more"}, named)
    second = {"Id": "b", "Arn": ARNS["sqs"], "RoleArn": ROLE.role_arn}
    stub.add_response("list_targets_by_rule", {"Targets": [second]}, {**named, "NextToken": "more"})
    assert of("eventbridge").rule_targets() == [{"Id": "a", "Arn": HELLO}, second]


def test_a_target_that_eventbridge_did_not_take_is_refused_though_it_answers_200(aws: Aws) -> None:
    stub = aws.of("eventbridge")
    target = {"Id": "fnshare-1", "Arn": HELLO}
    failed = {"TargetId": "fnshare-1", "ErrorCode": "LimitExceededException", "ErrorMessage": "Five at most."}
    named = {"Rule": "nightly", "EventBusName": "shop"}
    stub.add_response("put_targets", {"FailedEntryCount": 1, "FailedEntries": [failed]}, {**named, "Targets": [target]})
    with pytest.raises(Refused, match="Five at most") as refused:
        of("eventbridge").put_rule_target(target)
    assert refused.value.code == "LimitExceededException"
    stub.add_response("remove_targets", {"FailedEntryCount": 0, "FailedEntries": []}, {**named, "Ids": ["fnshare-1"]})
    of("eventbridge").remove_rule_target("fnshare-1")


def test_subscriptions_are_read_to_the_end_and_only_confirmed_ones_count(aws: Aws) -> None:
    stub = aws.of("sns")

    def entry(arn: str, endpoint: str) -> dict[str, str]:
        return {"SubscriptionArn": arn, "Endpoint": endpoint, "Protocol": "lambda", "TopicArn": ARNS["sns"], "Owner": ACME}

    one, two = f"{ARNS['sns']}:1", f"{ARNS['sns']}:2"
    first = [entry("PendingConfirmation", HELLO), entry(one, HELLO)]
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": first, "NextToken": "t"}, {"TopicArn": ARNS["sns"]})
    second = [entry(two, HELLO), entry(f"{ARNS['sns']}:3", f"{HELLO}:live")]
    more = {"TopicArn": ARNS["sns"], "NextToken": "t"}
    stub.add_response("list_subscriptions_by_topic", {"Subscriptions": second}, more)
    assert of("sns").subscriptions(HELLO) == [one, two]
    again = {"Subscriptions": [], "NextToken": "t"}
    stub.add_response("list_subscriptions_by_topic", again, {"TopicArn": ARNS["sns"]})
    stub.add_response("list_subscriptions_by_topic", again, more)
    with pytest.raises(Unavailable, match="could not be understood"):
        of("sns").subscriptions(HELLO)


def test_a_subscription_is_one_of_the_topic_or_nobody_knows_what_it_is(aws: Aws) -> None:
    stub = aws.of("sns")
    asked = {"TopicArn": ARNS["sns"], "Protocol": "lambda", "Endpoint": HELLO, "ReturnSubscriptionArn": True}
    stub.add_response("subscribe", {"SubscriptionArn": f"{ARNS['sns']}:1"}, {**asked, "Attributes": {"FilterPolicy": "{}"}})
    assert of("sns").subscribe(HELLO, "{}") == f"{ARNS['sns']}:1"
    stub.add_response("subscribe", {"SubscriptionArn": "pending confirmation"}, asked)
    with pytest.raises(Unavailable) as unclear:
        of("sns").subscribe(HELLO)
    assert unclear.value.maybe_done


def test_of_a_topic_only_its_policy_is_kept(aws: Aws) -> None:
    attributes = {"Policy": '{"Statement":[]}', "KmsMasterKeyId": "a key", "DeliveryPolicy": "a secret"}
    aws.of("sns").add_response("get_topic_attributes", {"Attributes": attributes}, {"TopicArn": ARNS["sns"]})
    assert of("sns").topic_policy() == {"Statement": []}
