"""AssumeRole, GetCallerIdentity, and the caller's own policies on every Lambda call."""

import json
from typing import Any

import pytest

from sharing.sandbox.server import Sandbox
from tests.sandbox.conftest import Speaker, allow, code, function_arn, outcome, refused

PLATFORM, ACME, DASHBOARD, UMBRELLA = "444455556666", "111122223333", "777788889999", "666677778888"
HELLO = function_arn(PLATFORM, "hello_world")
WORKER = f"arn:aws:iam::{DASHBOARD}:user/fnshare/worker"


def trust(principal: Any, condition: Any = None, effect: str = "Allow", action: Any = "sts:AssumeRole") -> dict[str, Any]:
    statement = {"Effect": effect, "Principal": principal, "Action": action}
    if condition:
        statement["Condition"] = condition
    return {"Version": "2012-10-17", "Statement": [statement]}


def assume(speak: Speaker, arn: str, by: str = "fnshare", **parameters: Any) -> Any:
    parameters.setdefault("RoleSessionName", "test")
    return speak.client("sts", by).assume_role(RoleArn=arn, **parameters)


def test_the_manager_role_demands_its_external_id(speak: Speaker) -> None:
    platform = speak.account("Platform")
    arn = platform.manager_role_arn
    denied = (
        "AccessDenied",
        403,
        f"User: {WORKER} is not authorized to perform: sts:AssumeRole on resource: {arn}",
    )
    assert refused(assume, speak, arn) == denied
    assert refused(assume, speak, arn, ExternalId="wrong-one") == denied
    answer = assume(speak, arn, ExternalId=platform.external_id)
    client = speak.with_session("sts", answer["Credentials"])
    identity = client.get_caller_identity()
    assert identity["Account"] == PLATFORM
    assert identity["Arn"] == f"arn:aws:sts::{PLATFORM}:assumed-role/fnshare-manager/test"
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert identity["UserId"].startswith("AROA")


def test_a_role_that_does_not_exist_is_refused_in_the_same_words(speak: Speaker) -> None:
    arn = f"arn:aws:iam::{PLATFORM}:role/nobody"
    assert refused(assume, speak, arn)[0:2] == ("AccessDenied", 403)
    assert refused(assume, speak, "arn:aws:iam::999999999999:role/x")[0:2] == ("AccessDenied", 403)


@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ({"AWS": WORKER}, True),
        ({"AWS": DASHBOARD}, True),
        ({"AWS": f"arn:aws:iam::{DASHBOARD}:root"}, True),
        ({"AWS": [f"arn:aws:iam::{ACME}:root", WORKER]}, True),
        ({"AWS": "*"}, True),
        ("*", True),
        ({"AWS": f"arn:aws:iam::{ACME}:root"}, False),
        ({"AWS": f"arn:aws:iam::{DASHBOARD}:user/worker"}, False),
        ({"AWS": f"arn:aws:iam::{DASHBOARD}:role/fnshare/worker"}, False),
        ({"Service": "lambda.amazonaws.com"}, False),
    ],
)
def test_the_trust_policy_decides_by_principal(speak: Speaker, sandbox: Sandbox, principal: Any, allowed: bool) -> None:
    arn = sandbox.add_role(ACME, "guest", trust=trust(principal))
    if allowed:
        assert assume(speak, arn)["Credentials"]["SessionToken"]
    else:
        assert code(assume, speak, arn) == "AccessDenied"


@pytest.mark.parametrize(
    ("condition", "parameters", "allowed"),
    [
        ({"StringEquals": {"sts:ExternalId": ["a1", "b2"]}}, {"ExternalId": "b2"}, True),
        ({"StringEquals": {"sts:ExternalId": "a1"}}, {"ExternalId": "A1"}, False),
        ({"StringNotEquals": {"sts:ExternalId": "a1"}}, {}, True),
        ({"StringEquals": {"sts:RoleSessionName": "night"}}, {"RoleSessionName": "night"}, True),
        ({"StringEquals": {"sts:RoleSessionName": "night"}}, {"RoleSessionName": "day"}, False),
        ({"StringEquals": {"aws:PrincipalAccount": DASHBOARD}}, {}, True),
        ({"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{DASHBOARD}:user/*"}}, {}, True),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-k3s8w1q9zt"}}, {}, False),
        ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, {}, False),
        ({"StringEquals": {"sts:ExternalId": "a1"}, "Bool": {"aws:SecureTransport": "true"}}, {"ExternalId": "a1"}, True),
    ],
)
def test_the_trust_policys_conditions_must_hold(
    speak: Speaker, sandbox: Sandbox, condition: Any, parameters: dict[str, Any], allowed: bool
) -> None:
    arn = sandbox.add_role(ACME, "guest", trust=trust({"AWS": WORKER}, condition))
    if allowed:
        assert assume(speak, arn, **parameters)["Credentials"]
    else:
        assert code(assume, speak, arn, **parameters) == "AccessDenied"


