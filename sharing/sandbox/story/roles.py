"""The roles that let the product in: worker, manager (in stages), checker (aws-facts 5.2, 5.3), invoker and source."""

from sharing.sandbox.seeding import Account, Seeding
from sharing.sandbox.story.statements import Document

ASSUME_ONLY: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}],
}


def add_dashboard(sandbox: Seeding, number: str, name: str, *, user: str = "worker", path: str = "/fnshare/") -> list[str]:
    """The dashboard's account: a user that may only assume roles, and a role of the same name. Their ARNs."""
    sandbox.add_account(number, name, "dashboard", user=user, path=path, policy=ASSUME_ONLY)
    arn = f"arn:aws:iam::{number}:user{path}{user}"
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": arn}, "Action": "sts:AssumeRole"}],
    }
    return [sandbox.add_role(number, user, path, trust, {"AssumeOnly": ASSUME_ONLY}), arn]


def _trust(workers: list[str], external_id: str) -> Document:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": workers},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
            }
        ],
    }


def manager_policy(owner: str, dashboard: str, workers: list[str]) -> Document:
    """Read and share stages, and the Deny that keeps the dashboard from granting itself anything."""
    functions = f"arn:aws:lambda:*:{owner}:function:*"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "List",
                "Effect": "Allow",
                "Action": ["lambda:ListFunctions", "lambda:ListEventSourceMappings"],
                "Resource": "*",
            },
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": [
                    "lambda:GetPolicy",
                    "lambda:GetFunctionConfiguration",
                    "lambda:ListAliases",
                    "lambda:ListVersionsByFunction",
                    "lambda:ListTags",
                    "lambda:ListFunctionUrlConfigs",
                ],
                "Resource": [functions],
            },
            {
                "Sid": "Share",
                "Effect": "Allow",
                "Action": ["lambda:AddPermission", "lambda:RemovePermission"],
                "Resource": [functions],
            },
            {
                "Sid": "NeverOurselves",
                "Effect": "Deny",
                "Action": "lambda:AddPermission",
                "Resource": "*",
                "Condition": {
                    "StringEquals": {
                        "lambda:Principal": [dashboard, f"arn:aws:iam::{dashboard}:root", *workers],
                    }
                },
            },
        ],
    }


def layers_policy(owner: str) -> Document:
    """Layers, read and share stages. No condition key tells with whom a layer version is shared (aws-facts 7)."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["lambda:ListLayers", "lambda:ListLayerVersions"], "Resource": "*"},
            {
                "Effect": "Allow",
                "Action": [
                    "lambda:GetLayerVersionPolicy",
                    "lambda:AddLayerVersionPermission",
                    "lambda:RemoveLayerVersionPermission",
                ],
                "Resource": [f"arn:aws:lambda:*:{owner}:layer:*:*"],
            },
        ],
    }


def mappings_policy(owner: str) -> Document:
    """The mappings stage: event source mappings onto the owner's functions (aws-facts 5.2), and how often those ran."""
    functions = {"ArnLike": {"lambda:FunctionArn": f"arn:aws:lambda:*:{owner}:function:*"}}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "cloudwatch:GetMetricStatistics", "Resource": "*"},
            {"Effect": "Allow", "Action": "lambda:CreateEventSourceMapping", "Resource": "*", "Condition": functions},
            {
                "Effect": "Allow",
                "Action": [
                    "lambda:GetEventSourceMapping",
                    "lambda:UpdateEventSourceMapping",
                    "lambda:DeleteEventSourceMapping",
                ],
                "Resource": f"arn:aws:lambda:*:{owner}:event-source-mapping:*",
                "Condition": functions,
            },
        ],
    }


def add_manager(
    sandbox: Seeding, owner: Account, dashboard: str, workers: list[str], external_id: str, name: str = "fnshare-manager"
) -> None:
    arn = sandbox.add_role(
        owner.id,
        name,
        trust=_trust(workers, external_id),
        policies={
            "ReadAndShare": manager_policy(owner.id, dashboard, workers),
            "Layers": layers_policy(owner.id),
            "Mappings": mappings_policy(owner.id),
        },
    )
    sandbox.describe_account(owner.id, manager_role_arn=arn, external_id=external_id)


