"""What each role may do, as IAM policies: least privilege for its purpose, and nothing beside it.

Source: aws-facts 5.2 (manager role, in stages), 5.3 (checker role), 2.2 (invoker role) and 3 (source role).
"""

from typing import Any

from sharing.aws.wired import KINDS, kind_of, test_statements, wiring_statements
from sharing.models import Account, Connection

from .reaching import reach

_READ_ACTIONS = [
    "lambda:GetPolicy",
    "lambda:GetFunctionConfiguration",
    "lambda:ListAliases",
    "lambda:ListVersionsByFunction",
    "lambda:ListTags",
    "lambda:ListFunctionUrlConfigs",
]

LIST_LAYERS = ["lambda:ListLayers", "lambda:ListLayerVersions"]
READ_LAYERS = ["lambda:GetLayerVersionPolicy"]
COUNT_RUNS = ["cloudwatch:GetMetricStatistics"]
CHANGE_MAPPINGS = ["lambda:GetEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping"]
SHARE_LAYERS = ["lambda:AddLayerVersionPermission", "lambda:RemoveLayerVersionPermission"]
ORGANIZATION_ACTIONS = ["organizations:DescribeOrganization", "organizations:ListAccounts"]
UNIT_ACTIONS = [
    "organizations:ListRoots",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListAccountsForParent",
]

Statement = dict[str, Any]


def read_policy(account: Account) -> dict[str, Any]:
    """The read stage: functions, aliases, versions, layers and their policies. Regions: to see which ones are not read."""
    return document(
        {
            "Sid": "List",
            "Effect": "Allow",
            "Action": ["lambda:ListFunctions", "lambda:ListEventSourceMappings", *LIST_LAYERS],
            "Resource": "*",
        },
        {"Sid": "Read", "Effect": "Allow", "Action": _READ_ACTIONS, "Resource": [_all_functions(account)]},
        {"Sid": "ReadLayers", "Effect": "Allow", "Action": READ_LAYERS, "Resource": [all_layers(account)]},
        {"Sid": "Regions", "Effect": "Allow", "Action": "account:ListRegions", "Resource": "*"},
    )


def share_policy(account: Account, denied: list[Any]) -> dict[str, Any]:
    """The share stage, and the Deny that keeps a stolen worker from sharing functions with itself.

    denied: the dashboard's own principals, in every form `lambda:Principal` takes. For layers AWS knows no such key: a
    stolen worker could read a layer's code, not run anything in the account.
    """
    return document(
        {
            "Sid": "Share",
            "Effect": "Allow",
            "Action": ["lambda:AddPermission", "lambda:RemovePermission"],
            "Resource": [_all_functions(account)],
        },
        {"Sid": "ShareLayers", "Effect": "Allow", "Action": SHARE_LAYERS, "Resource": [all_layers(account)]},
        {
            "Sid": "NeverWithTheDashboard",
            "Effect": "Deny",
            "Action": "lambda:AddPermission",
            "Resource": "*",
            "Condition": {"StringEquals": {"lambda:Principal": denied}},
        },
    )


def mappings_policy(account: Account) -> dict[str, Any]:
    """The mappings stage: event source mappings onto the account's functions, and nothing of the functions themselves.

    CountRuns: how often a function ran, to see whether a test event arrived. Metrics have no ARNs.
    """
    ours = {"ArnLike": {"lambda:FunctionArn": _all_functions(account)}}
    mappings = f"arn:{account.partition}:lambda:*:{account.number}:event-source-mapping:*"
    create = {"Effect": "Allow", "Action": "lambda:CreateEventSourceMapping", "Resource": "*", "Condition": ours}
    change = {"Effect": "Allow", "Action": CHANGE_MAPPINGS, "Resource": mappings, "Condition": ours}
    count = {"Sid": "CountRuns", "Effect": "Allow", "Action": COUNT_RUNS, "Resource": "*"}
    return document({"Sid": "Map", **create}, {"Sid": "ChangeMappings", **change}, count)