def test_a_deny_in_the_trust_policy_wins(speak: Speaker, sandbox: Sandbox) -> None:
    both = {
        "Version": "2012-10-17",
        "Statement": [*trust("*")["Statement"], *trust({"AWS": WORKER}, effect="Deny")["Statement"]],
    }
    assert code(assume, speak, sandbox.add_role(ACME, "guest", trust=both)) == "AccessDenied"


def test_both_accounts_must_allow_the_assumption(speak: Speaker, sandbox: Sandbox) -> None:
    arn = sandbox.add_role(ACME, "guest", trust=trust({"AWS": UMBRELLA}))
    weak = speak.user("sts", "Umbrella", "weak", allow("s3:*"))
    strong = speak.user("sts", "Umbrella", "strong", allow("sts:AssumeRole", arn))
    assert code(weak.assume_role, RoleArn=arn, RoleSessionName="test") == "AccessDenied"
    assert strong.assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]


def test_inside_an_account_being_named_is_enough_but_the_account_only_delegates(speak: Speaker, sandbox: Sandbox) -> None:
    weak = speak.user("sts", "Acme Retail", "weak", allow("s3:*"))
    named = sandbox.add_role(ACME, "named", trust=trust({"AWS": f"arn:aws:iam::{ACME}:user/weak"}))
    rooted = sandbox.add_role(ACME, "rooted", trust=trust({"AWS": ACME}))
    assert weak.assume_role(RoleArn=named, RoleSessionName="test")["Credentials"]
    assert code(weak.assume_role, RoleArn=rooted, RoleSessionName="test") == "AccessDenied"


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"RoleSessionName": "a"}, "ValidationError"),
        ({"RoleSessionName": "x" * 65}, "ValidationError"),
        ({"RoleSessionName": "two words"}, "ValidationError"),
        ({"ExternalId": "x"}, "ValidationError"),
        ({"ExternalId": "x" * 1225}, "ValidationError"),
        ({"ExternalId": "a b"}, "ValidationError"),
        ({"DurationSeconds": 899}, "ValidationError"),
        ({"DurationSeconds": 43201}, "ValidationError"),
        ({"DurationSeconds": 7200}, "ValidationError"),  # over the role's own maximum
        ({"Policy": "not json"}, "MalformedPolicyDocument"),
        ({"Policy": '{"Version":"2012-10-17","Statement":[{"Effect":"Allow"}]}'}, "MalformedPolicyDocument"),
        ({"Policy": json.dumps(allow("lambda:*", "x" * 2048))}, "PackedPolicyTooLarge"),
        ({"SourceIdentity": "someone"}, "AccessDenied"),  # the trust policy has no sts:SetSourceIdentity
        ({"Tags": [{"Key": "team", "Value": "x"}]}, "AccessDenied"),
    ],
)
def test_bad_parameters_of_assume_role_are_refused(speak: Speaker, parameters: dict[str, Any], wanted: str) -> None:
    platform = speak.account("Platform")
    asked = {"ExternalId": platform.external_id, **parameters}
    assert code(assume, speak, platform.manager_role_arn, **asked) == wanted


def test_source_identity_is_carried_where_the_trust_allows_it(speak: Speaker, sandbox: Sandbox) -> None:
    both = trust({"AWS": WORKER}, action=["sts:AssumeRole", "sts:SetSourceIdentity"])
    arn = sandbox.add_role(ACME, "guest", trust=both)
    worker = speak.user("sts", "fnshare", "second", allow(["sts:AssumeRole", "sts:SetSourceIdentity"]))
    sandbox.put_trust(ACME, "guest", trust({"AWS": DASHBOARD}, action=["sts:AssumeRole", "sts:SetSourceIdentity"]))
    answer = worker.assume_role(RoleArn=arn, RoleSessionName="test", SourceIdentity="person")
    assert answer["SourceIdentity"] == "person"
    # The worker's own policy allows AssumeRole only.
    assert code(assume, speak, arn, SourceIdentity="person") == "AccessDenied"


