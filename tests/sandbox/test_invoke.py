"""Invoke in its three types, and the table of who may call what."""

import base64
import json
from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, allow, code, function_arn, outcome, refused

PLATFORM, ACME, GLOBEX, INITECH = "444455556666", "111122223333", "222233334444", "333344445555"
TARGET = function_arn(PLATFORM, "stock-levels")
INVOKE = "lambda:InvokeFunction"
ORGANISATION = "o-k3s8w1q9zt"
ROOT = f"arn:aws:iam::{ACME}:root"
ROLE = f"arn:aws:iam::{ACME}:role/apps/clerk"
SESSION = f"arn:aws:sts::{ACME}:assumed-role/clerk/desk"

BOTH_FORMS = [TARGET, f"{TARGET}:*"]


def statement(
    principal: Any, *, effect: str = "Allow", action: Any = INVOKE, resource: Any = None, **rest: Any
) -> dict[str, Any]:
    return {"Effect": effect, "Principal": principal, "Action": action, "Resource": resource or BOTH_FORMS, **rest}


def not_principal(listed: Any, effect: str) -> dict[str, Any]:
    return {"Effect": effect, "NotPrincipal": listed, "Action": INVOKE, "Resource": BOTH_FORMS}


def when(**operators: Any) -> dict[str, Any]:
    return {"Condition": operators}


ACCOUNT = statement({"AWS": ROOT})