def checker_policy(account: Account, owners: list[Account]) -> dict[str, Any]:
    """What the checker role may try: functions of the connected owners, never the consumer's own.

    With no owner connected yet it may try functions of any account; AWS still asks their policies.
    """
    others = [owner for owner in owners if owner.number != account.number]
    resources = [_all_functions(owner) for owner in others] or [f"arn:{account.partition}:lambda:*:*:function:*"]
    own = f"arn:{account.partition}:lambda:*:{account.number}:*"
    return document(
        {"Sid": "Check", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": resources},
        {"Sid": "NeverOwn", "Effect": "Deny", "Action": "lambda:*", "Resource": own},
    )


def organization_checker_policy(account: Account, organization_id: str, outside: list[Account]) -> dict[str, Any]:
    """The same for every account of an organisation: functions of its members, and of connected owners outside of it."""
    everywhere = f"arn:{account.partition}:lambda:*:*:function:*"
    members = {"StringEquals": {"aws:ResourceOrgID": organization_id}}
    own = f"arn:{account.partition}:lambda:*:{account.number}:*"
    invoke = {"Effect": "Allow", "Action": "lambda:InvokeFunction"}
    found: list[Statement] = [{"Sid": "CheckMembers", **invoke, "Resource": everywhere, "Condition": members}]
    if outside:
        found.append({"Sid": "CheckOutside", **invoke, "Resource": [_all_functions(owner) for owner in outside]})
    return document(*found, {"Sid": "NeverOwn", "Effect": "Deny", "Action": "lambda:*", "Resource": own})


def organization_policy() -> dict[str, Any]:
    """What an organisation role may do: name the organisation and list its accounts; list its units and who is in which.

    The first two know no resource. The last three would, but whole: every unit is read, also those that are made later.
    """
    return document(
        {"Sid": "Members", "Effect": "Allow", "Action": ORGANIZATION_ACTIONS, "Resource": "*"},
        {"Sid": "Units", "Effect": "Allow", "Action": UNIT_ACTIONS, "Resource": "*"},
    )


def invoked(connection: Connection) -> list[str]:
    """What the invoker role may call, as ARN patterns: what it was limited to, or everything it reaches."""
    found = reach(connection.account)
    own = [_all_functions(connection.account)] if found.own else []
    return list(connection.limited_to) or [*own, *(_all_functions(owner) for owner in found.owners)]


def invoker_policy(connection: Connection) -> dict[str, Any]:
    """Real calls of exactly these functions, and nothing else; a consumer's own functions are denied on top."""
    account = connection.account
    resources = invoked(connection) or [_all_functions(account)]
    statements: list[Statement] = [
        {"Sid": "Invoke", "Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": resources}
    ]
    if not reach(account).own:
        own = f"arn:{account.partition}:lambda:*:{account.number}:*"
        statements.append({"Sid": "NeverOwn", "Effect": "Deny", "Action": "lambda:*", "Resource": own})
    return document(*statements)


def source_policies(connection: Connection, *, tests: bool) -> dict[str, dict[str, Any]]:
    """What a source role may do: read and change what exactly these sources hold of events and policy, kind by kind.

    tests: and send each of them a test event, in a policy of its own that can be taken off again.
    """
    by_kind: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for arn in connection.limited_to:
        by_kind[kind_of(arn)].append(arn)
    wire = [one for kind, arns in by_kind.items() if arns for one in wiring_statements(kind, arns)]
    found = {"fnshare-wire": document(*wire)}
    sent = [one for kind, arns in by_kind.items() if arns for one in test_statements(kind, arns)]
    if tests and sent:
        found["fnshare-test-events"] = document(*sent)
    return found


def _all_functions(account: Account) -> str:
    return f"arn:{account.partition}:lambda:*:{account.number}:function:*"


def all_layers(account: Account) -> str:
    """Every layer version of the account: GetLayerVersionPolicy and the sharing calls act on versions."""
    return f"arn:{account.partition}:lambda:*:{account.number}:layer:*:*"


def document(*statements: Statement) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}
