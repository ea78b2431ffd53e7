"""Can this caller invoke this, and why was a call refused: answered from what was read, with nothing claimed beyond it."""

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from sharing.aws.checking import Answer, dry_run
from sharing.aws.functions import StoredPolicy
from sharing.aws.session import RoleRef
from sharing.models import Account, Actor, Check, Event, Function, GrantState, Policy, Qualifier, QualifierKind, Reading, Role
from sharing.services import access, syncing
from sharing.services.errors import NotFound, Refusal
from tests import factories
from tests.services.estate import Estate

if TYPE_CHECKING:
    from sharing.sandbox.server import Sandbox

pytestmark = pytest.mark.django_db

PLATFORM, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"
ROLE = f"arn:aws:iam::{ACME}:role/deploy"
SESSION = f"arn:aws:sts::{ACME}:assumed-role/deploy/s1"
GHOST = "AROAEXAMPLEEXAMPLE12"
ORG = "o-a1b2c3d4e5"
BY = Actor.system()
INVOKE = "lambda:InvokeFunction"


@pytest.fixture
def function() -> Function:
    platform = factories.account("Platform", PLATFORM)
    factories.account("Acme Retail", ACME)
    made = factories.function("label-uploads", platform, urls={})
    Qualifier.objects.create(function=made, kind=QualifierKind.ALIAS, name="live", points_to="7")
    Policy.objects.create(function=made, qualifier="live", reading=Reading.NONE, read_at=timezone.now())
    return made


def root(number: str = ACME) -> dict[str, str]:
    return {"AWS": f"arn:aws:iam::{number}:root"}


def statement(function: Function, principal: Any, sid: str = "theirs", *, qualifier: str = "", **more: Any) -> dict[str, Any]:
    arn = f"{function.arn}:{qualifier}" if qualifier else function.arn
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": INVOKE, "Resource": arn, **more}


def holds(
    function: Function, *statements: dict[str, Any], qualifier: str = "", ago: timedelta = timedelta(minutes=10), at: Any = None
) -> Policy:
    policy = function.policies.get(qualifier=qualifier)
    Policy.objects.filter(pk=policy.pk).update(read_at=None)
    policy.refresh_from_db()
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    syncing.store_policy(policy, StoredPolicy(text, "revision"), read_at=at or timezone.now() - ago)
    return policy


def ask(function: Function, principal: str = "Acme Retail", qualifier: str = "", **more: Any) -> access.Reasoned:
    name = f"{function.arn}:{qualifier}" if qualifier else function.arn
    return access.reason(access.question(by=BY, function=name, principal=principal, **more), by=BY)


def test_an_account_that_is_named_is_let_in_as_far_as_the_owner_goes(function: Function) -> None:
    holds(function, statement(function, root()))
    found = ask(function)
    assert found.verdict == "yes"
    assert found.sentence == (
        "Yes, as far as the owner's side goes: the statement “theirs” lets Acme Retail invoke label-uploads."
    )
    assert found.owner.delegated
    assert found.caller.kind == "other"
    assert "only their account is named" in found.unknown[0]
    assert any("service control" in line for line in found.unknown)


