"""Prove by a DryRun whether an account or role can invoke a function."""

from argparse import ArgumentParser
from typing import Any

from sharing.models import Actor, Check, CheckState, Occasion, Verdict
from sharing.services import access, checking
from sharing.tasks import run_check, soon

from ._grants import FIELDS, item_of_check
from ._output import Outcome, Problem, ShareCommand, timed_out


class Command(ShareCommand):
    """`manage.py check-access`."""

    help = (
        "Ask AWS, as a connected consumer's checker role, whether it may invoke exactly this function, alias or version. "
        "Nothing runs: it is a DryRun. Somebody fnshare cannot act as is not-tried, with the reason. Exit 0 whatever the "
        f"verdict, 1 when the question was not answered. Items have: {FIELDS}."
    )
    waits = True

    def arguments(self, parser: ArgumentParser) -> None:
        """FUNCTION_ARN and as whom."""
        parser.add_argument("function_arn", metavar="FUNCTION_ARN", help="full ARN; may end with an alias or version")
        parser.add_argument(
            "--as",
            dest="who",
            required=True,
            metavar="ACCOUNT_OR_ROLE_ARN",
            help="account id or name, or its checker role's ARN",
        )

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Ask, tell a worker, wait if asked."""
        policy = access.find_policy(options["function_arn"], by=actor)
        check = checking.request(policy=policy, as_=options["who"], occasion=Occasion.CLICK, by=actor)
        settled = True
        if check.state != CheckState.DONE:
            soon(run_check, check.pk, queue="checks")
            if options["wait"]:
                settled = self.wait_until(lambda: _is_done(check), options["timeout"])
        check = Check.objects.select_related("policy__function__account").get(pk=check.pk)
        problem = None if settled else timed_out(options["timeout"])
        if check.verdict == Verdict.ERROR:
            problem = Problem(check.answer or "error", check.detail, "Try again; if it stays, test the consumer's connection.")
        return Outcome([item_of_check(check)], [_line(check)], problem)


def _is_done(check: Check) -> bool:
    return Check.objects.filter(pk=check.pk, state=CheckState.DONE).exists()


def _line(check: Check) -> str:
    if check.state != CheckState.DONE:
        return f"Asked as {check.asked_as}: a worker answers. See the function's page, or use --wait."
    verdict = Verdict(check.verdict).label
    return f"{verdict}: {check.policy.arn} as {check.asked_as}. {check.detail}".strip()
