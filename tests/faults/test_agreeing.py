"""The checker of all fault tests: what it passes, and that it names what it must not."""

import json
from collections import Counter
from typing import Any

import pytest

from tests.faults.agreement import _differences, _expected, _of_grant, _of_history, _of_intent, _text

SETTLED: dict[str, Any] = {
    "pk": "1",
    "state": "active",
    "principal": "111122223333",
    "arn": "arn",
    "failure": "",
    "failure_next": "",
    "unsettled": False,
    "token_kept": False,
    "checks": [{"state": "done"}],
    "events": [
        {"verb": "grant.decided", "at": "1"},
        {"verb": "check.finished", "at": "2"},
        {"verb": "grant.active", "at": "3"},
    ],
}
INTENT: dict[str, Any] = {
    "kind": "mapping",
    "pk": "1",
    "state": "done",
    "settled": True,
    "failed": False,
    "failure": "",
    "failure_next": "",
}


def test_statements_of_the_seed_are_comparable() -> None:
    """The comparison itself tells a lost, a doubled and an invented statement, and nothing else."""
    kept = {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": ["x", "y"]}, "Action": "*", "Resource": "r"}
    turned = json.loads(json.dumps({**kept, "Principal": {"AWS": ["y", "x"]}}))
    expected = _expected({"Statement": [kept]}, [])
    assert _differences("arn", expected, Counter([_text(turned)])) == []
    assert _differences("arn", expected, Counter())
    assert _differences("arn", expected, Counter([_text(kept), _text(kept)]))
    assert _differences("arn", expected, Counter([_text(kept), _text({**kept, "Sid": "b"})]))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, ""),
        ({"unsettled": True}, "is not settled"),
        ({"state": "failed", "failure": "No."}, "why or what to do"),
        ({"state": "revoked", "failure": "No."}, "still shows a failure"),
        ({"token_kept": True}, "event source token"),
        ({"checks": [{"state": "queued"}]}, "open check"),
    ],
)
def test_a_grant_is_settled_and_says_what_it_must(wrong: dict[str, Any], said: str) -> None:
    problems = _of_grant({**SETTLED, **wrong}, ())
    assert bool(problems) is bool(said)
    assert all(said in problem for problem in problems)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, ""),
        ({"state": "revoked"}, "ends with grant.active"),
        ({"events": [*SETTLED["events"], {"verb": "grant.active", "at": "4"}]}, "grant.active follows grant.active"),
        ({"events": [{**one, "at": str(9 - place)} for place, one in enumerate(SETTLED["events"])]}, "order of time"),
    ],
)
def test_a_history_tells_every_transition_once_and_in_order(wrong: dict[str, Any], said: str) -> None:
    problems = _of_history({**SETTLED, **wrong})
    assert bool(problems) is bool(said)
    assert all(said in problem for problem in problems)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, ""),
        ({"settled": False}, "is not settled"),
        ({"failed": True, "failure": "No."}, "why or what to do"),
        ({"failed": True, "failure_next": "Try."}, "why or what to do"),
    ],
)
def test_whatever_else_was_asked_for_is_settled_or_says_why(wrong: dict[str, Any], said: str) -> None:
    problems = _of_intent({**INTENT, **wrong}, ())
    assert bool(problems) is bool(said)
    assert all(said in problem for problem in problems)
