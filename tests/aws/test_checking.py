"""DryRuns: only 204 proves, only 403 disproves, and nothing runs."""

from typing import TYPE_CHECKING

import pytest

from sharing.aws.checking import Answer, dry_run
from sharing.aws.session import RoleRef
from sharing.policy import ArnError

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

SESSION = "fnshare-check-1"


@pytest.fixture
def acme(sandbox: "Sandbox") -> RoleRef:
    account = sandbox.account("Acme Retail")
    return RoleRef("aws", account.id, account.checker_role_arn, account.external_id)


def function(sandbox: "Sandbox", name: str) -> str:
    owner = next(account for account in sandbox.accounts if account.kind == "owner")
    return f"arn:aws:lambda:us-east-1:{owner.id}:function:{name}"


def share(sandbox: "Sandbox", arn: str, account: str) -> None:
    statement = {
        "Sid": "s",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "lambda:InvokeFunction",
        "Resource": arn,
    }
    sandbox.put_policy(arn, {"Version": "2012-10-17", "Id": "default", "Statement": [statement]})


def test_allowed_is_proved_and_nothing_ran(acme: RoleRef, sandbox: "Sandbox") -> None:
    arn = function(sandbox, "session-cleanup")
    share(sandbox, arn, acme.account)
    said = dry_run(acme, arn, session_name=SESSION)
    assert (said.answer, said.principal) == (Answer.ALLOWED, acme.role_arn)
    assert said.request_id
    assert not sandbox.journal.invocations
    call = sandbox.journal.of("Invoke")[-1]
    assert call.parameters_summary["InvocationType"] == "DryRun"
    assert call.caller_arn.endswith(f"/{SESSION}")


def test_denied_says_which_half_is_missing(acme: RoleRef, sandbox: "Sandbox") -> None:
    assert dry_run(acme, function(sandbox, "session-cleanup"), session_name=SESSION).answer is Answer.DENIED_RESOURCE
    sandbox.put_role_policy(acme.account, "fnshare-checker", "Check", None)
    arn = function(sandbox, "session-cleanup")
    share(sandbox, arn, acme.account)
    assert dry_run(acme, arn, session_name=SESSION).answer is Answer.DENIED_IDENTITY


def test_an_explicit_deny_is_told(acme: RoleRef, sandbox: "Sandbox") -> None:
    own = f"arn:aws:lambda:us-east-1:{acme.account}:function:anything"
    assert dry_run(acme, own, session_name=SESSION).answer is Answer.DENIED_EXPLICIT


def test_each_form_of_the_arn_is_a_question_of_its_own(acme: RoleRef, sandbox: "Sandbox") -> None:
    arn = function(sandbox, "label-uploads:live")
    share(sandbox, arn, acme.account)
    assert dry_run(acme, arn, session_name=SESSION).answer is Answer.ALLOWED
    assert dry_run(acme, function(sandbox, "label-uploads"), session_name=SESSION).answer.is_denied


@pytest.mark.parametrize(
    ("code", "status", "answer"),
    [
        ("TooManyRequestsException", 429, Answer.THROTTLED),
        ("ServiceException", 500, Answer.UNKNOWN),
        ("ExpiredTokenException", 403, Answer.UNKNOWN),
        ("InvalidParameterValueException", 400, Answer.BAD_REQUEST),
        ("ResourceNotFoundException", 404, Answer.NOT_FOUND),
    ],
)
def test_trouble_is_never_taken_for_denied(acme: RoleRef, sandbox: "Sandbox", code: str, status: int, answer: Answer) -> None:
    sandbox.faults.add("Invoke", code=code, status=status)
    assert dry_run(acme, function(sandbox, "hello_world"), session_name=SESSION).answer is answer


def test_a_denial_without_reason_is_a_denial(acme: RoleRef, sandbox: "Sandbox") -> None:
    sandbox.faults.add("Invoke", code="AccessDeniedException", status=403, message="no")
    assert dry_run(acme, function(sandbox, "hello_world"), session_name=SESSION).answer is Answer.DENIED_UNKNOWN


def test_a_role_that_cannot_be_entered_answers_nothing(acme: RoleRef, sandbox: "Sandbox") -> None:
    wrong = RoleRef("aws", acme.account, acme.role_arn, "wrong-external-id")
    said = dry_run(wrong, function(sandbox, "hello_world"), session_name=SESSION)
    assert said.answer is Answer.UNKNOWN
    assert "let fnshare assume the role" in said.message


def test_what_is_no_function_is_refused_before_any_call(acme: RoleRef, sandbox: "Sandbox") -> None:
    with pytest.raises(ArnError):
        dry_run(acme, "hello_world", session_name=SESSION)
    assert not sandbox.journal.of("AssumeRole")
