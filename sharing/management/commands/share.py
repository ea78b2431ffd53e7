"""Share a function, alias or version."""

from argparse import ArgumentParser, ArgumentTypeError
from datetime import timedelta
from typing import Any

from sharing.models import Actor, Grant, GrantState, Wanted
from sharing.policy.actions import INVOKE
from sharing.services import access, granting
from sharing.tasks import reconcile_grant, soon

from ._grants import FIELDS, again, are_settled, item_of, line_of, problem_of
from ._output import Outcome, ShareCommand, account_id, timed_out, waits_for_second_person
from ._when import When, when_type

#: The same command run again means the same lease, although `+4h` is a little later each time.
_SAME_LEASE = timedelta(minutes=5)


class Command(ShareCommand):
    """`manage.py share`."""

    help = (
        "Share a function: one row is kept, a worker writes the statement to AWS, re-reads it and checks it. Everyone, actions "
        "that change the function, and services without a source wait for a second person (exit 3). An equal share gives the "
        "existing grant back; another end date makes a second lease, which ends alone. "
        f"Items have: {FIELDS}."
    )
    waits = True

    def arguments(self, parser: ArgumentParser) -> None:
        """FUNCTION_ARN, with whom, and the limits."""
        parser.add_argument("function_arn", metavar="FUNCTION_ARN", help="full ARN; may end with an alias or version")
        parser.add_argument(
            "--with",
            dest="who",
            required=True,
            metavar="PRINCIPAL",
            help="account id or name, role or user ARN, organisation id, service such as s3.amazonaws.com, or everyone",
        )
        parser.add_argument("--action", default=INVOKE, metavar="A", help=f"default: {INVOKE}")
        parser.add_argument("--source-account", type=account_id, metavar="N", help="for services: on whose behalf")
        parser.add_argument("--source-arn", default="", metavar="ARN", help="for services: on behalf of which resource")
        parser.add_argument(
            "--organization", default="", metavar="O", help="only while they belong to this organisation (o-...)"
        )
        parser.add_argument("--event-source-token", default="", metavar="T", help="for Alexa: the skill id; never shown again")
        parser.add_argument("--function-url-auth-type", choices=["NONE", "AWS_IAM"], help="for InvokeFunctionUrl")
        parser.add_argument("--invoked-via-function-url", action="store_true", help="only through the function's URL")
        parser.add_argument("--sid", default="", metavar="S", help="statement id (default: fnshare- and the grant's id)")
        parser.add_argument(
            "--until",
            type=when_type,
            default=None,
            metavar="WHEN",
            help="ISO 8601 with offset, a date (end of that day, UTC), +90d or +4h (default: no end)",
        )
        parser.add_argument("--reason", type=_reason, required=True, metavar="TEXT", help="why they need it")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Plan, keep, tell a worker, wait if asked."""
        policy = access.find_policy(options["function_arn"], by=actor)
        until: When | None = options["until"]
        asked: dict[str, Any] = {
            "policy": policy,
            "who": options["who"],
            "action": options["action"],
            "source_account": options["source_account"] or "",
            "source_arn": options["source_arn"],
            "organization": options["organization"],
            "event_source_token": options["event_source_token"],
            "url_auth_type": options["function_url_auth_type"] or "",
            "via_url": options["invoked_via_function_url"],
            "sid": options["sid"],
            "by": actor,
        }
        plan = granting.plan(**asked, ends_at=until.at if until else None)
        if _same_lease(plan, until):
            plan = granting.plan(**asked, ends_at=plan.equal.ends_at if plan.equal else None)
        notes = [f"Note: {one.message} {one.next}".strip() for one in plan.warnings]
        if plan.equal is not None and not plan.same_end:
            notes.append("Note: they already have exactly this, with another end date; this lease ends alone.")
        grant = granting.grant(plan, reason=options["reason"], by=actor, anyway=True)
        if grant.is_unsettled:
            soon(reconcile_grant, grant.pk)
        return self._outcome(grant, notes, options)

    def _outcome(self, grant: Grant, notes: list[str], options: dict[str, Any]) -> Outcome:
        settled = True
        if options["wait"] and grant.state != GrantState.REQUESTED:
            settled = self.wait_until(lambda: are_settled([grant.pk]), options["timeout"])
        (grant,) = again([grant])
        items, lines = [item_of(grant)], [*notes, line_of(grant)]
        if grant.state == GrantState.REQUESTED:
            message = f"It waits for a second person. {grant.second_person}"
            return Outcome(items, lines, waits_for_second_person(message, "Another owner or admin approves it in fnshare."))
        if not settled:
            return Outcome(items, lines, timed_out(options["timeout"]))
        return Outcome(items, lines, problem_of(grant, wanted=Wanted.PRESENT))


def _same_lease(plan: granting.Plan, until: When | None) -> bool:
    """Whether an equal grant ends at what "+4h" meant when the same command ran a moment ago."""
    if until is None or not until.counted or plan.equal is None or plan.same_end or plan.equal.ends_at is None:
        return False
    return abs(plan.equal.ends_at - until.at) < _SAME_LEASE


def _reason(text: str) -> str:
    if not text.strip():
        raise ArgumentTypeError("The reason is empty. Say in a few words why they need it.")
    return text