def add_checker(
    sandbox: Seeding, consumer: Account, owner: str, workers: list[str], external_id: str, name: str = "fnshare-checker"
) -> None:
    check: Document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Check",
                "Effect": "Allow",
                "Action": "lambda:InvokeFunction",
                "Resource": f"arn:aws:lambda:*:{owner}:function:*",
            },
            {
                "Sid": "NeverOwn",
                "Effect": "Deny",
                "Action": "lambda:*",
                "Resource": f"arn:aws:lambda:*:{consumer.id}:*",
            },
        ],
    }
    arn = sandbox.add_role(consumer.id, name, trust=_trust(workers, external_id), policies={"Check": check})
    sandbox.describe_account(consumer.id, checker_role_arn=arn, external_id=external_id)


def add_organization_role(
    sandbox: Seeding, account: Account, workers: list[str], external_id: str, name: str = "fnshare-organization"
) -> None:
    """The role that reads who belongs to the account's organisation, and to which unit of it, and nothing else."""
    members: Document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Members",
                "Effect": "Allow",
                "Action": ["organizations:DescribeOrganization", "organizations:ListAccounts"],
                "Resource": "*",
            },
            {
                "Sid": "Units",
                "Effect": "Allow",
                "Action": [
                    "organizations:ListRoots",
                    "organizations:ListOrganizationalUnitsForParent",
                    "organizations:ListAccountsForParent",
                ],
                "Resource": "*",
            },
        ],
    }
    arn = sandbox.add_role(account.id, name, trust=_trust(workers, external_id), policies={"Members": members})
    sandbox.describe_account(account.id, organization_role_arn=arn, organization_external_id=external_id)


def add_invoker(
    sandbox: Seeding, account: Account, owner: str, workers: list[str], external_id: str, name: str = "fnshare-invoker"
) -> None:
    """A role that calls the owner's functions for real; in another account than the owner's never that account's own."""
    statements: list[Document] = [
        {
            "Sid": "Invoke",
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": f"arn:aws:lambda:*:{owner}:function:*",
        }
    ]
    if account.id != owner:
        own = f"arn:aws:lambda:*:{account.id}:*"
        statements.append({"Sid": "NeverOwn", "Effect": "Deny", "Action": "lambda:*", "Resource": own})
    document: Document = {"Version": "2012-10-17", "Statement": statements}
    arn = sandbox.add_role(account.id, name, trust=_trust(workers, external_id), policies={"Invoke": document})
    sandbox.describe_account(account.id, invoker_role_arn=arn, invoker_external_id=external_id)


#: What a source role does with each kind of source: wiring it, on the source itself; and what IAM knows on everything only.
_WIRES = {
    "s3": (["s3:GetBucketNotification", "s3:PutBucketNotification"], []),
    "sns": (
        ["sns:GetTopicAttributes", "sns:SetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:Subscribe", "sns:Publish"],
        ["sns:Unsubscribe"],
    ),
    "events": (["events:ListTargetsByRule", "events:PutTargets", "events:RemoveTargets"], []),
    "cloudwatch": (["cloudwatch:PutMetricAlarm"], ["cloudwatch:DescribeAlarms"]),
    "sqs": (["sqs:GetQueueAttributes", "sqs:SetQueueAttributes", "sqs:SendMessage"], []),
}


def add_source_role(
    sandbox: Seeding, account: Account, workers: list[str], external_id: str, name: str = "fnshare-source"
) -> None:
    """The role that wires the sources which the account offers, and sends each one test event; it reaches nothing else."""
    statements: list[Document] = []
    for arn in sandbox.account(account.id).sources:
        own, everywhere = _WIRES[arn.split(":")[2]]
        statements.append({"Effect": "Allow", "Action": own, "Resource": arn})
        if everywhere:
            statements.append({"Effect": "Allow", "Action": everywhere, "Resource": "*"})
        if arn.startswith("arn:aws:s3:"):
            test = {"Action": ["s3:PutObject", "s3:DeleteObject"], "Resource": f"{arn}/*fnshare-test-*"}
            statements.append({"Effect": "Allow", **test})
    document: Document = {"Version": "2012-10-17", "Statement": statements}
    arn = sandbox.add_role(account.id, name, trust=_trust(workers, external_id), policies={"Wire": document})
    sandbox.describe_account(account.id, source_role_arn=arn, source_external_id=external_id)
