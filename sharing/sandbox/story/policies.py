"""The demo's policies, each a kind that real estates have: who made it is told by how its statements are named."""

import json
from collections.abc import Callable

from sharing.sandbox.story.statements import Document, account, allow, organisation, policy, service, url_pair

EAST, WEST = "us-east-1", "eu-west-1"
PLATFORM, ACME, GLOBEX, INITECH = "444455556666", "111122223333", "222233334444", "333344445555"
BUILD = "555566667777"
ORGANISATION = "o-k3s8w1q9zt"
SKILL = "amzn1.ask.skill.4d7f0c1e-93ab-4a52-8c6d-0be1f2a3c4d5"
GHOST = "AROA4KQ7PXEXAMPLE2Z9V"

_EVERY_CONSUMER = [f"arn:aws:iam::{number}:root" for number in (ACME, GLOBEX, INITECH)]

#: (region, function or function:alias) -> its policy, made for its ARN
POLICIES: dict[tuple[str, str], Callable[[str], Document]] = {
    # Alias only, with the buckets that may drive it: callers of the bare function are refused.
    (EAST, "label-uploads:live"): lambda arn: policy(
        account("acme-labels", ACME, arn),
        service("acme-uploads", "s3.amazonaws.com", arn, source_account=ACME, source_arn="arn:aws:s3:::acme-retail-uploads"),
        service("globex-uploads", "s3.amazonaws.com", arn, source_account=GLOBEX, source_arn="arn:aws:s3:::globex-media-in"),
    ),
    # CloudFormation: Stack-LogicalId-RANDOM.
    (EAST, "resize-images"): lambda arn: policy(
        service(
            "images-prod-ResizeImagesPermission-1QX0LBJ8N2T5K",
            "s3.amazonaws.com",
            arn,
            source_account=PLATFORM,
            source_arn="arn:aws:s3:::platform-product-images",
        ),
        account("images-prod-GlobexPermission-8H2M4VWZ0R6C", GLOBEX, arn),
    ),
    # SAM: Stack-FunctionEventPermission-RANDOM.
    (EAST, "photo-intake"): lambda arn: policy(
        service(
            "photos-IntakeFunctionUploadPermission-cX3vB7nM1qLz",
            "s3.amazonaws.com",
            arn,
            source_account=ACME,
            source_arn="arn:aws:s3:::acme-retail-photos",
        ),
    ),
    # A public function URL, as the console sets it up.
    (EAST, "checkout-webhook"): lambda arn: policy(*url_pair(arn, "*", "NONE")),
    # Half a pair: the URL exists, the second statement was forgotten, and calls by URL are refused.
    (EAST, "partner-callback:live"): lambda arn: policy(
        allow(
            "globex-url",
            {"AWS": f"arn:aws:iam::{GLOBEX}:root"},
            arn,
            action="lambda:InvokeFunctionUrl",
            condition={"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}},
        ),
    ),
    # Serverless Framework: service-stage-FunctionLambdaPermissionEvent-RANDOM.
    (EAST, "invoice-render"): lambda arn: policy(
        service(
            "billing-prod-InvoiceRenderLambdaPermissionApiGateway-1KD9TQ3YV7XPA",
            "apigateway.amazonaws.com",
            arn,
            source_arn=f"arn:aws:execute-api:us-east-1:{PLATFORM}:a1b2c3d4e5/*/*",
        ),
        account("globex-invoices", GLOBEX, arn),
    ),
    (EAST, "invoice-render:live"): lambda arn: policy(account("globex-invoices-live", GLOBEX, arn)),
    # Any account's bucket may drive this one.
    (EAST, "invoice-archive"): lambda arn: policy(service("s3-invoke", "s3.amazonaws.com", arn)),
    (EAST, "tax-rates:live"): lambda arn: policy(organisation("whole-organisation", ORGANISATION, arn)),
    (EAST, "currency-convert"): lambda arn: policy(allow("PublicAccess", "*", arn)),
    (EAST, "address-verify"): lambda arn: policy(
        allow("acme-orders", {"AWS": f"arn:aws:iam::{ACME}:role/apps/order-processor"}, arn),
        account("globex-addresses", GLOBEX, arn),
    ),
    # Allowed as an account, denied as one role of it.
    (EAST, "fraud-score"): lambda arn: policy(
        account("globex-scores", GLOBEX, arn),
        allow("not-the-batch", {"AWS": f"arn:aws:iam::{GLOBEX}:role/billing-batch"}, arn, effect="Deny"),
    ),
    (EAST, "order-events"): lambda arn: policy(
        service("sns-orders", "sns.amazonaws.com", arn, source_arn=f"arn:aws:sns:us-east-1:{ACME}:orders"),
    ),
    # The console names what it adds by a bare uuid or lc-...
    (EAST, "nightly-report"): lambda arn: policy(
        service(
            "lc-2f6c1a90-7d43-4f0e-b8a5-91c3de07f462",
            "events.amazonaws.com",
            arn,
            source_arn=f"arn:aws:events:us-east-1:{PLATFORM}:rule/every-night",
        ),
        service(
            "b3d7e5a1-4c82-49f6-a0de-6f1b92c8357d",
            "apigateway.amazonaws.com",
            arn,
            source_arn=f"arn:aws:execute-api:us-east-1:{PLATFORM}:f6g7h8i9j0/*/GET/report",
        ),
    ),
    # The role behind this statement was deleted; a new role of its name gets nothing.
    (EAST, "send-receipt"): lambda arn: policy(
        allow("receipts-worker", {"AWS": GHOST}, arn),
        account("initech-receipts", INITECH, arn),
    ),
    (EAST, "customer-export"): lambda arn: policy(allow(None, {"AWS": f"arn:aws:iam::{INITECH}:root"}, arn), identifier=None),
    # Written as a whole document: many principals in one statement, everyone else denied.
    (EAST, "price-list:live"): lambda arn: policy(
        allow("resellers", {"AWS": _EVERY_CONSUMER}, arn, action=["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"]),
        {
            "Sid": "nobody-else",
            "Effect": "Deny",
            "NotPrincipal": {"AWS": [f"arn:aws:iam::{PLATFORM}:root", *_EVERY_CONSUMER]},
            "Action": "lambda:DeleteAlias",
            "Resource": arn,
        },
        identifier=None,
    ),
    (EAST, "loyalty-points"): lambda arn: policy(
        account("terraform-20260114103015123400000001", ACME, arn),
        account("terraform-20260114103015123400000002", INITECH, arn),
    ),
    (EAST, "stock-levels:live"): lambda arn: policy(account("initech-stock", INITECH, arn)),
    (EAST, "stock-levels:1"): lambda arn: policy(account("acme-pinned", ACME, arn)),
    (EAST, "payment-capture:live"): lambda arn: policy(
        allow("acme-orders", {"AWS": f"arn:aws:iam::{ACME}:role/apps/order-processor"}, arn)
    ),
    (EAST, "catalogue-search"): lambda arn: policy(account("acme-search", ACME, arn)),
    # A pipeline may replace the code: whoever holds that account runs code as the owner.
    (EAST, "deploy-hook"): lambda arn: policy(account("build-pipeline", BUILD, arn, action="lambda:UpdateFunctionCode")),
    (EAST, "skill-answers"): lambda arn: policy(
        allow(
            "alexa",
            {"Service": "alexa-appkit.amazon.com"},
            arn,
            condition={"StringEquals": {"lambda:EventSourceToken": SKILL}},
        )
    ),
    (EAST, "alarm-router"): lambda arn: policy(
        service(
            "alarms",
            "lambda.alarms.cloudwatch.amazonaws.com",
            arn,
            source_account=GLOBEX,
            source_arn=f"arn:aws:cloudwatch:us-east-1:{GLOBEX}:alarm:*",
        )
    ),
    (WEST, "invoice-render:live"): lambda arn: policy(account("globex-invoices", GLOBEX, arn)),
    (WEST, "gdpr-erase:live"): lambda arn: policy(
        account("acme-erase", ACME, arn),
        allow(
            "over-plain-http",
            "*",
            arn,
            action="lambda:*",
            effect="Deny",
            condition={"Bool": {"aws:SecureTransport": "false"}},
        ),
        identifier=None,
    ),
    # Two statements that an old guide recommends. Neither action lets anybody in.
    (WEST, "legacy-labels"): lambda arn: policy(
        allow("PublicAccess", "*", arn, action="lambda:Invoke"),
        allow("PublicAccessTrigger", "*", arn, action="lambda:CreateEventSourceMapping"),
    ),
}


def full_policy(arn: str, limit: int = 20_480) -> Document:
    """One statement per tenant account until no further one fits into `limit` bytes."""
    statements: list[dict[str, object]] = []
    size = len(json.dumps(policy(), separators=(",", ":")))
    for number in range(1, 200):
        statement = account(f"tenant-{number:03d}", f"{880000000000 + number * 7919}", arn)
        more = len(json.dumps(statement, separators=(",", ":"))) + (1 if statements else 0)
        if size + more > limit:
            break
        statements.append(statement)
        size += more
    return policy(*statements)
