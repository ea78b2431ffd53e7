"""What somebody should look at, as kept; for people, and for CI by its exit status."""

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from sharing.models import Account, Actor, Finding
from sharing.policy.findings import RULES, Severity
from sharing.services import gaps
from sharing.services.errors import Refusal
from sharing.services.findings import listing, refreshing
from sharing.services.findings.exporting import item

from ._output import Outcome, Problem, ShareCommand, account_id, when
from ._when import when_type

WORDS = tuple(severity.word for severity in sorted(Severity, reverse=True))
_COUNTED = re.compile(r"-?(\d{1,6}[wdhm])", re.ASCII)


class Command(ShareCommand):
    """`manage.py findings`."""

    help = (
        "List findings, the worst first, and before them what was not looked at. One item per finding: id (the same after "
        "every re-read), rule, title, severity, certain, status, account, account_name, region, function_arn, qualifier, "
        "sid, text, depends_on, who [{kind, principal, account}], first_seen_at, opened_at, closed_at, owner, accepted_until, "
        "accepted_by, accepted_because. With --json the gaps are in coverage. Exit status 1 when --fail-on is met."
    )

    def arguments(self, parser: ArgumentParser) -> None:
        """Filters, the threshold for CI, and the refresh."""
        parser.add_argument("--account", type=account_id, default=None, metavar="ID", help="of this account only")
        parser.add_argument("--rule", choices=sorted(RULES), default="", metavar="RULE", help="of this rule only")
        parser.add_argument("--severity", choices=WORDS, default="", help="of this severity only")
        parser.add_argument(
            "--since", type=_since, default=None, metavar="WHEN", help="opened after a moment, or within 7d or 12h"
        )
        parser.add_argument("--status", choices=listing.STATUSES, default="open", help="default: open, nobody accepted them")
        parser.add_argument(
            "--fail-on",
            choices=WORDS,
            default="",
            metavar="SEVERITY",
            help=f"exit 1 if one of those listed is open and at least so severe, depends included ({', '.join(WORDS)})",
        )
        parser.add_argument("--refresh", action="store_true", help="bring the findings up to date first (AWS is not asked)")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Read rows; with --refresh judge what is kept once more."""
        if options["account"] and not Account.objects.visible_to(actor).filter(number=options["account"]).exists():
            raise Refusal(f"Account {options['account']} is not known here.", next="Check the digits.", code="not-found")
        if options["refresh"]:
            while refreshing.refresh():
                pass
        now = timezone.now()
        asked = listing.Asked(
            severity=int(Severity[options["severity"].upper()]) if options["severity"] else 0,
            rule=options["rule"],
            account=options["account"] or "",
            status=options["status"],
            since=options["since"],
        )
        rows = listing.find(actor, asked, now=now).select_related("account", "function", "policy", "owner")
        found = list(rows.order_by("-severity", "-opened_at", "id"))
        coverage = gaps.summary(actor)
        lines = [*coverage, *(_line(one) for one in found)]
        lines.append(f"{len(found):,} {'finding' if len(found) == 1 else 'findings'}.")
        return Outcome([item(one) for one in found], lines, _met(found, options["fail_on"]), {"coverage": list(coverage)})


def _met(found: list[Finding], word: str) -> Problem | None:
    """The threshold of --fail-on. What is accepted or closed does not count; what depends does."""
    if not word:
        return None
    bad = [one for one in found if one.status == "open" and one.severity >= Severity[word.upper()]]
    if not bad:
        return None
    many = "1 open finding is" if len(bad) == 1 else f"{len(bad):,} open findings are"
    return Problem("findings", f"{many} at least {word}.", "Repair them, or have somebody accept the risk until a date.")


def _since(text: str) -> datetime:
    """A moment or date as elsewhere; `7d` counts back from now. So does `-7d`, which argparse takes only as `--since=-7d`."""
    wanted = text.strip()
    try:
        if counted := _COUNTED.fullmatch(wanted):
            forward = when_type(f"+{counted[1]}").at - timezone.now()
            return timezone.now() - forward
        day = datetime.strptime(wanted, "%Y-%m-%d")
    except (ValueError, OverflowError):
        return _moment(wanted)
    if day.year < 1970:
        raise ArgumentTypeError(f"“{text[:40]}” is too long ago.")
    return timezone.make_aware(day, timezone.get_default_timezone()) - timedelta(microseconds=1)


def _moment(wanted: str) -> datetime:
    try:
        return when_type(wanted).at
    except ArgumentTypeError:
        raise ArgumentTypeError(
            f"“{wanted[:40]}” is no moment. Write a distance back from now (7d, 12h), a date (2026-11-05), or ISO 8601 with an "
            "offset (2026-11-05T18:00:00+01:00)."
        ) from None


def _line(one: Finding) -> str:
    state = f" [accepted until {when(one.accepted_until)}]" if one.status == "accepted" else ""
    state = f" [closed {when(one.closed_at)}]" if one.status == "closed" else state
    unsure = "" if one.certain else " (depends)"
    return f"{Severity(one.severity).word:<8}  {one.rule}{unsure}  {one.text}{state}  {one.pk}"
