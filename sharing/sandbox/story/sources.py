"""What can wake functions in two of the consumers' accounts, to wire it to the platform's and see it run.

Acme's upload bucket tells three others already, and those must stay; its photo bucket wakes photo-intake. Nobody outside may
read the queues until their policies say so. Each account has a role as which its own EventBridge may invoke.
"""

from sharing.sandbox.seeding import Seeding
from sharing.sandbox.story.statements import Document, allow, policy

EAST = "us-east-1"
PLATFORM, ACME, GLOBEX = "444455556666", "111122223333", "222233334444"

UPLOADS, PHOTOS = "acme-retail-uploads", "acme-retail-photos"


def add(sandbox: Seeding) -> None:
    """Three buckets, three topics, four queues, two rules with their roles, two alarms."""
    _add_acme(sandbox)
    sandbox.offer(GLOBEX, sandbox.add_bucket(GLOBEX, EAST, "globex-media-in"), Key="parcel.md")
    sandbox.offer(GLOBEX, sandbox.add_topic(GLOBEX, EAST, "globex-shipments"))
    sandbox.offer(GLOBEX, sandbox.add_queue(GLOBEX, EAST, "globex-parcels"))
    _add_rule(sandbox, GLOBEX, "parcel-delivered", "globex.parcels", "Parcel delivered")
    sandbox.offer(GLOBEX, sandbox.add_alarm(GLOBEX, EAST, "globex-batch-late", "MinutesLate", 30))


def _add_acme(sandbox: Seeding) -> None:
    sandbox.offer(ACME, sandbox.add_bucket(ACME, EAST, UPLOADS), Key="picture.md")
    sandbox.offer(ACME, sandbox.add_bucket(ACME, EAST, PHOTOS), Key="in/photo.jpg")
    sandbox.offer(ACME, sandbox.add_topic(ACME, EAST, "orders"))
    sandbox.offer(ACME, sandbox.add_queue(ACME, EAST, "acme-orders-in"))
    restored = sandbox.add_topic(ACME, EAST, "acme-restored")
    removed, tagged = (
        sandbox.add_queue(ACME, EAST, name, _from_bucket(f"arn:aws:sqs:{EAST}:{ACME}:{name}"))
        for name in ("acme-removed", "acme-tagged")
    )
    sandbox.notify(
        UPLOADS,
        [
            ("removed-to-archive", removed, "s3:ObjectRemoved:*", "", ""),
            ("tagged-to-search", tagged, "s3:ObjectTagging:*", "products/", ""),
            ("restored-to-desk", restored, "s3:ObjectRestore:*", "", ".tif"),
        ],
    )
    intake = f"arn:aws:lambda:{EAST}:{PLATFORM}:function:photo-intake"
    sandbox.notify(PHOTOS, [("photos-to-intake", intake, "s3:ObjectCreated:*", "in/", ".jpg")])
    _add_rule(sandbox, ACME, "picture-approved", "acme.retail", "Picture approved")
    sandbox.offer(ACME, sandbox.add_alarm(ACME, EAST, "acme-checkout-errors", "CheckoutErrors", 5))


def _add_rule(sandbox: Seeding, account: str, name: str, source: str, kind: str) -> None:
    """A rule for one kind of event, and the role as which EventBridge may invoke the platform's functions for it."""
    arn = sandbox.add_rule(account, EAST, name, {"source": [source], "detail-type": [kind]})
    sandbox.offer(account, arn, Source=source, DetailType=kind)
    trusted = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"}
    invoke = {
        "Effect": "Allow",
        "Action": "lambda:InvokeFunction",
        "Resource": f"arn:aws:lambda:*:{PLATFORM}:function:*",
    }
    sandbox.add_role(
        account,
        "events-invoke",
        trust={"Version": "2012-10-17", "Statement": [trusted]},
        policies={"Invoke": {"Version": "2012-10-17", "Statement": [invoke]}},
    )


def _from_bucket(queue: str) -> Document:
    bucket = {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{UPLOADS}"}}
    return policy(
        allow("bucket", {"Service": "s3.amazonaws.com"}, queue, action="sqs:SendMessage", condition=bucket), identifier=None
    )
