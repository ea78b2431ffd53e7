"""Function ARNs: names of 64 characters, qualifiers of 128, partitions that fit their region."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.policy import ArnError, FunctionArn
from sharing.policy.arn import Arn, partition_of_region

F = "arn:aws:lambda:us-east-1:444455556666:function:f"
NAMES = st.from_regex(r"[a-zA-Z0-9_-]{1,64}", fullmatch=True)
QUALIFIERS = st.none() | st.from_regex(r"[a-zA-Z0-9_-]{1,128}", fullmatch=True)


@pytest.mark.parametrize(
    ("text", "qualifier", "version", "alias"),
    [
        (F, None, False, False),
        (f"{F}:live", "live", False, True),
        (f"{F}:7", "7", True, False),
        (f"{F}:$LATEST", "$LATEST", False, False),
        (f"  {F}:live ", "live", False, True),
        ("arn:aws-cn:lambda:cn-north-1:444455556666:function:f", None, False, False),
        ("arn:aws-us-gov:lambda:us-gov-west-1:444455556666:function:f", None, False, False),
        ("arn:aws-eusc:lambda:eusc-de-east-1:444455556666:function:f", None, False, False),
        (f"arn:aws:lambda:us-east-1:444455556666:function:{'f' * 64}", None, False, False),
    ],
)
def test_every_form_is_read(text: str, qualifier: str | None, version: bool, alias: bool) -> None:
    found = FunctionArn.parse(text)
    assert (found.qualifier, found.is_version, found.is_alias) == (qualifier, version, alias)
    assert str(found) == text.strip()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "full ARN"),
        ("hello_world", "copy the whole ARN"),
        ("444455556666:function:f", "copy the whole ARN"),
        ("arn:aws:lambda:us-east-1", "six parts"),
        ("arn:aws:s3:::bucket", "no Lambda function"),
        ("arn:aws:lambda:us-east-1:444455556666:layer:l:1", "no Lambda function"),
        ("arn:aws:lambda:us-east-1:44445555666:function:f", "exactly 12 digits"),
        ("arn:aws:lambda:us-east-1:4444555566661:function:f", "exactly 12 digits"),
        ("arn:aws:lambda:moon-1:444455556666:function:f", "not an AWS region"),
        ("arn:aws:lambda:cn-north-1:444455556666:function:f", "belongs to partition aws-cn"),
        ("arn:aws-cn:lambda:us-east-1:444455556666:function:f", "belongs to partition aws,"),
        ("arn:amazon:lambda:us-east-1:444455556666:function:f", "not an AWS partition"),
        (f"{F}:", "ends with a colon"),
        (f"{F}:a b", "cannot be an alias or version"),
        (f"{F}:{'q' * 129}", "129 characters"),
        (f"arn:aws:lambda:us-east-1:444455556666:function:{'f' * 65}", "65 characters"),
        ("arn:aws:lambda:us-east-1:444455556666:function:<script>", "cannot be a function name"),
        ("arn:aws:lambda:us-east-1:٤٤٤٤٥٥٥٥٦٦٦٦:function:f", "exactly 12 digits"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(text: str, words: str) -> None:
    with pytest.raises(ArnError, match=words) as caught:
        FunctionArn.parse(text)
    assert str(caught.value).endswith(".")


def test_a_qualifier_is_put_on_and_taken_off() -> None:
    bare = FunctionArn.parse(F)
    assert str(bare.with_qualifier("live")) == f"{F}:live"
    assert bare.with_qualifier("live").unqualified == bare
    assert bare.with_qualifier("") == bare.with_qualifier(None) == bare.unqualified
    with pytest.raises(ArnError):
        bare.with_qualifier("not this")


@pytest.mark.parametrize(
    ("region", "partition"), [("us-gov-east-1", "aws-us-gov"), ("us-isob-east-1", "aws-iso-b"), ("eu-west-1", "aws")]
)
def test_a_region_tells_its_partition(region: str, partition: str) -> None:
    assert partition_of_region(region) == partition


@given(NAMES, QUALIFIERS)
def test_parse_and_text_are_inverse(name: str, qualifier: str | None) -> None:
    arn = FunctionArn("aws", "eu-central-1", "444455556666", name, qualifier)
    assert FunctionArn.parse(str(arn)) == arn


@given(st.text(max_size=200))
def test_any_text_is_an_arn_or_a_sentence(text: str) -> None:
    for parse in (FunctionArn.parse, Arn.parse):
        try:
            parse(text)
        except ArnError as error:
            assert str(error).endswith((".", ")"))  # noqa: PT017 (either outcome is right)
