"""S3 asks before it keeps a notification configuration: does every function exist, is it near, does it let the bucket in?"""

import xml.etree.ElementTree as ElementTree
from itertools import combinations
from typing import Any

from moto.s3.models import s3_backends

from sharing.sandbox.deliveries import Deliveries, bucket_owner
from sharing.sandbox.errors import AwsError

_VALIDATE = "Unable to validate the following destination configurations"
_OVERLAP = (
    "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping "
    "for the same event type."
)
_FUNCTION_TAGS = ("CloudFunction", "LambdaFunctionArn")


def check(body: bytes, bucket: str, deliveries: Deliveries) -> None:
    """Raise what S3 answers when the configuration cannot be kept; NoSuchBucket is moto's to say."""
    owner, region = bucket_owner(bucket), bucket_region(bucket)
    if not owner:
        return
    try:
        root = ElementTree.fromstring(body)  # noqa: S314  # a test's own request to a local server
    except ElementTree.ParseError:
        raise AwsError("MalformedXML", 400, "The XML you provided was not well-formed.") from None
    configurations = [
        _read(one) for one in root if _tag(one).endswith("Configuration") and _tag(one) != "EventBridgeConfiguration"
    ]
    for one, other in combinations(configurations, 2):
        if _overlap(one, other):
            raise AwsError("InvalidArgument", 400, _OVERLAP)
    for one in configurations:
        arn = one["function"]
        if not arn:
            continue
        function, qualifier = deliveries.find(arn)
        if (
            function is None
            or not function.has(qualifier)
            or function.region != region
            or not deliveries.lets_in("s3.amazonaws.com", f"arn:aws:s3:::{bucket}", owner, function, qualifier)
        ):
            raise AwsError("InvalidArgument", 400, _VALIDATE)


def bucket_region(name: str) -> str:
    """Where the bucket is; "" for one that does not exist."""
    found = s3_backends.bucket_accounts.get(name)
    if found is None:
        return ""
    bucket = s3_backends[found[1]][found[0]].buckets.get(name)
    return str(bucket.region_name) if bucket is not None else ""


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _read(element: ElementTree.Element) -> dict[str, Any]:
    found: dict[str, Any] = {"function": "", "events": [], "prefix": "", "suffix": ""}
    for one in element.iter():
        text = (one.text or "").strip()
        if _tag(one) in _FUNCTION_TAGS:
            found["function"] = text
        elif _tag(one) == "Event":
            found["events"].append(text)
        elif _tag(one) == "FilterRule":
            parts = {_tag(part): (part.text or "") for part in one}
            found[parts.get("Name", "").lower()] = parts.get("Value", "")
    return found


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    events = any(
        a == b or (a.endswith("*") and b.startswith(a[:-1])) or (b.endswith("*") and a.startswith(b[:-1]))
        for a in one["events"]
        for b in other["events"]
    )
    prefixes = one["prefix"].startswith(other["prefix"]) or other["prefix"].startswith(one["prefix"])
    suffixes = one["suffix"].endswith(other["suffix"]) or other["suffix"].endswith(one["suffix"])
    return events and prefixes and suffixes
