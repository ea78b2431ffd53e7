"""What an invoker role may call. Tried with DryRun, which runs nothing: a test of the role never invokes."""

from sharing.aws.checking import Answer
from sharing.aws.session import RoleRef, home_region
from sharing.models import Connection, Purpose

from .reaching import reach
from .reports import Report, Result, statement_to_add
from .rights import invoked
from .testing_checker import never_own, regions_of, tried, unknown

_TRIED = 10


def examine_invoker(connection: Connection, role: RoleRef, report: Report, result: Result) -> None:
    """Fill the result. A role that demands its ExternalId stands; what it lacks is named. Nothing is invoked."""
    result.verbs["invoke"] = True
    if not reach(connection.account).own:
        never_own(role, report)
    for pattern in invoked(connection)[:_TRIED]:
        _may_call(connection, role, pattern, report)


def _may_call(connection: Connection, role: RoleRef, pattern: str, report: Report) -> None:
    name = "lambda:InvokeFunction"
    answer = tried(role, *_place(connection, pattern), name=_fitting(pattern))
    if answer.answer == Answer.DENIED_IDENTITY or (answer.answer == Answer.DENIED_EXPLICIT and "identity" in answer.message):
        detail = f"The role may not call {pattern}."
        report.missing(name, detail, statement_to_add(["lambda:InvokeFunction"], pattern))
    elif answer.answer in (Answer.UNKNOWN, Answer.THROTTLED, Answer.BAD_REQUEST):
        unknown(answer)
        report.warning(name, f"Could not be tried. {answer.message}", "Test again later.")
    elif answer.answer == Answer.DENIED_UNKNOWN:
        report.ok(name, f"AWS does not say whether the role may call {pattern}; the first test invoke will.")
    else:
        report.ok(name, f"The role may call {pattern}. It was asked by DryRun: nothing ran.")


def _place(connection: Connection, pattern: str) -> tuple[str, str]:
    """Region and account to ask in: the pattern's own, or for every region one that is read."""
    _, partition, _, region, number, *_ = pattern.split(":")
    if "*" in region or "?" in region:
        manager = Connection.objects.standing().filter(purpose=Purpose.MANAGER, account__number=number).first()
        region = next(iter(regions_of(manager.account) if manager else []), home_region(partition))
    return region, number


def _fitting(pattern: str) -> str:
    """A name that the pattern lets in; with a wildcard, one that hardly exists."""
    return pattern.split(":function:", 1)[1].replace("*", "fnshare-probe").replace("?", "x")[:64]
