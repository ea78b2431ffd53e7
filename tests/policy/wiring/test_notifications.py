"""A bucket's configuration: ours goes in and comes out, and nothing else moves by a byte."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.policy.wiring import merged, overlaps, without
from sharing.policy.wiring.notifications import wanted

ARN = "arn:aws:lambda:us-east-1:444455556666:function:label-uploads"
QUEUE = {
    "Id": "to-queue",
    "QueueArn": "arn:aws:sqs:us-east-1:111122223333:q",
    "Events": ["s3:ObjectRemoved:*"],
    "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}]}},
}
THEIRS: dict[str, Any] = {
    "QueueConfigurations": [QUEUE],
    "TopicConfigurations": [
        {"Id": "t", "TopicArn": "arn:aws:sns:us-east-1:111122223333:t", "Events": ["s3:ReducedRedundancyLostObject"]},
    ],
    "LambdaFunctionConfigurations": [
        {"Id": "thumbs", "LambdaFunctionArn": "arn:aws:lambda:us-east-1:111122223333:function:thumbs",
         "Events": ["s3:ObjectCreated:Put"],
         "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "images/"}, {"Name": "Suffix", "Value": ".png"}]}}},
    ],
    "EventBridgeConfiguration": {},
}  # fmt: skip


def ours(**more: Any) -> dict[str, Any]:
    return wanted(ARN, identity="fnshare-1", events=more.pop("events", ("s3:ObjectCreated:*",)), **more)


def test_in_and_out_again_leaves_the_bucket_as_it_was() -> None:
    before = json.dumps(THEIRS)
    put = merged({**THEIRS, "ResponseMetadata": {"RequestId": "x"}}, ours(prefix="uploads/"))
    assert "ResponseMetadata" not in put
    assert [one["Id"] for one in put["LambdaFunctionConfigurations"]] == ["thumbs", "fnshare-1"]
    assert json.dumps(without(put, "fnshare-1")) == before
    assert json.dumps(THEIRS) == before


def test_ours_again_takes_the_place_of_ours() -> None:
    once = merged(THEIRS, ours())
    twice = merged(once, ours(prefix="new/"))
    assert len(twice["LambdaFunctionConfigurations"]) == 2
    assert without(twice, "fnshare-1") == without(once, "fnshare-1")


def test_the_last_one_leaves_no_empty_list() -> None:
    assert without(merged({}, ours()), "fnshare-1") == {}


@pytest.mark.parametrize(
    ("more", "meets"),
    [
        ({}, True),
        ({"prefix": "images/cats/", "suffix": ".png"}, True),
        ({"prefix": "im"}, True),
        ({"prefix": "images/", "suffix": ".jpg"}, False),
        ({"prefix": "uploads/"}, False),
        ({"events": ("s3:ObjectCreated:Copy",)}, False),
        ({"events": ("s3:ObjectRemoved:Delete",), "prefix": "in/x"}, True),
        ({"events": ("s3:ObjectRemoved:Delete",), "prefix": "out/"}, False),
        ({"suffix": "g"}, True),
    ],
)
def test_what_overlaps_is_told_before_s3_refuses(more: dict[str, Any], meets: bool) -> None:
    found = overlaps(THEIRS, ours(**more))
    assert bool(found) is meets
    for one in found:
        assert one.id in ("thumbs", "to-queue")
        assert one.target in one.sentence


def test_ours_does_not_overlap_with_itself() -> None:
    assert overlaps(merged({}, ours()), ours(prefix="x")) == ()


_text = st.text("ab/.", max_size=4)


@given(
    st.lists(
        st.tuples(_text, _text, st.sampled_from(["s3:ObjectCreated:*", "s3:ObjectCreated:Put", "s3:ObjectRemoved:*"])),
        max_size=4,
    )
)
def test_any_configuration_survives_in_and_out(rows: list[tuple[str, str, str]]) -> None:
    config: dict[str, Any] = {"LambdaFunctionConfigurations": []} if rows else {}
    for number, (prefix, suffix, event) in enumerate(rows):
        config["LambdaFunctionConfigurations"].append(
            wanted(ARN, identity=f"their-{number}", events=(event,), prefix=prefix, suffix=suffix)
        )
    kept = copy.deepcopy(config)
    assert without(merged(config, ours()), "fnshare-1") == kept
    assert config == kept
