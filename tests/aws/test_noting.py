"""Calls to AWS are counted and, where a click led to them, logged with both request ids."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from sharing.aws import noting, session
from sharing.aws.calling import Caller
from sharing.aws.errors import AwsError
from sharing.aws.pace import Pace
from sharing.aws.session import RoleRef
from sharing.aws.threads import Threads

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.usefixtures("unpaced")


@pytest.fixture(autouse=True)
def _nothing_counted() -> Iterator[None]:
    noting.take()
    structlog.contextvars.clear_contextvars()
    yield
    noting.take()
    structlog.contextvars.clear_contextvars()


def caller(sandbox: "Sandbox", role_name: str = "") -> Caller:
    owner = next(account for account in sandbox.accounts if account.kind == "owner")
    arn = owner.manager_role_arn if not role_name else f"arn:aws:iam::{owner.id}:role/{role_name}"
    return Caller(RoleRef("aws", owner.id, arn, owner.external_id), "us-east-1", pace=Pace())


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    said = [record.msg for record in caplog.records if record.name == "sharing.aws.noting"]
    return [line for line in said if isinstance(line, dict)]


def test_a_call_that_a_click_led_to_is_a_line_with_both_ids(sandbox: "Sandbox", caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asking = caller(sandbox)
    with structlog.contextvars.bound_contextvars(request_id="the-click"):
        said = asking.call("control", "ListFunctions", {"MaxItems": 1})
    line = lines(caplog)[-1]
    assert line["operation"] == "ListFunctions"
    assert line["request_id"] == "the-click"
    assert line["aws_request_id"] == said["ResponseMetadata"]["RequestId"] != ""
    assert (line["account"], line["region"], line["status"]) == (asking.role.account, "us-east-1", 200)
    assert line["milliseconds"] >= 0
    assert [one["operation"] for one in lines(caplog)] == ["AssumeRole", "ListFunctions"]


def test_background_work_that_went_well_is_counted_and_no_line(sandbox: "Sandbox", caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asking = caller(sandbox)
    for _ in range(2):
        asking.call("control", "ListFunctions", {"MaxItems": 1})
    assert lines(caplog) == []
    assert noting.take() == {
        ("", session.home_region()): noting.Noted(1),
        (asking.role.account, "us-east-1"): noting.Noted(2),
    }
    assert noting.take() == {}


def test_that_there_is_no_policy_is_no_line_either(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    noting._note("111122223333", "us-east-1", "GetPolicy", {"status_code": 404, "headers": {}}, None)
    assert lines(caplog) == []


def test_what_aws_refuses_is_a_line_also_in_the_background(sandbox: "Sandbox", caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with pytest.raises(AwsError):
        caller(sandbox, "nobody-has-it").call("control", "ListFunctions", {})
    (line,) = lines(caplog)
    assert (line["operation"], line["status"]) == ("AssumeRole", 403)
    assert line["aws_request_id"]


def test_a_throttled_call_and_one_without_an_answer_are_told_apart() -> None:
    noting._note("111122223333", "us-east-1", "GetPolicy", {"status_code": 429, "headers": {}}, None)
    noting._note("111122223333", "us-east-1", "GetPolicy", None, OSError("reset"))
    noting._note("111122223333", "us-east-1", "GetPolicy", {"status_code": 503, "headers": {}}, None)
    assert noting.take() == {("111122223333", "us-east-1"): noting.Noted(3, 1, 2)}


def test_what_could_not_be_told_counts_for_the_next_time() -> None:
    noting._note("111122223333", "us-east-1", "GetPolicy", {"status_code": 200, "headers": {}}, None)
    taken = noting.take()
    noting._note("111122223333", "us-east-1", "GetPolicy", {"status_code": 200, "headers": {}}, None)
    noting.give_back(taken)
    assert noting.take() == {("111122223333", "us-east-1"): noting.Noted(2)}


def test_threads_carry_the_id_of_the_click() -> None:
    with structlog.contextvars.bound_contextvars(request_id="the-click"), Threads(1) as pool:
        found = list(pool.map(lambda _: structlog.contextvars.get_contextvars(), range(2)))
    assert found == [{"request_id": "the-click"}] * 2