@pytest.mark.parametrize(
    ("principal", "stored", "verdict"),
    [
        (ROLE, root(), "yes"),
        (ROLE, {"AWS": ROLE}, "yes"),
        (SESSION, {"AWS": ROLE}, "yes"),
        (SESSION, {"AWS": f"arn:aws:iam::{ACME}:role/team/deploy"}, "depends"),
        (ROLE, {"AWS": f"arn:aws:iam::{ACME}:role/other"}, "no"),
        (ACME, {"AWS": ROLE}, "depends"),
        (GLOBEX, {"AWS": ROLE}, "no"),
        (ROLE, {"AWS": GHOST}, "no"),
        (ROLE, "*", "yes"),
        ("s3.amazonaws.com", {"Service": "s3.amazonaws.com"}, "yes"),
        ("Amazon S3", {"Service": "s3.amazonaws.com"}, "yes"),
        ("sns", {"Service": "s3.amazonaws.com"}, "no"),
        (f"arn:aws-cn:iam::{ACME}:role/x", "*", "no"),
        # In the owner's own account an identity policy alone is enough: silence is no answer.
        (PLATFORM, root(), "depends"),
        (f"arn:aws:iam::{PLATFORM}:role/x", root(), "depends"),
        (f"arn:aws:iam::{PLATFORM}:role/x", root(PLATFORM), "depends"),
        (f"arn:aws:iam::{PLATFORM}:role/x", {"AWS": f"arn:aws:iam::{PLATFORM}:role/x"}, "yes"),
    ],
)
def test_every_kind_of_caller_gets_the_answer_of_the_policy(
    function: Function, principal: str, stored: Any, verdict: str
) -> None:
    holds(function, statement(function, stored))
    found = ask(function, principal)
    assert found.verdict == verdict, found.sentence
    assert bool(found.depends_on) == (verdict == "depends")


