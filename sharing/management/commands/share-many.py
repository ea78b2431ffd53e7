"""Share many at once, from a file with a line for each."""

import sys
import uuid
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from sharing.models import Actor, BulkItem, BulkItemState, Judgement
from sharing.models.bulk import WRITTEN
from sharing.models.grant import UNSETTLED
from sharing.services import bulk as bulks
from sharing.services.bulk import Line
from sharing.services.bulk import Outcome as What
from sharing.services.bulk.judging import Verdict
from sharing.services.bulk.telling import WORDS
from sharing.services.errors import Refusal
from sharing.tasks import begin

from ._output import Outcome, Problem, ShareCommand, timed_out, waits_for_second_person
from ._when import when_type

FIELDS = "line, function, principal, action, until, verdict, says, next, outcome, grant"


class Command(ShareCommand):
    """`manage.py share-many`."""

    help = (
        "Share every line of a CSV file whose first line names the columns function, qualifier, principal, action, until, "
        "reason (function and principal, or who, must be there). Each line is judged first; with --dry-run nothing else "
        "happens, and a line that cannot be shared makes the exit code 1. Without it the lines that can be shared are, and "
        "the others are said. A worker goes through them; what is interrupted goes on where it was. "
        f"Items have: {FIELDS}."
    )
    waits = True

    def arguments(self, parser: ArgumentParser) -> None:
        """FILE, and what lines take that say none."""
        parser.add_argument("file", metavar="FILE", help="a CSV file in UTF-8; - reads standard input")
        parser.add_argument("--dry-run", action="store_true", help="only say what would become of each line")
        parser.add_argument("--until", type=when_type, metavar="WHEN", help="for lines without one (default: no end)")
        parser.add_argument("--reason", default="", metavar="TEXT", help="for lines without one")

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Judge; keep and confirm; wait if asked."""
        until = options["until"].at if options["until"] else None
        lines = bulks.from_list(bulks.text_of(_read(options["file"])), ends_at=until, reason=options["reason"])
        if options["dry_run"]:
            tokens = [f"dry-{line.number}" for line in lines]
            return _judged(lines, bulks.judged(lines, tokens, by=actor))
        title = f"A list of {len(lines):,} share{'' if len(lines) == 1 else 's'}"
        bulk = bulks.draft(lines, title=title, reason=options["reason"], by=actor)
        if not bulks.written(bulk):
            refused = [_item(one) for one in bulks.items(bulk)]
            return Outcome(refused, _lines(refused), Problem("nothing-to-share", "No line can be shared.", "See each line."))
        bulk = bulks.confirm(bulk, by=actor, judged_at=bulk.judged_at)
        begin(bulk.pk)
        settled = True
        if options["wait"]:
            settled = self.wait_until(lambda: _is_through(bulk.pk), options["timeout"])
        items = [_item(one) for one in bulks.items(bulk)]
        beside = {"bulk": str(bulk.pk)}
        tally = bulks.tally(bulk)
        said = [*_lines(items), ", ".join(f"{count:,} {WORDS[one].lower()}" for one, count in tally.items())]
        problem = None if settled else timed_out(options["timeout"])
        bad = tally.get(What.FAILED, 0) + tally.get(What.SKIPPED, 0)
        if problem is None and bad:
            problem = Problem("incomplete", f"{bad:,} of {len(items):,} lines are not shared.", "See each line for what to do.")
        if problem is None and (waiting := tally.get(What.SECOND, 0)):
            text = f"{waiting:,} wait for a second person."
            problem = waits_for_second_person(text, "Another owner or admin approves them in fnshare.")
        return Outcome(items, said, problem, beside)


def _read(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read(bulks.LONGEST + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(bulks.LONGEST + 1)
    except OSError as problem:
        raise Refusal(f"{name} cannot be read: {problem.strerror}.", next="Check the path.", code="usage") from problem


def _judged(lines: list[Line], verdicts: list[Verdict]) -> Outcome:
    items = [
        {
            "line": line.number,
            "function": verdict.policy.arn if verdict.policy else line.function,
            "principal": verdict.who or line.who,
            "action": line.action,
            "until": line.ends_at,
            "verdict": verdict.judgement.value,
            "says": verdict.says,
            "next": verdict.next,
            "outcome": "",
            "grant": verdict.grant.pk if verdict.grant else None,
        }
        for line, verdict in zip(lines, verdicts, strict=True)
    ]
    fine = {*WRITTEN, Judgement.ALREADY, Judgement.DUPLICATE}
    bad = sum(verdict.judgement not in fine for verdict in verdicts)
    problem = Problem("not-shareable", f"{bad:,} of {len(lines):,} lines cannot be shared.", "See each line.") if bad else None
    return Outcome(items, _lines(items), problem)


def _item(item: BulkItem) -> dict[str, Any]:
    outcome = bulks.outcome_of(item)
    what, following = bulks.happened(item)
    return {
        "line": item.number,
        "function": item.place.policy.arn if item.place else item.function,
        "principal": item.who,
        "action": item.action,
        "until": item.ends_at,
        "verdict": item.verdict,
        "says": what or item.says,
        "next": following or item.next,
        "outcome": outcome.value,
        "grant": item.grant_id,
    }


def _lines(items: list[dict[str, Any]]) -> list[str]:
    found = []
    for one in items:
        said = f"{one['outcome'] or one['verdict']}. {one['says']} {one['next']}".strip()
        found.append(f"{one['line']}: {one['function']} {one['principal']}: {said}")
    return found


def _is_through(pk: uuid.UUID) -> bool:
    """Whether no line waits or is under way."""
    items = BulkItem.objects.filter(bulk=pk)
    return not (items.filter(state=BulkItemState.WAITING) | items.filter(grant__state__in=UNSETTLED)).exists()
