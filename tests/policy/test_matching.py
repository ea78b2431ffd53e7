"""Wildcards, checked against regular expressions on small texts, and against themselves."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharing.policy.matching import all_of, any_of, arn_matches, covers, glob_matches, negate, overlap

patterns = st.text(alphabet="ab*?", max_size=7)
texts = st.text(alphabet="ab", max_size=7)


def reference(pattern: str, text: str) -> bool:
    parts = (".*" if char == "*" else "." if char == "?" else re.escape(char) for char in pattern)
    return re.fullmatch("".join(parts), text, re.DOTALL) is not None


@given(patterns, texts)
def test_a_glob_matches_what_its_regular_expression_matches(pattern: str, text: str) -> None:
    assert glob_matches(pattern, text) is reference(pattern, text)


@given(patterns, patterns, texts)
def test_what_covers_a_pattern_matches_all_it_matches(wide: str, narrow: str, text: str) -> None:
    if covers(wide, narrow) and glob_matches(narrow, text):
        assert glob_matches(wide, text)


@given(patterns, patterns, texts)
def test_patterns_that_share_a_text_overlap(one: str, other: str, text: str) -> None:
    if glob_matches(one, text) and glob_matches(other, text):
        assert overlap(one, other)
        assert overlap(other, one)


@given(patterns)
def test_every_pattern_covers_and_overlaps_itself(pattern: str) -> None:
    assert covers(pattern, pattern)
    assert overlap(pattern, pattern)
    assert covers("*", pattern)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [("a*", "*b", True), ("a*", "b*", False), ("a?", "?b", True), ("a", "a?", False), ("*a*", "b", False), ("", "*", True)],
)
def test_overlap_is_exact(one: str, other: str, expected: bool) -> None:
    assert overlap(one, other) is expected


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("arn:aws:s3:::b", "arn:aws:s3:::b", True),
        ("arn:aws:s3:::b*", "arn:aws:s3:::bucket", True),
        ("arn:aws:iam::*:role/x", "arn:aws:iam::111122223333:role/x", True),
        ("arn:aws:lambda:*:*:function:f:*", "arn:aws:lambda:us-east-1:1:function:f:live", True),
        ("*", "arn:aws:s3:::b", True),
        ("arn:aws:s3:::c", "arn:aws:s3:::b", False),
        ("arn:aws:s3:*", "arn:aws:s3:::b", None),
        ("arn:aws:lambda:us-*:function:f", "arn:aws:lambda:us-east-1:1:function:f", None),
        ("ARN:aws:s3:::b", "arn:aws:s3:::b", False),
    ],
)
def test_arns_match_part_by_part_and_doubt_is_said(pattern: str, arn: str, expected: bool | None) -> None:
    assert arn_matches(pattern, arn) is expected


@pytest.mark.parametrize("pattern", ["*a" * 5000, "?*" * 5000, "*" * 10_000, "a*?" * 3000])
def test_hostile_patterns_end_soon(pattern: str) -> None:
    started = time.monotonic()
    glob_matches(pattern, "a" * 5000)
    covers(pattern[:2000], "a" * 500)
    overlap(pattern[:500], "*a" * 200)
    assert time.monotonic() - started < 5


def test_three_valued_logic() -> None:
    assert any_of([False, None, True]) is True
    assert any_of([False, None]) is None
    assert any_of([]) is False
    assert all_of([True, None, False]) is False
    assert all_of([True, None]) is None
    assert all_of([]) is True
    assert [negate(one) for one in (True, False, None)] == [False, True, None]