@pytest.mark.parametrize(
    ("principal", "condition", "context", "verdict", "on"),
    [
        (ROLE, {"StringEquals": {"aws:PrincipalOrgID": ORG}}, {}, "depends", f"belongs to organisation {ORG}"),
        (ROLE, {"StringEquals": {"aws:PrincipalOrgID": ORG}}, {"aws:PrincipalOrgID": ORG}, "yes", ""),
        (ROLE, {"StringEquals": {"aws:PrincipalOrgID": ORG}}, {"aws:PrincipalOrgID": "o-zzzzzzzzzz"}, "no", ""),
        (ROLE, {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {}, "depends", "comes from 203.0.113.0/24"),
        (ROLE, {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}}, {"aws:SourceIp": "198.51.100.7"}, "no", ""),
        (ROLE, {"StringLike": {"aws:PrincipalTag/${aws:x}": "{team}"}}, {}, "depends", "{team}"),
        (ROLE, {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, {}, "yes", ""),
        ("s3.amazonaws.com", {"StringEquals": {"AWS:SourceAccount": ACME}}, {}, "depends", f"for account {ACME}"),
        ("s3.amazonaws.com", {"StringEquals": {"AWS:SourceAccount": ACME}}, {"aws:SourceAccount": ACME}, "yes", ""),
        ("s3.amazonaws.com", {"StringEquals": {"AWS:SourceAccount": ACME}}, {"aws:SourceAccount": GLOBEX}, "no", ""),
        (ROLE, {"StringEquals": {"AWS:SourceAccount": ACME}}, {}, "no", ""),
    ],
)
def test_what_is_not_known_of_a_call_makes_it_depend_and_what_is_said_decides(
    function: Function, principal: str, condition: Any, context: Any, verdict: str, on: str
) -> None:
    holds(function, statement(function, "*", Condition=condition))
    found = ask(function, principal, context=context)
    assert found.verdict == verdict, found.sentence
    assert on in " ".join(found.depends_on)


def test_a_deny_is_a_no_and_one_that_hangs_on_something_makes_it_depend(function: Function) -> None:
    deny = statement(function, {"AWS": ROLE}, "never", Effect="Deny")
    holds(function, statement(function, root()), deny)
    assert ask(function, ROLE).sentence == "No: the Deny “never” forbids role deploy of Acme Retail to invoke label-uploads."
    assert ask(function).verdict == "yes"
    assert [(one.principal, one.allowed) for one in ask(function).owner.exceptions] == [(ROLE, False)]
    perimeter = statement(function, "*", "perimeter", Effect="Deny", Condition={"StringNotEquals": {"aws:PrincipalOrgID": ORG}})
    holds(function, statement(function, root()), perimeter, ago=timedelta(minutes=5))
    found = ask(function)
    assert found.verdict == "depends"
    assert "perimeter" in found.depends_on[0]


def test_other_forms_that_would_let_them_in_are_told(function: Function) -> None:
    holds(function, statement(function, root(), qualifier="live"), qualifier="live")
    found = ask(function)
    assert found.verdict == "no"
    assert [(one.arn, one.certain, one.statements) for one in found.owner.forms] == [
        (f"{function.arn}:live", True, ("theirs",))
    ]
    assert ask(function, qualifier="live").verdict == "yes"


def test_an_unread_policy_is_neither_a_yes_nor_a_no(function: Function) -> None:
    function.policies.filter(qualifier="").update(reading=Reading.UNREAD, read_at=None)
    found = ask(function)
    assert found.verdict == "depends"
    assert "was never read" in found.sentence
    # A version nobody read has no row, and asking makes none.
    before = Policy.objects.count()
    assert ask(function, qualifier="9").verdict == "depends"
    assert Policy.objects.count() == before


@pytest.mark.parametrize("stored", [root(), root(GLOBEX)])
def test_what_cannot_be_read_any_more_is_answered_as_it_was_and_depends(function: Function, stored: Any) -> None:
    policy = holds(function, statement(function, stored))
    syncing.mark_unread(policy, "AWS refuses to show it.", timezone.now())
    found = ask(function)
    assert found.verdict == "depends"
    assert found.sentence.startswith("As last read: ")
    assert "AWS refuses to show it." in found.depends_on[0]


@pytest.mark.parametrize(
    ("urls", "principal", "statements", "verdict"),
    [
        ({}, "anonymous", 2, "no"),
        (None, "anonymous", 2, "depends"),
        ({"": "AWS_IAM"}, "anonymous", 2, "no"),
        ({"": "NONE"}, "anonymous", 2, "yes"),
        ({"": "NONE"}, "anonymous", 1, "no"),
        ({"": "NONE"}, ROLE, 2, "yes"),
        ({"": "AWS_IAM"}, ROLE, 1, "no"),
    ],
)
def test_a_function_url_needs_a_url_and_both_permissions(
    function: Function, urls: Any, principal: str, statements: int, verdict: str
) -> None:
    Function.objects.filter(pk=function.pk).update(urls=urls)
    pair = [
        statement(function, "*", "url", Action="lambda:InvokeFunctionUrl"),
        statement(function, "*", "invoke", Condition={"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
    ]
    holds(function, *pair[:statements])
    assert ask(function, principal, by_url=True).verdict == verdict
    assert ask(function, principal, action="lambda:InvokeFunctionUrl").verdict == verdict
    if principal != "anonymous":
        assert ask(function, principal).verdict == "no", "by the API the second statement does not apply"


def test_the_last_check_is_told_for_whom_it_was_made(function: Function) -> None:
    policy = holds(function, statement(function, root()))
    checker = f"arn:aws:iam::{ACME}:role/fnshare-checker"
    made = {"policy": policy, "occasion": "click", "state": "done", "requested_as": "x", "done_at": timezone.now()}
    Check.objects.create(principal=checker, verdict="allowed", **made)
    Check.objects.create(principal=f"arn:aws:iam::{GLOBEX}:role/fnshare-checker", verdict="denied", **made)
    found = ask(function, ROLE).caller
    assert found.check is not None
    assert (found.check.principal, found.check.verdict, found.check_is_theirs) == (checker, "allowed", False)
    assert ask(function, checker).caller.check_is_theirs


@pytest.mark.parametrize(
    ("function_text", "principal", "field"),
    [
        ("", ACME, "function"),
        ("no-such-function", ACME, "function"),
        ("arn:aws:lambda:us-east-1:444455556666:function:", ACME, "function"),
        ("label-uploads:$LATEST", ACME, "function"),
        ("label-uploads:li ve!", ACME, "function"),
        ("label-uploads", "", "principal"),
        ("label-uploads", "nobody I know", "principal"),
        ("label-uploads", "everyone", "principal"),
        ("label-uploads", ORG, "principal"),
        ("label-uploads", f"arn:aws:iam::{ACME}:group/x", "principal"),
        ("label-uploads", "1234", "principal"),
    ],
)
def test_a_question_that_cannot_be_read_says_what_is_wrong(
    function: Function, function_text: str, principal: str, field: str
) -> None:
    with pytest.raises(Refusal) as caught:
        access.question(by=BY, function=function_text, principal=principal)
    assert caught.value.field == field
    assert caught.value.message


def test_a_function_is_found_by_what_people_write(function: Function) -> None:
    other = factories.function("label-uploads", function.account, region="eu-west-1")
    for text in (function.arn, f"us-east-1/{function.name}", f"{function.arn}:live", "us-east-1/label-uploads:live"):
        assert access.question(by=BY, function=text, principal=ACME).function == function
    with pytest.raises(Refusal) as caught:
        access.question(by=BY, function="label-uploads:live", principal=ACME)
    assert f"{other.arn}:live" in caught.value.next
    assert access.suggestions("label", by=BY) == [other.arn, function.arn, f"{function.arn}:live"]
    assert access.suggestions("l", by=BY) == []


def test_what_is_out_of_scope_is_answered_as_if_it_did_not_exist(function: Function) -> None:
    holds(function, statement(function, root()))
    stranger = Actor.of(factories.person(Role.OWNER, accounts=[factories.account()]))
    said = []
    for arn in (function.arn, function.arn.replace("label", "table")):
        with pytest.raises(NotFound) as caught:
            access.question(by=stranger, function=arn, principal=ACME)
        said.append((str(caught.value).replace("table", "label"), caught.value.next))
    assert said[0] == said[1]
    assert access.suggestions("label", by=stranger) == []
    counts, explained = [], []
    for arn in (function.arn, function.arn.replace("label", "table")):
        with CaptureQueriesContext(connection) as captured:
            found = access.why_denied(refusal(arn), by=stranger)
        counts.append(len(captured))
        explained.append(repr(found).replace("table", "label"))
    assert counts[0] == counts[1]
    assert explained[0] == explained[1]


def refusal(arn: str, who: str = SESSION, reason: str = "", action: str = INVOKE) -> str:
    said = f"User: {who} is not authorized to perform: {action} on resource: {arn} {reason}"
    return f"An error occurred (AccessDeniedException) when calling the Invoke operation: {said}"


def why(text: str) -> list[str]:
    return [cause.code for cause in access.why_denied(text, by=BY).causes]


NO_RESOURCE = f"because no resource-based policy allows the {INVOKE} action"
NO_IDENTITY = f"because no identity-based policy allows the {INVOKE} action"


@pytest.mark.parametrize(
    ("stored", "who", "reason", "codes"),
    [
        (root(), SESSION, "", ["identity"]),
        (root(), SESSION, NO_IDENTITY, ["identity"]),
        (root(), SESSION, NO_RESOURCE, ["contradiction"]),
        (root(GLOBEX), SESSION, NO_RESOURCE, ["not-shared"]),
        (root(GLOBEX), SESSION, NO_IDENTITY, ["not-shared", "identity"]),
        ({"AWS": GHOST}, SESSION, "", ["ghost-perhaps"]),
        ({"AWS": f"arn:aws:iam::{ACME}:role/team/deploy"}, SESSION, "", ["depends"]),
        ({"AWS": f"arn:aws:iam::{ACME}:role/team/deploy"}, SESSION, NO_IDENTITY, ["depends", "identity"]),
        ({"AWS": f"{SESSION[:-1]}9"}, SESSION, "", ["session"]),
        ({"AWS": f"arn:aws:iam::{ACME}:role/Deploy"}, ROLE, "", ["spelling"]),
        ({"AWS": f"arn:aws:iam::{ACME}:role/team/deploy"}, ROLE, "", ["path"]),
        ({"AWS": f"arn:aws:iam::{ACME}:role/other"}, SESSION, "", ["other-identity"]),
        (root(), SESSION, "with an explicit deny in a service control policy", ["service-control-deny"]),
        (root(), SESSION, "with an explicit deny in a resource control policy", ["resource-control-deny"]),
        (root(), SESSION, "with an explicit deny in an identity-based policy", ["identity-deny"]),
        (root(), SESSION, "with an explicit deny in a permissions boundary", ["boundary-deny"]),
        (root(), SESSION, "with an explicit deny in a session policy", ["session-deny"]),
        (root(), SESSION, "with an explicit deny in a VPC endpoint policy", ["endpoint-deny"]),
        (root(), SESSION, f"because no permissions boundary allows the {INVOKE} action", ["boundary-silent"]),
        (root(), SESSION, f"because no service control policy allows the {INVOKE} action", ["service-control-silent"]),
        (root(), SESSION, "with an explicit deny in a resource-based policy", ["deny-unseen"]),
        (root(), SESSION, "with an explicit deny", ["deny-somewhere"]),
        (root(), f"arn:aws:iam::{PLATFORM}:role/x", "", ["identity"]),
        (root(), f"arn:aws-cn:iam::{ACME}:role/x", "", ["partition"]),
    ],
)
def test_the_side_that_is_missing_is_named(function: Function, stored: Any, who: str, reason: str, codes: list[str]) -> None:
    holds(function, statement(function, stored))
    assert why(refusal(function.arn, who, reason)) == codes


def test_a_call_of_another_form_than_the_shared_one_gets_the_right_arn(function: Function) -> None:
    holds(function, statement(function, root(), qualifier="live"), qualifier="live")
    found = access.why_denied(refusal(function.arn), by=BY).causes[0]
    assert found.code == "other-form"
    assert found.hand_over[0].text == f"{function.arn}:live"
    assert json.loads(found.hand_over[2].text)["Statement"][0]["Resource"] == f"{function.arn}:live"
    assert found.repair is not None
    assert (found.repair.who, found.repair.qualifier, found.repair.action) == (ROLE, "", INVOKE)
    # The other way round.
    holds(function, statement(function, root()))
    holds(function, statement(function, root(GLOBEX), qualifier="live"), qualifier="live", ago=timedelta(minutes=5))
    found = access.why_denied(refusal(f"{function.arn}:live"), by=BY).causes[0]
    assert (found.code, found.hand_over[0].text) == ("other-form", function.arn)
    assert found.repair is not None
    assert found.repair.qualifier == "live"


def test_a_role_that_was_deleted_and_made_again_is_recognised_by_its_earlier_statement(function: Function) -> None:
    holds(function, statement(function, {"AWS": ROLE}), ago=timedelta(hours=2))
    holds(function, statement(function, {"AWS": GHOST}), ago=timedelta(hours=1))
    found = access.why_denied(refusal(function.arn), by=BY).causes[0]
    assert found.code == "ghost"
    assert found.repair is not None
    assert found.repair.who == ROLE
    other = access.why_denied(refusal(function.arn, SESSION.replace("deploy", "build")), by=BY).causes[0]
    assert other.code == "ghost-perhaps"
    assert ROLE in other.text


def test_a_statement_that_is_only_just_there_may_not_have_spread(function: Function) -> None:
    holds(function, statement(function, root()), at=timezone.now() - timedelta(seconds=20))
    assert why(refusal(function.arn))[0] == "propagation"
    assert why(refusal(function.arn, SESSION.replace(ACME, GLOBEX))) == ["not-shared"]


def test_a_deny_of_the_policy_and_a_condition_are_named(function: Function) -> None:
    holds(
        function,
        statement(function, root(), Condition={"Bool": {"aws:SecureTransport": "false"}}),
        statement(function, {"AWS": ROLE}, "never", Effect="Deny"),
    )
    assert why(refusal(function.arn)) == ["deny"]
    other = access.why_denied(refusal(function.arn, SESSION.replace("deploy", "x")), by=BY).causes[0]
    assert other.code == "condition"
    assert "aws:SecureTransport" in other.text


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (GrantState.REQUESTED, "requested"),
        (GrantState.PENDING, "unsettled"),
        (GrantState.REVOKED, "ended"),
        (GrantState.EXPIRED, "ended"),
        (GrantState.VANISHED, "ended"),
        (GrantState.SUSPENDED, "suspended"),
    ],
)
def test_what_was_decided_about_them_before_is_told(function: Function, state: str, code: str) -> None:
    holds(function)
    grant = factories.grant(function, ACME, state=state)
    found = access.why_denied(refusal(function.arn), by=BY).causes
    assert [cause.code for cause in found] == [code, "not-shared"]
    assert found[0].repair is not None
    assert found[0].repair.grant == grant


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Cross-account log access is not allowed", ["logs"]),
        ("TooManyRequestsException: Rate Exceeded.", ["throttled"]),
        ("KMSAccessDeniedException: Lambda was unable to decrypt the environment variables", ["kms"]),
        ("Encoded authorization failure message: abc", ["encoded"]),
        ("ExpiredTokenException: The security token included in the request is expired", ["credentials"]),
        ("Functions from 'us-east-1' are not reachable in this region ('us-west-2')", ["region"]),
        ("AccessDeniedException", []),
        ("what", ["unread-text"]),
        (refusal("arn:aws:iam::444455556666:role/x", action="sts:AssumeRole"), ["other-service"]),
    ],
)
def test_what_is_no_missing_permission_is_said(function: Function, text: str, codes: list[str]) -> None:
    found = access.why_denied(text, by=BY)
    assert [cause.code for cause in found.causes] == codes
    assert found.asks or found.causes