#: what the policy of the unqualified function says, and whether the role session of Acme (whose own policies allow
#: everything) may call the unqualified function
DECISIONS: list[tuple[str, list[dict[str, Any]], bool]] = [
    ("no statement at all", [], False),
    ("the account", [ACCOUNT], True),
    ("the account as a number", [statement({"AWS": ACME})], True),
    ("another account", [statement({"AWS": GLOBEX})], False),
    ("a list with the account", [statement({"AWS": [GLOBEX, ROOT]})], True),
    ("the role", [statement({"AWS": ROLE})], True),
    ("the session", [statement({"AWS": SESSION})], True),
    ("another session of the role", [statement({"AWS": SESSION + "-2"})], False),
    ("another role", [statement({"AWS": f"arn:aws:iam::{ACME}:role/apps/order-processor"})], False),
    ("everyone", [statement("*")], True),
    ("everyone in AWS form", [statement({"AWS": "*"})], True),
    ("a service only", [statement({"Service": "s3.amazonaws.com"})], False),
    ("a service and the account", [statement({"Service": "s3.amazonaws.com", "AWS": ROOT})], True),
    ("all but others, allowed", [not_principal({"AWS": GLOBEX}, "Allow")], True),
    ("all but the account, allowed", [not_principal({"AWS": ROOT}, "Allow")], False),
    # Deny first
    ("denied as account", [ACCOUNT, statement({"AWS": ROOT}, effect="Deny")], False),
    ("denied as role", [ACCOUNT, statement({"AWS": ROLE}, effect="Deny")], False),
    ("denied as session", [ACCOUNT, statement({"AWS": SESSION}, effect="Deny")], False),
    ("denied as everyone", [ACCOUNT, statement("*", effect="Deny")], False),
    ("someone else denied", [ACCOUNT, statement({"AWS": GLOBEX}, effect="Deny")], True),
    ("all but the account denied", [ACCOUNT, not_principal({"AWS": ROOT}, "Deny")], False),
    ("all but account, role and session denied", [ACCOUNT, not_principal({"AWS": [ROOT, ROLE, SESSION]}, "Deny")], True),
    ("another action denied", [ACCOUNT, statement("*", effect="Deny", action="lambda:GetFunction")], True),
    ("plain HTTP denied", [ACCOUNT, statement("*", effect="Deny", **when(Bool={"aws:SecureTransport": "false"}))], True),
    # actions
    ("lambda:Invoke", [statement({"AWS": ROOT}, action="lambda:Invoke")], False),
    ("lambda:CreateEventSourceMapping", [statement("*", action="lambda:CreateEventSourceMapping")], False),
    ("lambda:InvokeFunctionUrl", [statement({"AWS": ROOT}, action="lambda:InvokeFunctionUrl")], False),
    ("lambda:*", [statement({"AWS": ROOT}, action="lambda:*")], True),
    ("*", [statement({"AWS": ROOT}, action="*")], True),
    ("lambda:Invoke*", [statement({"AWS": ROOT}, action="lambda:Invoke*")], True),
    ("LAMBDA:INVOKEFUNCTIO?", [statement({"AWS": ROOT}, action="LAMBDA:INVOKEFUNCTIO?")], True),
    ("a list of actions", [statement({"AWS": ROOT}, action=["lambda:GetFunction", INVOKE])], True),
    ("NotAction", [{"Effect": "Allow", "Principal": {"AWS": ROOT}, "NotAction": "lambda:Get*", "Resource": "*"}], True),
    ("NotAction naming it", [{"Effect": "Allow", "Principal": "*", "NotAction": INVOKE, "Resource": "*"}], False),
    # resources
    ("resource of an alias", [statement({"AWS": ROOT}, resource=f"{TARGET}:live")], False),
    ("resource of all qualifiers only", [statement({"AWS": ROOT}, resource=f"{TARGET}:*")], False),
    ("resource with a wildcard", [statement({"AWS": ROOT}, resource=f"{TARGET[:-3]}*")], True),
    ("resource of another case", [statement({"AWS": ROOT}, resource=TARGET.replace("stock", "Stock"))], False),
    ("resource *", [statement({"AWS": ROOT}, resource="*")], True),
    ("NotResource", [{"Effect": "Allow", "Principal": "*", "Action": INVOKE, "NotResource": f"{TARGET}:live"}], True),
    # conditions
    ("its organisation", [statement("*", **when(StringEquals={"aws:PrincipalOrgID": ORGANISATION}))], True),
    ("another organisation", [statement("*", **when(StringEquals={"aws:PrincipalOrgID": "o-aaaaaaaaaa"}))], False),
    ("account and org", [statement({"AWS": ROOT}, **when(StringEquals={"aws:PrincipalOrgID": ORGANISATION}))], True),
    ("key in another case", [statement("*", **when(StringEquals={"AWS:principalorgid": ORGANISATION}))], True),
    ("value in another case", [statement("*", **when(StringEquals={"aws:PrincipalOrgID": ORGANISATION.upper()}))], False),
    ("PrincipalArn of the role", [statement("*", **when(ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{ACME}:role/ap*"}))], True),
    ("PrincipalArn of others", [statement("*", **when(ArnLike={"aws:PrincipalArn": f"arn:aws:iam::{GLOBEX}:role/*"}))], False),
    ("PrincipalAccount", [statement("*", **when(StringEquals={"aws:PrincipalAccount": [GLOBEX, ACME]}))], True),
    ("SourceAccount", [statement("*", **when(StringEquals={"AWS:SourceAccount": ACME}))], False),
    ("SourceAccount if there is one", [statement("*", **when(StringEqualsIfExists={"AWS:SourceAccount": GLOBEX}))], True),
    ("SourceArn", [statement({"AWS": ROOT}, **when(ArnLike={"AWS:SourceArn": "arn:aws:s3:::*"}))], False),
    ("SourceArn not like", [statement({"AWS": ROOT}, **when(ArnNotLike={"AWS:SourceArn": "arn:aws:s3:::*"}))], True),
    ("no source", [statement({"AWS": ROOT}, **when(Null={"aws:SourceArn": "true"}))], True),
    ("a source, whatever it is", [statement({"AWS": ROOT}, **when(Null={"aws:SourceArn": "false"}))], False),
    ("a token", [statement("*", **when(StringEquals={"lambda:EventSourceToken": "secret"}))], False),
    ("by URL only", [statement("*", **when(Bool={"lambda:InvokedViaFunctionUrl": "true"}))], False),
    ("auth type of a URL", [statement("*", **when(StringEquals={"lambda:FunctionUrlAuthType": "NONE"}))], False),
    ("all values of nothing", [statement("*", **when(**{"ForAllValues:StringEquals": {"aws:TagKeys": "x"}}))], True),
    ("any value of nothing", [statement("*", **when(**{"ForAnyValue:StringEquals": {"aws:TagKeys": "x"}}))], False),
    ("two keys, one false", [statement("*", **when(StringEquals={"aws:PrincipalAccount": ACME, "aws:userid": "x"}))], False),
    ("two operators", [statement("*", **when(StringLike={"aws:userid": "A*"}, Bool={"aws:SecureTransport": "true"}))], True),
    ("the user id of any session", [statement("*", **when(StringLike={"aws:userid": "AROA*:desk"}))], True),
    ("after a date that passed", [statement("*", **when(DateGreaterThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"}))], True),
    ("before a date that passed", [statement("*", **when(DateLessThan={"aws:CurrentTime": "2020-01-01T00:00:00Z"}))], False),
    ("from loopback", [statement("*", **when(IpAddress={"aws:SourceIp": "127.0.0.0/8"}))], True),
    ("from elsewhere", [statement("*", **when(IpAddress={"aws:SourceIp": "203.0.113.0/24"}))], False),
    ("a variable", [statement("*", **when(StringEquals={"aws:PrincipalAccount": "${aws:PrincipalAccount}"}))], True),
    ("an unknown variable", [statement("*", **when(StringEquals={"aws:PrincipalAccount": "${aws:SourceAccount}"}))], False),
    ("a numeric comparison of text", [statement("*", **when(NumericEquals={"aws:PrincipalOrgID": "1"}))], False),
]  # fmt: skip


@pytest.fixture
def clerk(speak: Speaker, sandbox: Sandbox) -> Any:
    """A Lambda client of a role session in Acme's account that its own account lets do everything."""
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACME}, "Action": "sts:AssumeRole"}],
    }
    sandbox.add_role(ACME, "clerk", "/apps/", trust, {"all": allow()})
    return speak.assumed("lambda", ROLE, "Acme Retail", RoleSessionName="desk")


def test_the_table_of_decisions(clerk: Any, sandbox: Sandbox) -> None:
    wrong = []
    for name, statements, wanted in DECISIONS:
        document = {"Version": "2012-10-17", "Statement": statements} if statements else None
        sandbox.put_policy(TARGET, document)
        found = outcome(clerk.invoke, FunctionName=TARGET, InvocationType="DryRun")
        if found != ("" if wanted else "AccessDeniedException"):
            wrong.append((name, found))
    assert wrong == []
    assert len({name for name, _, _ in DECISIONS}) == len(DECISIONS) > 60


def test_old_policy_versions_take_variables_literally(clerk: Any, sandbox: Sandbox) -> None:
    literal = statement("*", **when(StringEquals={"aws:PrincipalAccount": "${aws:PrincipalAccount}"}))
    sandbox.put_policy(TARGET, {"Version": "2008-10-17", "Statement": [literal]})
    assert code(clerk.invoke, FunctionName=TARGET, InvocationType="DryRun") == "AccessDeniedException"


@pytest.mark.parametrize("granted", ["", ":live", ":1"])
def test_only_the_qualifier_that_was_granted_can_be_used(clerk: Any, sandbox: Sandbox, granted: str) -> None:
    for suffix in ("", ":live", ":1"):
        sandbox.put_policy(f"{TARGET}{suffix}", None)
    sandbox.put_policy(f"{TARGET}{granted}", {"Version": "2012-10-17", "Statement": [statement({"AWS": ROOT})]})
    for suffix in ("", ":live", ":1", ":$LATEST"):
        name = f"{TARGET}{suffix}"
        if suffix == granted:
            assert clerk.invoke(FunctionName=name, InvocationType="DryRun")["StatusCode"] == 204
        else:
            assert code(clerk.invoke, FunctionName=name, InvocationType="DryRun") == "AccessDeniedException"
    if granted:
        assert clerk.invoke(FunctionName=TARGET, Qualifier=granted[1:], InvocationType="DryRun")["StatusCode"] == 204


@pytest.mark.parametrize(
    ("own", "policy", "wanted"),
    [
        (allow(INVOKE, TARGET), True, ""),
        (allow("*", "*"), True, ""),
        (allow("lambda:invokefunction", f"arn:aws:lambda:*:{PLATFORM}:function:*"), True, ""),
        (allow(INVOKE, TARGET), False, "because no resource-based policy allows the lambda:InvokeFunction action"),
        (allow("lambda:Invoke", "*"), True, "because no identity-based policy allows the lambda:InvokeFunction action"),
        (allow(INVOKE, f"{TARGET}:*"), True, "because no identity-based policy allows the lambda:InvokeFunction action"),
        (
            {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": INVOKE, "Resource": TARGET}]},
            True,
            "with an explicit deny in an identity-based policy",
        ),
    ],
)
def test_across_accounts_both_sides_must_allow(
    speak: Speaker, sandbox: Sandbox, own: dict[str, Any], policy: bool, wanted: str
) -> None:
    sandbox.put_policy(TARGET, {"Version": "2012-10-17", "Statement": [ACCOUNT]} if policy else None)
    client = speak.user("lambda", "Acme Retail", "caller", own)
    if not wanted:
        assert client.invoke(FunctionName=TARGET, InvocationType="DryRun")["StatusCode"] == 204
        return
    found = refused(client.invoke, FunctionName=TARGET, InvocationType="DryRun")
    assert found == (
        "AccessDeniedException",
        403,
        f"User: arn:aws:iam::{ACME}:user/caller is not authorized to perform: lambda:InvokeFunction on resource: {TARGET} "
        + wanted,
    )


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ({"AWS": f"arn:aws:iam::{PLATFORM}:user/insider"}, True),
        ("*", True),
        ({"AWS": f"arn:aws:iam::{PLATFORM}:root"}, False),  # delegates to the account, whose policies say nothing
        (None, False),
    ],
)
def test_inside_the_account_either_side_is_enough(speak: Speaker, sandbox: Sandbox, principal: Any, allowed: bool) -> None:
    client = speak.user("lambda", "Platform", "insider")
    sandbox.put_policy(TARGET, {"Version": "2012-10-17", "Statement": [statement(principal)]} if principal else None)
    if allowed:
        assert client.invoke(FunctionName=TARGET, InvocationType="DryRun")["StatusCode"] == 204
    else:
        assert code(client.invoke, FunctionName=TARGET, InvocationType="DryRun") == "AccessDeniedException"
    owner = speak.lambda_("Platform")
    sandbox.put_policy(TARGET, None)
    assert owner.invoke(FunctionName="stock-levels", InvocationType="DryRun")["StatusCode"] == 204
    sandbox.put_policy(TARGET, {"Version": "2012-10-17", "Statement": [statement("*", effect="Deny")]})
    assert refused(owner.invoke, FunctionName="stock-levels")[2].endswith("with an explicit deny in a resource-based policy")


def test_a_foreign_function_that_is_not_there_is_denied_not_missing(speak: Speaker) -> None:
    acme = speak.lambda_("Acme Retail")
    assert code(acme.invoke, FunctionName=function_arn(PLATFORM, "no-such")) == "AccessDeniedException"
    assert code(acme.invoke, FunctionName="no-such") == "ResourceNotFoundException"
    platform = speak.lambda_("Platform")
    assert code(platform.invoke, FunctionName="hello_world", Qualifier="no-such") == "ResourceNotFoundException"


def test_a_session_policy_limits_a_check_to_what_it_names(speak: Speaker) -> None:
    acme = speak.account("Acme Retail")
    live = f"{function_arn(PLATFORM, 'label-uploads')}:live"
    client = speak.assumed(
        "lambda", acme.checker_role_arn, "fnshare", ExternalId=acme.external_id, Policy=json.dumps(allow(INVOKE, live))
    )
    assert client.invoke(FunctionName=live, InvocationType="DryRun")["StatusCode"] == 204
    other = function_arn(PLATFORM, "catalogue-search")
    assert refused(client.invoke, FunctionName=other, InvocationType="DryRun")[2].endswith(
        "because no session policy allows the lambda:InvokeFunction action"
    )


def test_the_checker_role_never_reaches_its_own_accounts_functions(speak: Speaker, sandbox: Sandbox) -> None:
    acme = speak.account("Acme Retail")
    own = sandbox.add_function(ACME, "us-east-1", "private")
    client = speak.assumed("lambda", acme.checker_role_arn, "fnshare", ExternalId=acme.external_id)
    assert refused(client.invoke, FunctionName=own)[2].endswith("with an explicit deny in an identity-based policy")


def test_a_stranger_is_refused_where_only_the_organisation_is_let_in(speak: Speaker) -> None:
    rates = f"{function_arn(PLATFORM, 'tax-rates')}:live"
    for name, allowed in (("Acme Retail", True), ("Globex", True), ("Initech", False), ("Umbrella", False)):
        client = speak.lambda_(name)
        if allowed:
            assert client.invoke(FunctionName=rates, InvocationType="DryRun")["StatusCode"] == 204
        else:
            assert code(client.invoke, FunctionName=rates, InvocationType="DryRun") == "AccessDeniedException"
    public = function_arn(PLATFORM, "currency-convert")
    assert speak.lambda_("Umbrella").invoke(FunctionName=public, InvocationType="DryRun")["StatusCode"] == 204


# --- the three types -----------------------------------------------------------------------------------------------------


def test_request_response_answers_and_dry_run_and_event_do_not(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    answer = client.invoke(FunctionName="hello_world")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(answer["Payload"].read()) == "Hello world."
    assert "FunctionError" not in answer
    assert "LogResult" not in answer
    echoed = client.invoke(FunctionName="label-uploads", Qualifier="live", Payload=b'{"n": 1}')
    assert (echoed["ExecutedVersion"], json.loads(echoed["Payload"].read())["received"]) == ("3", {"n": 1})
    event = client.invoke(FunctionName="hello_world", InvocationType="Event")
    assert (event["StatusCode"], event["Payload"].read()) == (202, b"")
    dry = client.invoke(FunctionName="hello_world", InvocationType="DryRun")
    assert (dry["StatusCode"], dry["Payload"].read()) == (204, b"")
    assert [run.invocation_type for run in sandbox.journal.invocations] == ["RequestResponse", "RequestResponse", "Event"]


def test_a_failing_function_still_answers_200(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.add_function(PLATFORM, "us-east-1", "broken", fails=True)
    answer = speak.lambda_("Platform").invoke(FunctionName="broken")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert "errorMessage" in json.loads(answer["Payload"].read())


def test_log_tail_works_at_home_and_is_refused_across_accounts(speak: Speaker) -> None:
    answer = speak.lambda_("Platform").invoke(FunctionName="currency-convert", LogType="Tail")
    assert b"REPORT RequestId" in base64.b64decode(answer["LogResult"])
    acme = speak.lambda_("Acme Retail")
    foreign = function_arn(PLATFORM, "currency-convert")
    assert refused(acme.invoke, FunctionName=foreign, LogType="Tail") == (
        "AccessDeniedException",
        403,
        "Cross-account log access is not allowed",
    )
    assert acme.invoke(FunctionName=foreign, LogType="None")["StatusCode"] == 200
    assert acme.invoke(FunctionName=foreign, LogType="Tail", InvocationType="DryRun")["StatusCode"] == 204


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"InvocationType": "Nope"}, ("InvalidParameterValueException", 400)),
        ({"LogType": "Some"}, ("InvalidParameterValueException", 400)),
        ({"Payload": b"not json"}, ("InvalidRequestContentException", 400)),
        ({"Payload": b'"' + b"x" * 6_291_456 + b'"'}, ("RequestTooLargeException", 413)),
        ({"Payload": b'"' + b"x" * 1_048_576 + b'"', "InvocationType": "Event"}, ("RequestTooLargeException", 413)),
    ],
)
def test_bad_invocations_are_refused(speak: Speaker, parameters: dict[str, Any], wanted: tuple[str, int]) -> None:
    assert refused(speak.lambda_("Platform").invoke, FunctionName="hello_world", **parameters)[:2] == wanted


def test_actions_on_the_list_can_be_granted_to_another_account_and_others_cannot(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.put_policy(TARGET, {"Version": "2012-10-17", "Statement": [statement({"AWS": ROOT}, action="lambda:*")]})
    acme = speak.lambda_("Acme Retail")
    assert acme.get_function_configuration(FunctionName=TARGET)["FunctionName"] == "stock-levels"
    assert acme.get_policy(FunctionName=TARGET)["Policy"]
    assert acme.list_aliases(FunctionName=TARGET)["Aliases"]
    assert acme.update_function_code(FunctionName=TARGET, ZipFile=b"new")["FunctionArn"] == TARGET
    for operation, parameters in (
        ("add_permission", {"FunctionName": TARGET, "StatementId": "a", "Action": INVOKE, "Principal": GLOBEX}),
        ("remove_permission", {"FunctionName": TARGET, "StatementId": "a"}),
        ("update_function_configuration", {"FunctionName": TARGET, "Timeout": 5}),
        ("put_resource_policy", {"ResourceArn": TARGET, "Policy": "{}"}),
        ("get_resource_policy", {"ResourceArn": TARGET}),
    ):
        found = refused(getattr(acme, operation), **parameters)
        assert found[:2] == ("AccessDeniedException", 403), operation


def test_the_old_asynchronous_call_needs_the_same_right(speak: Speaker, sandbox: Sandbox) -> None:
    answer = speak.lambda_("Platform").invoke_async(FunctionName="hello_world", InvokeArgs=b"{}")
    assert answer["Status"] == 202
    acme = speak.lambda_("Acme Retail")
    hello = function_arn(PLATFORM, "hello_world")
    assert code(acme.invoke_async, FunctionName=hello, InvokeArgs=b"{}") == "AccessDeniedException"
    assert [run.invocation_type for run in sandbox.journal.invocations] == ["Event"]


def test_a_run_is_noted_with_its_request_and_whose_principal_called(speak: Speaker, sandbox: Sandbox) -> None:
    foreign = function_arn(PLATFORM, "currency-convert")
    answer = speak.lambda_("Acme Retail").invoke(FunctionName=foreign, Payload=b"[1]")
    (run,) = sandbox.journal.invocations
    assert (run.caller_account, run.request_id) == (ACME, answer["ResponseMetadata"]["RequestId"])
    assert (run.payload_bytes, run.failed) == (3, False)


def test_a_run_takes_its_time_and_is_ended_by_its_timeout(speak: Speaker, sandbox: Sandbox) -> None:
    slow = sandbox.add_function(PLATFORM, "us-east-1", "slow", takes=0.05, timeout=1, answer="at last")
    late = sandbox.add_function(PLATFORM, "us-east-1", "late", takes=5, timeout=0)
    client = speak.lambda_("Platform")
    assert json.loads(client.invoke(FunctionName=slow)["Payload"].read()) == "at last"
    answer = client.invoke(FunctionName=late)
    assert answer["FunctionError"] == "Unhandled"
    assert json.loads(answer["Payload"].read())["errorMessage"].endswith("Task timed out after 0.00 seconds")
    assert [run.failed for run in sandbox.journal.invocations] == [False, True]


@pytest.mark.parametrize("name", ["Platform", "Acme Retail"])
def test_the_story_has_invoker_roles_that_call_the_owners_functions_only(speak: Speaker, sandbox: Sandbox, name: str) -> None:
    known = speak.account(name)
    own = sandbox.add_function(ACME, "us-east-1", "private")
    client = speak.assumed("lambda", known.invoker_role_arn, "fnshare", ExternalId=known.invoker_external_id)
    assert client.invoke(FunctionName=function_arn(PLATFORM, "currency-convert"))["StatusCode"] == 200
    assert code(client.invoke, FunctionName=own) == "AccessDeniedException"
    assert code(client.get_policy, FunctionName=function_arn(PLATFORM, "currency-convert")) == "AccessDeniedException"
    assert (
        code(speak.client("sts", "fnshare").assume_role, RoleArn=known.invoker_role_arn, RoleSessionName="xx") == "AccessDenied"
    )
