"""Function policies: what AddPermission stores, refuses and limits, and the whole-document operations beside it."""

import json
from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, allow, code, function_arn, refused

PLATFORM, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"
HELLO = function_arn(PLATFORM, "hello_world")
LABELS = function_arn(PLATFORM, "label-uploads")
INVOKE = "lambda:InvokeFunction"
INVALID_PRINCIPAL = "The provided principal was invalid. Please check the principal and try again."


def stored(sandbox: Sandbox, arn: str = HELLO) -> list[dict[str, Any]]:
    document = sandbox.policy(arn)
    assert document is not None
    return list(document["Statement"])


def add(client: Any, sid: str = "one", **parameters: Any) -> Any:
    parameters = {"FunctionName": "hello_world", "Action": INVOKE, "Principal": ACME, **parameters}
    return client.add_permission(StatementId=sid, **parameters)


def test_the_answer_is_the_statement_as_json_and_no_revision(speak: Speaker) -> None:
    answer = add(speak.lambda_("Platform"))
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert "RevisionId" not in answer
    assert answer["Statement"] == (
        '{"Sid":"one","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},'
        f'"Action":"lambda:InvokeFunction","Resource":"{HELLO}"}}'
    )


def test_a_first_permission_makes_a_policy_with_version_and_id(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    statement = add(client)["Statement"]
    assert client.get_policy(FunctionName="hello_world")["Policy"] == (
        f'{{"Version":"2012-10-17","Id":"default","Statement":[{statement}]}}'
    )


@pytest.mark.parametrize(
    ("parameters", "principal", "condition"),
    [
        ({"Principal": ACME}, {"AWS": f"arn:aws:iam::{ACME}:root"}, None),
        ({"Principal": f"arn:aws:iam::{ACME}:root"}, {"AWS": f"arn:aws:iam::{ACME}:root"}, None),
        (
            {"Principal": f"arn:aws:iam::{ACME}:role/apps/order-processor"},
            {"AWS": f"arn:aws:iam::{ACME}:role/apps/order-processor"},
            None,
        ),
        ({"Principal": f"arn:aws:iam::{ACME}:user/admin"}, {"AWS": f"arn:aws:iam::{ACME}:user/admin"}, None),
        (
            {"Principal": f"arn:aws:sts::{ACME}:assumed-role/order-processor/run-7"},
            {"AWS": f"arn:aws:sts::{ACME}:assumed-role/order-processor/run-7"},
            None,
        ),
        ({"Principal": "*"}, "*", None),
        (
            {"Principal": "*", "PrincipalOrgID": "o-k3s8w1q9zt"},
            "*",
            {"StringEquals": {"aws:PrincipalOrgID": "o-k3s8w1q9zt"}},
        ),
        (
            {"Principal": ACME, "PrincipalOrgID": "o-k3s8w1q9zt"},
            {"AWS": f"arn:aws:iam::{ACME}:root"},
            {"StringEquals": {"aws:PrincipalOrgID": "o-k3s8w1q9zt"}},
        ),
        ({"Principal": "s3.amazonaws.com"}, {"Service": "s3.amazonaws.com"}, None),
        ({"Principal": "sns.af-south-1.amazonaws.com"}, {"Service": "sns.af-south-1.amazonaws.com"}, None),
        (
            {"Principal": "s3.amazonaws.com", "SourceAccount": ACME, "SourceArn": "arn:aws:s3:::b"},
            {"Service": "s3.amazonaws.com"},
            {"StringEquals": {"AWS:SourceAccount": ACME}, "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}},
        ),
        (
            {"Principal": "*", "SourceAccount": ACME, "PrincipalOrgID": "o-k3s8w1q9zt"},
            "*",
            {"StringEquals": {"AWS:SourceAccount": ACME, "aws:PrincipalOrgID": "o-k3s8w1q9zt"}},
        ),
        (
            {"Principal": "alexa-appkit.amazon.com", "EventSourceToken": "amzn1.ask.skill.1"},
            {"Service": "alexa-appkit.amazon.com"},
            {"StringEquals": {"lambda:EventSourceToken": "amzn1.ask.skill.1"}},
        ),
        (
            {"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"},
            "*",
            {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
        ),
        (
            {"Principal": "*", "InvokedViaFunctionUrl": True},
            "*",
            {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}},
        ),
    ],
)
def test_each_parameter_is_stored_as_aws_stores_it(
    speak: Speaker, sandbox: Sandbox, parameters: dict[str, Any], principal: Any, condition: Any
) -> None:
    add(speak.lambda_("Platform"), **parameters)
    statement = stored(sandbox)[0]
    assert statement["Principal"] == principal
    assert statement.get("Condition") == condition
    wanted = ["Sid", "Effect", "Principal", "Action", "Resource"] + (["Condition"] if condition else [])
    assert list(statement) == wanted


@pytest.mark.parametrize("action", ["lambda:Invoke", "lambda:CreateEventSourceMapping", "lambda:*", "*", "lambda:Foo"])
def test_any_action_of_the_right_form_is_stored(speak: Speaker, sandbox: Sandbox, action: str) -> None:
    add(speak.lambda_("Platform"), Action=action)
    assert stored(sandbox)[0]["Action"] == action


@pytest.mark.parametrize(
    ("parameters", "at"),
    [
        ({"StatementId": "a b"}, "statementId"),
        ({"StatementId": "a.b"}, "statementId"),
        ({"StatementId": "x" * 101}, "statementId"),
        ({"Action": "lambda:Invoke*"}, "action"),
        ({"Action": "InvokeFunction"}, "action"),
        ({"Action": "s3:GetObject"}, "action"),
        ({"Principal": ""}, "principal"),
        ({"Principal": "two words"}, "principal"),
        ({"Principal": "x" * 2049}, "principal"),
        ({"SourceAccount": "12345678901"}, "sourceAccount"),
        ({"SourceAccount": "1234567890123"}, "sourceAccount"),
        ({"SourceArn": "bucket"}, "sourceArn"),
        ({"PrincipalOrgID": "o-short"}, "principalOrgID"),
        ({"EventSourceToken": "a b"}, "eventSourceToken"),
        ({"EventSourceToken": "x" * 257}, "eventSourceToken"),
        ({"FunctionUrlAuthType": "SOME"}, "functionUrlAuthType"),
        ({"Qualifier": "a.b"}, "qualifier"),
        ({"Qualifier": "x" * 129}, "qualifier"),
        ({"FunctionName": "hello world"}, "functionName"),
        ({"FunctionName": "x" * 257}, "functionName"),
    ],
)
def test_a_malformed_parameter_is_named(speak: Speaker, sandbox: Sandbox, parameters: dict[str, Any], at: str) -> None:
    client = speak.lambda_("Platform")
    asked = {"FunctionName": "hello_world", "StatementId": "one", "Action": INVOKE, "Principal": ACME, **parameters}
    found = refused(client.add_permission, **asked)
    assert found[:2] == ("InvalidParameterValueException", 400)
    assert f"at '{at}' failed to satisfy constraint" in found[2]
    assert sandbox.policy(HELLO) is None


@pytest.mark.parametrize(
    "principal",
    [
        "12345678901",
        "1234567890123",
        f"arn:aws:iam::{ACME}:role/nobody",
        f"arn:aws:iam::{ACME}:role/order-processor",  # the path is part of the name
        f"arn:aws:iam::{ACME}:role/apps/Order-Processor",
        f"arn:aws:iam::{ACME}:role/*",
        f"arn:aws:iam::{ACME}:user/nobody",
        f"arn:aws:iam::{ACME}:group/admins",
        "arn:aws:iam::999999999999:role/anything",
        f"arn:aws-cn:iam::{ACME}:root",
        "amazonaws.com",
        "s33.amazonaws.com",
        "s3.amazonaws.org",
        "AROA4KQ7PXEXAMPLE2Z9V",
        "acme",
    ],
)
def test_a_principal_that_does_not_exist_is_refused(speak: Speaker, principal: str) -> None:
    assert refused(add, speak.lambda_("Platform"), Principal=principal) == (
        "InvalidParameterValueException",
        400,
        INVALID_PRINCIPAL,
    )


@pytest.mark.parametrize(
    "body",
    [
        b'{"StatementId": 5, "Action": "lambda:InvokeFunction", "Principal": "*"}',
        b'{"StatementId": "s", "Action": ["lambda:InvokeFunction"], "Principal": "*"}',
        b'{"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": {"AWS": "*"}}',
        b'{"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": "yes"}',
        b'{"StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*", "SourceAccount": 111122223333}',
        b'{"Action": "lambda:InvokeFunction", "Principal": "*"}',
        b'["StatementId"]',
        b"not json",
    ],
)
def test_a_body_of_the_wrong_shape_is_a_400(speak: Speaker, sandbox: Sandbox, body: bytes) -> None:
    client = speak.lambda_("Platform")
    client.meta.events.register("before-sign.lambda.AddPermission", lambda request, **_: setattr(request, "data", body))
    assert refused(add, client)[1] == 400
    assert sandbox.policy(HELLO) is None


def test_a_sid_can_be_used_once(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    add(client)
    assert refused(add, client, Principal=GLOBEX) == (
        "ResourceConflictException",
        409,
        "The statement id (one) provided already exists. Please provide a new statement id, or remove the existing statement.",
    )
    assert len(stored(sandbox)) == 1


def test_a_missing_function_or_qualifier_is_a_404(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    missing = {"FunctionName": "nothing-here"}
    assert refused(add, client, **missing)[:2] == ("ResourceNotFoundException", 404)
    assert refused(add, client, Qualifier="nope")[:2] == ("ResourceNotFoundException", 404)
    assert refused(add, client, Qualifier="77")[:2] == ("ResourceNotFoundException", 404)
    none = "The resource you requested does not exist."
    assert refused(client.get_policy, **missing) == ("ResourceNotFoundException", 404, none)
    assert refused(client.get_policy, FunctionName="hello_world") == ("ResourceNotFoundException", 404, none)
    assert code(client.remove_permission, StatementId="x", **missing) == "ResourceNotFoundException"


def test_removing_an_unknown_statement_is_a_404_with_and_without_a_policy(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    assert code(client.remove_permission, FunctionName="hello_world", StatementId="x") == "ResourceNotFoundException"
    add(client)
    assert code(client.remove_permission, FunctionName="hello_world", StatementId="x") == "ResourceNotFoundException"


def test_removing_the_last_statement_removes_the_policy_or_leaves_an_empty_one(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    add(client)
    answer = client.remove_permission(FunctionName="hello_world", StatementId="one")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert code(client.get_policy, FunctionName="hello_world") == "ResourceNotFoundException"
    sandbox.switches.empty_policy_after_last = True
    add(client)
    client.remove_permission(FunctionName="hello_world", StatementId="one")
    assert json.loads(client.get_policy(FunctionName="hello_world")["Policy"])["Statement"] == []


def test_latest_takes_no_policy(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    for parameters in ({"Qualifier": "$LATEST"}, {"FunctionName": "hello_world:$LATEST"}):
        assert refused(add, client, **parameters)[:2] == ("InvalidParameterValueException", 400)
    document = json.dumps({"Version": "2012-10-17", "Statement": []})
    assert code(client.put_resource_policy, ResourceArn=f"{HELLO}:$LATEST", Policy=document) == (
        "InvalidParameterValueException"
    )
    assert code(client.get_policy, FunctionName="hello_world", Qualifier="$LATEST") == "ResourceNotFoundException"


def test_function_alias_and_version_have_policies_of_their_own(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    for qualifier in (None, "live", "1"):
        extra = {"Qualifier": qualifier} if qualifier else {}
        arn = f"{function_arn(PLATFORM, 'stock-levels')}:{qualifier}" if qualifier else function_arn(PLATFORM, "stock-levels")
        sandbox.put_policy(arn, None)
        add(client, FunctionName="stock-levels", **extra)  # the same Sid three times
        document = json.loads(client.get_policy(FunctionName="stock-levels", **extra)["Policy"])
        assert [s["Resource"] for s in document["Statement"]] == [arn]


def test_every_way_to_name_a_function_reaches_the_same_policy(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    names = [
        {"FunctionName": "label-uploads", "Qualifier": "live"},
        {"FunctionName": "label-uploads:live"},
        {"FunctionName": f"{PLATFORM}:function:label-uploads:live"},
        {"FunctionName": f"{PLATFORM}:function:label-uploads", "Qualifier": "live"},
        {"FunctionName": "function:label-uploads:live"},
        {"FunctionName": f"{LABELS}:live"},
        {"FunctionName": f"{LABELS}:live", "Qualifier": "live"},
        {"FunctionName": LABELS, "Qualifier": "live"},
    ]
    for number, name in enumerate(names):
        add(client, f"way-{number}", **name)
    sids = [s["Sid"] for s in stored(sandbox, f"{LABELS}:live")]
    assert sids[-len(names) :] == [f"way-{number}" for number in range(len(names))]
    assert code(client.get_policy, FunctionName=f"{LABELS}:live", Qualifier="3") == "InvalidParameterValueException"


def test_a_name_means_the_callers_own_account_and_an_arn_its_owner(speak: Speaker, sandbox: Sandbox) -> None:
    sandbox.add_function(ACME, "us-east-1", "hello_world", description="Acme's own")
    acme = speak.lambda_("Acme Retail")
    add(acme)
    assert sandbox.policy(HELLO) is None
    assert sandbox.policy(function_arn(ACME, "hello_world")) is not None
    assert refused(add, acme, FunctionName=HELLO)[:2] == ("AccessDeniedException", 403)


def test_an_arn_of_another_region_or_partition_is_refused(speak: Speaker) -> None:
    west = speak.lambda_("Platform", "eu-west-1")
    found = refused(west.get_policy, FunctionName=HELLO)
    assert found[:2] == ("ResourceNotFoundException", 404)
    assert "not reachable in this region ('eu-west-1')" in found[2]
    assert refused(speak.lambda_("Platform").get_policy, FunctionName=HELLO.replace("arn:aws:", "arn:aws-cn:"))[1] == 400


def test_the_revision_changes_with_every_change_and_guards_writes(speak: Speaker) -> None:
    client = speak.lambda_("Platform")

    def revision() -> str:
        return str(client.get_policy(FunctionName="hello_world")["RevisionId"])

    stale = "00000000-0000-4000-8000-000000000000"
    assert refused(add, client, RevisionId=stale)[:2] == ("PreconditionFailedException", 412)
    add(client)
    first = revision()
    assert revision() == first
    assert refused(add, client, "two", RevisionId=stale)[:2] == ("PreconditionFailedException", 412)
    add(client, "two", RevisionId=first)
    second = revision()
    assert second != first
    assert code(client.remove_permission, FunctionName="hello_world", StatementId="one", RevisionId=first) == (
        "PreconditionFailedException"
    )
    client.remove_permission(FunctionName="hello_world", StatementId="one", RevisionId=second)
    assert revision() not in (first, second)


def test_a_policy_ends_at_20480_bytes(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    size = 0
    for number in range(200):
        try:
            add(client, f"tenant-{number:03d}", Principal=f"{900000000000 + number}")
        except client.exceptions.PolicyLengthExceededException as error:
            message = error.response["Error"]["Message"]
            break
        size = len(client.get_policy(FunctionName="hello_world")["Policy"].encode())
    assert size <= 20480
    assert size > 20480 - 250
    each = len(json.dumps(stored(sandbox)[0], separators=(",", ":"))) + 1
    assert message == f"The final policy size ({size + each}) is bigger than the limit (20480)."
    assert len(client.get_policy(FunctionName="hello_world")["Policy"].encode()) == size


def test_the_storys_full_policy_has_no_room_for_another_account(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    assert code(add, client, "tenant-200", FunctionName="feature-flags") == "PolicyLengthExceededException"


def test_a_deleted_role_shows_its_id_and_its_namesake_gets_nothing(speak: Speaker, sandbox: Sandbox) -> None:
    arn = f"arn:aws:iam::{ACME}:role/apps/order-processor"
    client = speak.lambda_("Platform")
    add(client, Principal=arn)
    sandbox.delete_role(ACME, "order-processor")
    ghost = stored(sandbox)[0]["Principal"]["AWS"]
    assert ghost.startswith("AROA")
    sandbox.add_role(ACME, "order-processor", "/apps/", _trusting_own_account(), {"all": allow()})
    assert stored(sandbox)[0]["Principal"]["AWS"] == ghost
    role = speak.assumed("lambda", arn, by="Acme Retail")
    assert code(role.invoke, FunctionName=HELLO, InvocationType="DryRun") == "AccessDeniedException"
    add(client, "again", Principal=arn)
    assert role.invoke(FunctionName=HELLO, InvocationType="DryRun")["StatusCode"] == 204


def test_a_deleted_user_shows_its_id(speak: Speaker, sandbox: Sandbox) -> None:
    speak.user("sts", "Acme Retail", "courier")
    add(speak.lambda_("Platform"), Principal=f"arn:aws:iam::{ACME}:user/courier")
    iam = speak.client("iam", "Acme Retail")
    key = iam.list_access_keys(UserName="courier")["AccessKeyMetadata"][0]["AccessKeyId"]
    iam.delete_access_key(UserName="courier", AccessKeyId=key)
    iam.delete_user(UserName="courier")
    assert stored(sandbox)[0]["Principal"]["AWS"].startswith("AIDA")


def _trusting_own_account() -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACME}, "Action": "sts:AssumeRole"}],
    }


def test_a_policy_goes_with_its_function_or_alias(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    add(client, FunctionName="label-uploads")
    client.delete_alias(FunctionName="label-uploads", Name="live")
    client.create_alias(FunctionName="label-uploads", Name="live", FunctionVersion="3")
    assert code(client.get_policy, FunctionName="label-uploads", Qualifier="live") == "ResourceNotFoundException"
    role = sandbox.add_role(PLATFORM, "runner")
    client.delete_function(FunctionName="label-uploads")
    client.create_function(FunctionName="label-uploads", Role=role, Runtime="python3.13", Handler="a.b", Code={"ZipFile": b"x"})
    assert code(client.get_policy, FunctionName="label-uploads") == "ResourceNotFoundException"


def test_ghosts_block_additions_only_when_switched_so(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    add(client, FunctionName="send-receipt")
    sandbox.switches.ghost_blocks_add_permission = True
    assert refused(add, client, "two", FunctionName="send-receipt") == (
        "InvalidParameterValueException",
        400,
        INVALID_PRINCIPAL,
    )
    client.remove_permission(FunctionName="send-receipt", StatementId="receipts-worker")
    add(client, "two", FunctionName="send-receipt")


def test_public_policies_can_be_blocked(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    sandbox.switches.public_policy_blocked = True
    assert refused(add, client, Principal="*")[:2] == ("PublicPolicyException", 400)
    add(client, "org", Principal="*", PrincipalOrgID="o-k3s8w1q9zt")
    document = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": INVOKE, "Resource": HELLO}],
    }
    assert code(client.put_resource_policy, ResourceArn=HELLO, Policy=json.dumps(document)) == "PublicPolicyException"
    add(client, "tidy", FunctionName="tax-rates")
    sandbox.switches.public_policy_blocked = False
    add(client, "everyone", Principal="*", FunctionName="tax-rates")
    sandbox.switches.public_policy_blocked = True
    assert code(client.remove_permission, FunctionName="tax-rates", StatementId="tidy") == "PublicPolicyException"
    client.remove_permission(FunctionName="tax-rates", StatementId="everyone")


# --- whole documents ---------------------------------------------------------------------------------------------------


def document_of(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_put_get_and_delete_a_whole_document(speak: Speaker) -> None:
    client = speak.lambda_("Platform")
    text = document_of(
        {
            "Effect": "Deny",
            "NotPrincipal": {"AWS": [f"arn:aws:iam::{PLATFORM}:root"]},
            "Action": ["lambda:InvokeFunction", "lambda:Get*"],
            "Resource": [HELLO, f"{HELLO}:*"],
            "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-k3s8w1q9zt"}},
        }
    )
    answer = client.put_resource_policy(ResourceArn=HELLO, Policy=text)
    assert json.loads(answer["Policy"]) == json.loads(text)
    read = client.get_resource_policy(ResourceArn=HELLO)
    assert (read["Policy"], read["RevisionId"]) == (answer["Policy"], answer["RevisionId"])
    assert client.get_policy(FunctionName="hello_world")["Policy"] == read["Policy"]
    add(client, "appended")
    document = json.loads(client.get_policy(FunctionName="hello_world")["Policy"])
    assert [s.get("Sid") for s in document["Statement"]] == [None, "appended"]
    assert "Id" not in document
    stale = read["RevisionId"]
    assert code(client.delete_resource_policy, ResourceArn=HELLO, RevisionId=stale) == "PreconditionFailedException"
    fresh = client.get_resource_policy(ResourceArn=HELLO)["RevisionId"]
    assert client.delete_resource_policy(ResourceArn=HELLO, RevisionId=fresh)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert code(client.get_resource_policy, ResourceArn=HELLO) == "ResourceNotFoundException"
    assert code(client.delete_resource_policy, ResourceArn=HELLO) == "ResourceNotFoundException"


def test_put_replaces_everything_and_heeds_the_revision(speak: Speaker, sandbox: Sandbox) -> None:
    client = speak.lambda_("Platform")
    add(client)
    statement = {"Effect": "Allow", "Principal": {"AWS": [ACME, GLOBEX]}, "Action": INVOKE, "Resource": HELLO}
    stale = "00000000-0000-4000-8000-000000000000"
    parameters = {"ResourceArn": HELLO, "Policy": document_of(statement)}
    assert code(client.put_resource_policy, RevisionId=stale, **parameters) == "PreconditionFailedException"
    client.put_resource_policy(RevisionId=client.get_policy(FunctionName="hello_world")["RevisionId"], **parameters)
    found = stored(sandbox)
    assert len(found) == 1
    assert found[0]["Principal"] == {"AWS": [f"arn:aws:iam::{ACME}:root", f"arn:aws:iam::{GLOBEX}:root"]}


GOOD = {"Effect": "Allow", "Principal": "*", "Action": INVOKE, "Resource": HELLO}


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        '{"Version":"2012-10-17"}',
        '{"Version":"2012-10-17","Statement":[]}',
        '{"Version":"2020-01-01","Statement":[]}',
        document_of({**GOOD, "Effect": "Maybe"}),
        document_of({k: v for k, v in GOOD.items() if k != "Resource"}),
        document_of({k: v for k, v in GOOD.items() if k != "Principal"}),
        document_of({**GOOD, "NotPrincipal": "*"}),
        document_of({**GOOD, "Action": "s3:GetObject"}),
        document_of({**GOOD, "Condition": {"Sounds": {"aws:PrincipalOrgID": "o-1"}}}),
        document_of({**GOOD, "Surprise": 1}),
        document_of({**GOOD, "Principal": {"AWS": f"arn:aws:iam::{ACME}:role/nobody"}}),
        document_of({**GOOD, "Principal": {"Federated": "accounts.google.com"}}),
        document_of({**GOOD, "Sid": "same"}, {**GOOD, "Sid": "same"}),
    ],
)
def test_a_malformed_document_is_refused(speak: Speaker, sandbox: Sandbox, text: str) -> None:
    client = speak.lambda_("Platform")
    assert refused(client.put_resource_policy, ResourceArn=HELLO, Policy=text)[:2] == ("InvalidParameterValueException", 400)
    assert sandbox.policy(HELLO) is None


def test_a_document_over_the_limit_is_refused(speak: Speaker) -> None:
    many = [{**GOOD, "Sid": f"s{number:04d}"} for number in range(150)]
    found = refused(speak.lambda_("Platform").put_resource_policy, ResourceArn=HELLO, Policy=document_of(*many))
    assert found[1] == 400


def test_put_needs_the_rights_of_add_and_remove_as_well(speak: Speaker) -> None:
    partly = speak.user("lambda", "Platform", "writer", allow(["lambda:PutResourcePolicy", "lambda:AddPermission"]))
    found = refused(partly.put_resource_policy, ResourceArn=HELLO, Policy=document_of(GOOD))
    assert found[0] == "AccessDeniedException"
    assert "lambda:RemovePermission" in found[2]
    reader = speak.user("lambda", "Platform", "reader", allow("lambda:GetResourcePolicy"))
    assert "lambda:GetPolicy" in refused(reader.get_resource_policy, ResourceArn=HELLO)[2]