def test_names_and_forms_that_nobody_can_be_given_are_said_and_the_rest_is_reasoned(function: Function) -> None:
    holds(function, statement(function, root()))
    assert why(refusal(function.arn, action="lambda:Invoke")) == ["action-name", "identity"]
    assert why(refusal(f"{function.arn}:$LATEST")) == ["latest", "identity"]
    assert why(refusal(function.arn, action="lambda:CreateEventSourceMapping")) == ["not-grantable"]
    assert why(refusal(function.arn, action="lambda:UpdateFunctionCode")) == ["action"]


def test_a_function_that_is_not_known_is_looked_for_in_other_regions(function: Function) -> None:
    elsewhere = function.arn.replace("us-east-1", "us-west-2")
    assert why(refusal(elsewhere)) == ["region"]
    assert why(refusal(elsewhere, reason=NO_RESOURCE)) == ["region", "hint"]
    assert why(refusal(f"{function.arn}:beta")) == ["no-form"]
    assert why(refusal(function.arn.replace("label", "table"))) == ["unknown-function"]
    Function.objects.filter(pk=function.pk).update(vanished_at=timezone.now())
    assert why(refusal(function.arn)) == ["gone"]
    not_found = f"ResourceNotFoundException: Function not found: {elsewhere}"
    assert why(not_found) == ["not-found", "unknown-function"]


