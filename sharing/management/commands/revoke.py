"""Take a share back: by statement id, or from whom."""

from argparse import ArgumentParser
from dataclasses import replace
from typing import Any

from sharing.models import Actor, Grant, Wanted
from sharing.services import access, granting
from sharing.services.errors import Refusal
from sharing.tasks import reconcile_grant, soon

from ._grants import FIELDS, again, are_settled, item_of, line_of, problem_of
from ._output import Outcome, Problem, ShareCommand, timed_out

_CHANGED = "changed"
_LOOK_AT_IT = "Look at the statement that AWS holds now (who-can-invoke lists it), then repeat with --anyway."


class Command(ShareCommand):
    """`manage.py revoke`."""

    help = (
        "Take back what lets somebody in: grants made here and statements made elsewhere alike. A worker removes the statement "
        "from AWS and re-reads the policy before it says revoked. Deny statements are never removed (that would widen access). "
        f"Items have: {FIELDS}."
    )
    waits = True

    def arguments(self, parser: ArgumentParser) -> None:
        """FUNCTION_ARN and what to take back."""
        parser.add_argument("function_arn", metavar="FUNCTION_ARN", help="full ARN; may end with an alias or version")
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--sid", default="", metavar="S", help="the statement with this id")
        what.add_argument(
            "--from", dest="who", default="", metavar="PRINCIPAL", help="the statement that lets exactly this principal in"
        )
        parser.add_argument("--all", action="store_true", help="with --from: every such statement, if there are several")
        parser.add_argument("--anyway", action="store_true", help="also if another tool changed the statement since")
        parser.add_argument("--reason", default="", metavar="TEXT", help="why, for the history")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Find, decide, tell a worker, wait if asked."""
        if options["all"] and not options["who"]:
            raise Refusal("--all goes with --from.", next="Leave it out: a statement id names one statement.", code="usage")
        policy = access.find_policy(options["function_arn"], by=actor)
        if options["who"]:
            targets = granting.targets_from(policy, options["who"], by=actor)
            if len(targets) > 1 and not options["all"]:
                listed = ", ".join(target.name for target in targets)
                raise Refusal(
                    f"{len(targets)} statements let them in: {listed}.",
                    next="Name one with --sid, or take all of them back with --all.",
                    code="ambiguous",
                )
        else:
            targets = [granting.target_with_sid(policy, options["sid"], by=actor)]
        revoked: list[Grant] = []
        refused: list[Refusal] = []
        for target in targets:
            try:
                grant = target.revoke(by=actor, reason=options["reason"], anyway=options["anyway"])
            except Refusal as refusal:
                refused.append(_for_a_shell(refusal))
                continue
            revoked.append(grant)
            if grant.is_unsettled:
                soon(reconcile_grant, grant.pk)
        return self._outcome(revoked, refused, options)

    def _outcome(self, revoked: list[Grant], refused: list[Refusal], options: dict[str, Any]) -> Outcome:
        keys = [grant.pk for grant in revoked]
        settled = not options["wait"] or self.wait_until(lambda: are_settled(keys), options["timeout"])
        revoked = again(revoked)
        items, lines = [item_of(grant) for grant in revoked], [line_of(grant) for grant in revoked]
        if refused:
            if len(refused) > 1:
                lines += [f"{refusal.message} {refusal.next}".strip() for refusal in refused[1:]]
            return Outcome(items, lines, Problem.of(refused[0]))
        if not settled:
            return Outcome(items, lines, timed_out(options["timeout"]))
        problems = (problem_of(grant, wanted=Wanted.ABSENT) for grant in revoked)
        found = next((problem for problem in problems if problem), None)
        if found and found.code == _CHANGED:  # a worker met the change: the statement was as granted when it was asked for
            found = replace(found, next=_LOOK_AT_IT)
        return Outcome(items, lines, found)


def _for_a_shell(refusal: Refusal) -> Refusal:
    """The same refusal, with a next step that a shell has."""
    if refusal.code == _CHANGED:
        refusal.next = _LOOK_AT_IT
    return refusal