def test_a_chained_session_lasts_an_hour_at_most(speak: Speaker, sandbox: Sandbox) -> None:
    first = sandbox.add_role(ACME, "first", trust=trust({"AWS": WORKER}), policies={"all": allow()}, max_session_duration=43200)
    second = sandbox.add_role(
        PLATFORM, "second", trust=trust({"AWS": first}), policies={"all": allow()}, max_session_duration=43200
    )
    assert assume(speak, first, DurationSeconds=43200)["Credentials"]
    chain = speak.with_session("sts", assume(speak, first)["Credentials"])
    assert chain.assume_role(RoleArn=second, RoleSessionName="test", DurationSeconds=3600)["Credentials"]
    found = refused(chain.assume_role, RoleArn=second, RoleSessionName="test", DurationSeconds=3601)
    assert found[:2] == ("ValidationError", 400)
    assert "role chaining" in found[2]


def test_a_session_policy_narrows_and_never_widens(speak: Speaker, sandbox: Sandbox) -> None:
    platform = speak.account("Platform")

    def session(policy: dict[str, Any]) -> Any:
        return speak.assumed(
            "lambda", platform.manager_role_arn, "fnshare", ExternalId=platform.external_id, Policy=json.dumps(policy)
        )

    narrow = session(allow(["lambda:GetPolicy", "lambda:GetFunction"], f"{HELLO}*"))
    assert code(narrow.get_policy, FunctionName="hello_world") == "ResourceNotFoundException"
    found = refused(narrow.get_policy, FunctionName="tax-rates")
    assert found[:2] == ("AccessDeniedException", 403)
    assert found[2].endswith("because no session policy allows the lambda:GetPolicy action")
    assert "no identity-based policy" in refused(narrow.get_function, FunctionName="hello_world")[2]
    denying = session({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    assert refused(denying.list_functions)[2].endswith("with an explicit deny in a session policy")


def test_managed_session_policies_count_too(speak: Speaker, sandbox: Sandbox) -> None:
    arn = sandbox.add_role(PLATFORM, "guest", trust=trust({"AWS": PLATFORM}), policies={"all": allow()})
    iam = speak.client("iam", "Platform")
    made = iam.create_policy(PolicyName="ListOnly", PolicyDocument=json.dumps(allow("lambda:ListFunctions")))["Policy"]["Arn"]
    session = speak.assumed("lambda", arn, "Platform", PolicyArns=[{"arn": made}])
    assert session.list_functions()["Functions"]
    assert code(session.list_aliases, FunctionName="label-uploads") == "AccessDeniedException"


def test_caller_identity_needs_no_permission(speak: Speaker) -> None:
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}
    client = speak.user("sts", "Umbrella", "nobody", deny)
    identity = client.get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{UMBRELLA}:user/nobody"
    assert identity["Account"] == UMBRELLA
    assert identity["UserId"].startswith("AIDA")


def test_the_dashboards_worker_can_only_assume_roles(speak: Speaker) -> None:
    assert code(speak.lambda_("fnshare").list_functions) == "AccessDeniedException"
    assert code(speak.client("iam", "fnshare").list_roles) == "AccessDenied"
    assert code(speak.client("s3", "fnshare").list_buckets) == "AccessDenied"
    own = speak.assumed("sts", f"arn:aws:iam::{DASHBOARD}:role/fnshare/worker", "fnshare")
    assert own.get_caller_identity()["Arn"] == f"arn:aws:sts::{DASHBOARD}:assumed-role/worker/test"


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("list_functions", {}),
        ("list_aliases", {"FunctionName": "hello_world"}),
        ("list_versions_by_function", {"FunctionName": "hello_world"}),
        ("list_function_url_configs", {"FunctionName": "hello_world"}),
        ("get_function_url_config", {"FunctionName": "hello_world"}),
        ("get_function_configuration", {"FunctionName": "hello_world"}),
        ("get_function", {"FunctionName": "hello_world"}),
        ("get_policy", {"FunctionName": "hello_world"}),
        ("list_tags", {"Resource": HELLO}),
        ("add_permission", {"FunctionName": "hello_world", "StatementId": "a", "Action": "*", "Principal": "*"}),
        ("remove_permission", {"FunctionName": "hello_world", "StatementId": "a"}),
        ("create_alias", {"FunctionName": "hello_world", "Name": "x", "FunctionVersion": "$LATEST"}),
        ("delete_alias", {"FunctionName": "hello_world", "Name": "x"}),
        ("publish_version", {"FunctionName": "hello_world"}),
        ("delete_function", {"FunctionName": "hello_world"}),
        ("list_event_source_mappings", {}),
        (
            "create_event_source_mapping",
            {"FunctionName": "hello_world", "EventSourceArn": "arn:aws:sqs:us-east-1:444455556666:q"},
        ),
        ("invoke", {"FunctionName": "hello_world"}),
    ],
)
def test_every_lambda_call_needs_its_own_action(speak: Speaker, operation: str, parameters: dict[str, Any]) -> None:
    everything_else = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "NotAction": _action(operation), "Resource": "*"}],
    }
    client = speak.user("lambda", "Platform", "almost", everything_else)
    found = refused(getattr(client, operation), **parameters)
    assert found[:2] == ("AccessDeniedException", 403)
    assert found[2].startswith(f"User: arn:aws:iam::{PLATFORM}:user/almost is not authorized to perform: ")
    assert found[2].endswith(f"because no identity-based policy allows the {_action(operation)} action")
    only = speak.user("lambda", "Platform", "only", allow(_action(operation)))
    assert outcome(getattr(only, operation), **parameters) not in ("AccessDeniedException", "AccessDenied")