def test_not_found_where_it_is_known_points_at_region_and_account(function: Function) -> None:
    assert why(f"ResourceNotFoundException: Function not found: {function.arn}:live") == ["not-found", "there"]
    assert why(f"ResourceNotFoundException: Function not found: {function.arn}:beta") == ["not-found", "no-form"]


def test_an_unread_owner_side_asks_for_a_read(function: Function) -> None:
    function.policies.filter(qualifier="").update(reading=Reading.UNREAD, read_at=None)
    found = access.why_denied(refusal(function.arn), by=BY).causes
    assert found[0].code == "unread"
    assert found[0].repair is not None
    assert found[0].repair.kind == "re-read"


def test_nothing_that_was_pasted_is_kept(function: Function) -> None:
    holds(function)
    before = Event.objects.count()
    access.why_denied(refusal(function.arn.replace("label", "secret-canary")), by=BY)
    access.why_denied(refusal(function.arn), by=BY)
    assert Event.objects.count() == before
    assert not Account.objects.filter(name__contains="canary").exists()


def test_the_number_of_queries_does_not_grow(function: Function) -> None:
    holds(function, statement(function, root()))

    def count() -> int:
        with CaptureQueriesContext(connection) as captured:
            ask(function, ROLE)
        return len(captured)

    before = count()
    for number in range(20):
        alias = f"alias-{number}"
        Policy.objects.create(function=function, qualifier=alias, reading=Reading.NONE, read_at=timezone.now())
        holds(function, statement(function, root(), qualifier=alias), qualifier=alias)
        factories.grant(function, ACME)
    many = [statement(function, {"AWS": f"arn:aws:iam::{ACME}:role/r{number}"}, f"s{number}") for number in range(40)]
    holds(function, *many, ago=timedelta(minutes=5))
    assert count() == before


