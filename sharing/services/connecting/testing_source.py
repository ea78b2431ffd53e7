"""What a source role may do with the sources it was made for: each is read once. Nothing is changed and nothing is sent."""

from collections.abc import Callable
from typing import Any

from sharing.aws.errors import AwsError, Refused, Unavailable
from sharing.aws.session import RoleRef, home_region
from sharing.aws.wired import COMPOSITE, TESTS, Absent, Sources, kind_of, wiring_statements
from sharing.models import Connection
from sharing.policy.arn import Arn

from .entering import sources
from .reports import Report, Result, statement_to_add

#: The harmless read of each kind; what it finds is not kept.
_READ: dict[str, Callable[[Sources], Any]] = {
    "s3": Sources.bucket_notifications,
    "sns": Sources.topic_policy,
    "eventbridge": Sources.rule_targets,
    "alarm": Sources.alarm,
    "sqs": Sources.queue_policy,
    "kinesis": Sources.stream_policy,
    "dynamodb": Sources.stream_policy,
}


def examine_source(connection: Connection, role: RoleRef, report: Report, result: Result) -> None:
    """Fill the result. A role that demands its ExternalId stands; a source it may not read, or that is not there, is named.

    Raises Unavailable when no source at all could be tried.
    """
    readable, unanswered = 0, None
    for arn in connection.limited_to:
        try:
            readable += _reads(connection, role, arn, report)
        except Unavailable as problem:
            unanswered = problem
            report.warning(arn, f"Could not be tried. {problem.sentence}", "Test again later.")
    if unanswered is not None and not readable:
        raise unanswered
    result.verbs["wire"] = readable > 0
    if readable and any(kind_of(arn) in TESTS for arn in connection.limited_to):
        report.ok("Test events", "Whether the role may send one is not tried: nothing is sent before somebody asks for it.")


def _reads(connection: Connection, role: RoleRef, arn: str, report: Report) -> bool:
    """Whether the role may read this source; a source that AWS does not know says nothing against the role."""
    kind = kind_of(arn)
    region = Arn.parse(arn).region or home_region(connection.account.partition)
    try:
        found = _READ[kind](sources(connection, region, resource=arn, session_name="fnshare-test", way_in=role))
    except Absent as absent:
        report.warning(arn, absent.sentence, "Make it, or take it off the list.")
        return True
    except Refused as refused:
        report.missing(arn, refused.sentence, _to_add(kind, arn, refused))
        return False
    if kind == "alarm" and found is None:
        following = "Make it, or take it off the list. Composite alarms show only to who may describe every alarm."
        report.warning(arn, "AWS shows no such alarm.", following)
    elif kind == "alarm" and found.get("AlarmRule"):
        following = statement_to_add([COMPOSITE], "*").replace("Add", "To have fnshare change it all the same, add", 1)
        detail = "A composite alarm: AWS lets only those change it who may change every composite alarm of the account."
        report.warning(arn, detail, following)
    else:
        report.ok(arn, "Read. Nothing was changed.")
    return True


def _to_add(kind: str, arn: str, error: AwsError) -> str:
    if not error.is_access_denied:
        return error.next
    words = [
        statement_to_add(one["Action"], one["Resource"]).removesuffix(" Then test again.")
        for one in wiring_statements(kind, [arn])
    ]
    owner = " If it is there already, the bucket belongs to another account." if kind == "s3" else ""
    return f"{' '.join(words)} Then test again.{owner}"