def _action(operation: str) -> str:
    name = "".join(word.capitalize() for word in operation.split("_"))
    return "lambda:InvokeFunction" if name == "Invoke" else f"lambda:{name}"


def test_resources_conditions_and_denies_of_identity_policies_count(speak: Speaker) -> None:
    client = speak.user(
        "lambda",
        "Platform",
        "reader",
        allow("lambda:Get*", f"arn:aws:lambda:*:{PLATFORM}:function:tax-*"),
        allow("lambda:listaliases", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}),
        {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "lambda:GetFunction", "Resource": "*"}]},
    )
    assert client.get_policy(FunctionName="tax-rates", Qualifier="live")["Policy"]
    assert code(client.get_policy, FunctionName="currency-convert") == "AccessDeniedException"
    assert client.list_aliases(FunctionName="tax-rates")["Aliases"]
    assert refused(client.get_function, FunctionName="tax-rates")[2].endswith(
        "with an explicit deny in an identity-based policy"
    )


def test_groups_and_managed_policies_of_a_user_count(speak: Speaker) -> None:
    client = speak.user("lambda", "Platform", "member")
    iam = speak.client("iam", "Platform")
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="p", PolicyDocument=json.dumps(allow("lambda:ListFunctions")))
    assert code(client.list_functions) == "AccessDeniedException"
    iam.add_user_to_group(GroupName="readers", UserName="member")
    assert client.list_functions()["Functions"]
    made = iam.create_policy(PolicyName="Aliases", PolicyDocument=json.dumps(allow("lambda:ListAliases")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="member", PolicyArn=made)
    assert client.list_aliases(FunctionName="label-uploads")["Aliases"]


def test_a_permissions_boundary_limits_a_role(speak: Speaker) -> None:
    iam = speak.client("iam", "Platform")
    limit = iam.create_policy(PolicyName="Limit", PolicyDocument=json.dumps(allow("lambda:ListFunctions")))["Policy"]["Arn"]
    arn = iam.create_role(
        RoleName="bounded", AssumeRolePolicyDocument=json.dumps(trust({"AWS": PLATFORM})), PermissionsBoundary=limit
    )["Role"]["Arn"]
    iam.put_role_policy(RoleName="bounded", PolicyName="all", PolicyDocument=json.dumps(allow()))
    client = speak.assumed("lambda", arn, "Platform")
    assert client.list_functions()["Functions"]
    assert refused(client.list_aliases, FunctionName="label-uploads")[2].endswith(
        "because no permissions boundary allows the lambda:ListAliases action"
    )


def test_lambda_principal_limits_whom_one_may_add_and_remove(speak: Speaker, sandbox: Sandbox) -> None:
    only_acme = {"StringEquals": {"lambda:Principal": [ACME, f"arn:aws:iam::{ACME}:root"]}}
    client = speak.user(
        "lambda", "Platform", "careful", allow(["lambda:AddPermission", "lambda:RemovePermission"], Condition=only_acme)
    )
    asked = {"FunctionName": "hello_world", "Action": "lambda:InvokeFunction"}
    client.add_permission(StatementId="a", Principal=ACME, **asked)
    client.add_permission(StatementId="b", Principal=f"arn:aws:iam::{ACME}:root", **asked)
    assert code(client.add_permission, StatementId="c", Principal="*", **asked) == "AccessDeniedException"
    client.remove_permission(FunctionName="hello_world", StatementId="a")
    speak.lambda_("Platform").add_permission(StatementId="d", Principal=UMBRELLA, **asked)
    assert code(client.remove_permission, FunctionName="hello_world", StatementId="d") == "AccessDeniedException"


def test_function_url_auth_type_can_be_demanded(speak: Speaker) -> None:
    signed = {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}
    client = speak.user("lambda", "Platform", "careful", allow("lambda:AddPermission", Condition=signed))
    asked = {"FunctionName": "hello_world", "Action": "lambda:InvokeFunctionUrl", "Principal": ACME}
    client.add_permission(StatementId="a", FunctionUrlAuthType="AWS_IAM", **asked)
    assert code(client.add_permission, StatementId="b", FunctionUrlAuthType="NONE", **asked) == "AccessDeniedException"
    assert code(client.add_permission, StatementId="c", **asked) == "AccessDeniedException"


def test_the_manager_role_can_share_with_anyone_but_its_own_dashboard(speak: Speaker) -> None:
    platform = speak.account("Platform")
    client = speak.assumed("lambda", platform.manager_role_arn, "fnshare", ExternalId=platform.external_id)
    asked = {"FunctionName": "hello_world", "Action": "lambda:InvokeFunction"}
    client.add_permission(StatementId="a", Principal=ACME, **asked)
    for principal in (DASHBOARD, f"arn:aws:iam::{DASHBOARD}:root", WORKER, f"arn:aws:iam::{DASHBOARD}:role/fnshare/worker"):
        found = refused(client.add_permission, StatementId="b", Principal=principal, **asked)
        assert found[2].endswith("with an explicit deny in an identity-based policy"), principal
    assert code(client.get_function, FunctionName="hello_world") == "AccessDeniedException"
    assert code(client.put_resource_policy, ResourceArn=HELLO, Policy="{}") == "AccessDeniedException"


def test_write_rights_can_be_probed_without_writing(speak: Speaker, sandbox: Sandbox) -> None:
    """aws-facts 5.2: an impossible RevisionId answers 412 where permitted and 403 where not; a random Sid 404 and 403."""
    asked = {"FunctionName": "hello_world", "Action": "lambda:InvokeFunction", "Principal": ACME, "StatementId": "probe"}
    impossible = "00000000-0000-4000-8000-000000000000"
    allowed = speak.user("lambda", "Platform", "writer", allow(["lambda:AddPermission", "lambda:RemovePermission"]))
    other = speak.user("lambda", "Platform", "reader", allow("lambda:GetPolicy"))
    assert refused(allowed.add_permission, RevisionId=impossible, **asked)[1] == 412
    assert refused(other.add_permission, RevisionId=impossible, **asked)[1] == 403
    assert refused(allowed.remove_permission, FunctionName="hello_world", StatementId="random")[1] == 404
    assert refused(other.remove_permission, FunctionName="hello_world", StatementId="random")[1] == 403
    assert sandbox.policy(HELLO) is None


def test_a_session_of_a_deleted_role_can_do_nothing_more(speak: Speaker, sandbox: Sandbox) -> None:
    platform = speak.account("Platform")
    client = speak.assumed("lambda", platform.manager_role_arn, "fnshare", ExternalId=platform.external_id)
    assert client.list_functions()["Functions"]
    sandbox.delete_role(PLATFORM, "fnshare-manager")
    assert code(client.list_functions) == "AccessDeniedException"
    assert code(assume, speak, platform.manager_role_arn, ExternalId=platform.external_id) == "AccessDenied"


def test_roles_made_through_iam_work_like_seeded_ones(speak: Speaker) -> None:
    iam = speak.client("iam", "Initech")
    arn = iam.create_role(RoleName="made", AssumeRolePolicyDocument=json.dumps(trust({"AWS": WORKER})))["Role"]["Arn"]
    client = speak.assumed("lambda", arn, "fnshare")
    assert code(client.list_functions) == "AccessDeniedException"
    iam.put_role_policy(RoleName="made", PolicyName="p", PolicyDocument=json.dumps(allow("lambda:ListFunctions")))
    assert client.list_functions()["Functions"] == []
    iam.update_assume_role_policy(RoleName="made", PolicyDocument=json.dumps(trust({"AWS": ACME})))
    assert code(assume, speak, arn) == "AccessDenied"


def test_enabled_regions_can_be_listed_where_allowed(speak: Speaker) -> None:
    regions = speak.client("account", "Platform").list_regions(RegionOptStatusContains=["ENABLED", "ENABLED_BY_DEFAULT"])
    assert {"us-east-1", "eu-west-1"} <= {region["RegionName"] for region in regions["Regions"]}
    assert "af-south-1" not in {region["RegionName"] for region in regions["Regions"]}
    described = speak.client("ec2", "Platform").describe_regions()["Regions"]
    assert {"us-east-1", "eu-west-1"} <= {region["RegionName"] for region in described}
    weak = speak.user("account", "Platform", "weak", allow("lambda:*"))
    assert code(weak.list_regions) == "AccessDenied"