@pytest.mark.parametrize(
    ("consumer", "name", "qualifier", "code"),
    [
        ("Acme Retail", "label-uploads", "", "other-form"),
        ("Initech", "label-uploads", "live", "not-shared"),
        ("Acme Retail", "address-verify", "", "other-identity"),
        ("Globex", "send-receipt", "", "ghost-perhaps"),
        ("Acme Retail", "invoice-render", "live", "not-shared"),
        ("Acme Retail", "order-events", "", "not-shared"),
        ("Acme Retail", "fraud-score", "", "not-shared"),
    ],
)
def test_what_aws_really_answers_is_explained(sandbox: "Sandbox", consumer: str, name: str, qualifier: str, code: str) -> None:
    estate = Estate(sandbox)
    policy = estate.read(estate.policy(name, qualifier))
    for other in ("", "live"):
        if other != qualifier and sandbox.policy(f"{policy.function.arn}{':' if other else ''}{other}"):
            estate.read(estate.policy(name, other))
    checker = estate.connection(consumer, "checker")
    role = RoleRef("aws", checker.account.number, checker.role_arn, checker.external_id)
    said = dry_run(role, policy.arn, session_name="fnshare")
    assert said.answer in (Answer.DENIED_RESOURCE, Answer.DENIED_UNKNOWN), said
    found = access.why_denied(
        f"An error occurred ({said.code}) when calling the Invoke operation: {said.message}", by=estate.by
    )
    assert found.causes[0].code == code, [cause.code for cause in found.causes]
    assert found.reasoned is not None
    assert found.reasoned.verdict == "no"


def test_what_a_refusal_hangs_on_is_said_instead_of_not_shared(function: Function) -> None:
    holds(function, statement(function, "*", Condition={"StringEquals": {"aws:PrincipalOrgID": ORG}}))
    found = access.why_denied(refusal(function.arn, reason=NO_RESOURCE), by=BY).causes
    assert [cause.code for cause in found] == ["depends"]
    assert f"belongs to organisation {ORG}" in found[0].text


def test_what_is_to_be_done_is_named_by_its_own_verb(function: Function) -> None:
    holds(function, statement(function, root(), Action="lambda:UpdateFunctionCode"))
    found = ask(function, action="lambda:UpdateFunctionCode")
    assert found.sentence.endswith("lets Acme Retail replace the code of label-uploads.")
    manage = access.why_denied(refusal(function.arn, action="lambda:UpdateFunctionCode"), by=BY).causes[0]
    assert [one.label for one in manage.hand_over] == ["Least identity policy for their role or user"], "no DryRun tries it"
