"""What all commands share: who acts, how results are printed, and which exit code ends the process.

A command subclasses `ShareCommand`, adds its arguments in `arguments` and does its work in `act`, which returns an
`Outcome`. It calls a service, then `soon(...)`, and if `options["wait"]` is set `self.wait_until(...)`:

    class Command(ShareCommand):
        help = "Take a share back."
        waits = True                      # adds --wait and --timeout

        def arguments(self, parser): parser.add_argument("function_arn", metavar="FUNCTION_ARN")

        def act(self, actor, options):
            grant = granting.revoke(find(options["function_arn"]), by=actor)
            soon(reconcile_grant, grant.pk)
            if options["wait"] and not self.wait_until(lambda: settled(grant), options["timeout"]):
                return Outcome([item(grant)], [line(grant)], timed_out(options["timeout"]))
            return Outcome([item(grant)], [line(grant)])

A `services.errors.Refusal` raised anywhere becomes the error of the outcome (exit 1; code `usage`: exit 2). With --json
standard output carries one object and nothing else, usage errors included; without it errors go to standard error.
"""

import getpass
import json
import logging
import os
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NoReturn

import structlog
from django.core.management.base import BaseCommand, CommandParser
from django.db import DatabaseError, OperationalError, ProgrammingError
from django.utils import timezone

from sharing.models import Actor, User
from sharing.policy.arn import unspaced
from sharing.services.errors import Refusal

log = structlog.get_logger(__name__)

DONE, REFUSED, USAGE, WAITS_FOR_SECOND_PERSON = 0, 1, 2, 3


@dataclass(frozen=True)
class Problem:
    """Why it is not done: a stable code for programs, a sentence and a next step for people, and the exit code."""

    code: str
    message: str
    next: str = ""
    exit_code: int = REFUSED

    @classmethod
    def of(cls, refusal: Refusal) -> "Problem":
        """What a service refused."""
        return cls(refusal.code, refusal.message, refusal.next, USAGE if refusal.code == "usage" else REFUSED)


@dataclass(frozen=True)
class Outcome:
    """What a command did. items: for --json. lines: for people. problem: None means that it is done."""

    items: list[dict[str, Any]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    problem: Problem | None = None
    #: Said with --json beside the items: what an empty list must not be read without.
    beside: dict[str, Any] = field(default_factory=dict)


def timed_out(seconds: float) -> Problem:
    """`--wait` ran out of time. Nothing is lost: the row is kept and a worker goes on."""
    return Problem(
        "timeout",
        f"Not settled within {seconds:g} seconds. The request is kept and goes on by itself.",
        "Check that a worker runs (celery -A sharing worker), then look again or wait longer with --timeout.",
    )


def waits_for_second_person(message: str, next_step: str = "") -> Problem:
    """The request is kept until another person approves it: exit 3, at once."""
    return Problem("waits-for-second-person", message, next_step, WAITS_FOR_SECOND_PERSON)


def account_id(text: str) -> str:
    """An argparse type: 12 digits, spaces and dashes ignored."""
    digits = unspaced(text)
    if not (digits.isascii() and digits.isdigit()):
        raise ArgumentTypeError(f"“{text[:40]}” is not an AWS account id. Give its 12 digits.")
    if len(digits) != 12:
        raise ArgumentTypeError(f"“{text[:40]}” has {len(digits)} digits. An AWS account id has exactly 12.")
    return digits


def as_json(value: object) -> str:
    """Times as ISO 8601 with offset, ids as text."""
    return json.dumps(value, ensure_ascii=False, default=lambda thing: _plain(thing))


def _plain(thing: object) -> str:
    return thing.isoformat() if isinstance(thing, datetime) else str(thing)


def when(moment: datetime | None) -> str:
    """A moment for people: `2026-11-23 07:12 UTC`."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M %Z}" if moment else ""


class ShareCommand(BaseCommand):
    """Base of connect, sync, share, revoke, check-access, who-can-invoke and add-person (see the module)."""

    #: Adds --wait and --timeout.
    waits = False
    #: Adds --by.
    acts = True
    requires_system_checks = []
    suppressed_base_arguments = {
        "--version",
        "--verbosity",
        "--settings",
        "--pythonpath",
        "--traceback",
        "--no-color",
        "--force-color",
    }
    _as_json = False

    def arguments(self, parser: ArgumentParser) -> None:
        """Add the command's own arguments."""

    def act(self, actor: Actor, options: dict[str, Any]) -> Outcome:
        """Do it. Refusals raised here end as the outcome's problem."""
        raise NotImplementedError

    def wait_until(self, settled: Callable[[], bool], seconds: float) -> bool:
        """Poll rows until `settled` says yes; False when the time ran out."""
        ends = time.monotonic() + seconds
        pause = 0.1
        while True:
            if settled():
                return True
            left = ends - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(pause * 1.3, 1.0)

    def add_arguments(self, parser: CommandParser) -> None:
        """The command's own arguments, then those that all share."""
        self.arguments(parser)
        if self.waits:
            parser.add_argument("--wait", action="store_true", help="wait until it is settled")
            parser.add_argument(
                "--timeout", type=_seconds, default=120.0, metavar="SECONDS", help="how long --wait waits (default: 120)"
            )
        if self.acts:
            parser.add_argument(
                "--by", metavar="EMAIL", default="", help="the person you act for: recorded as claimed, never an approver"
            )
        parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else")

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """A parser whose errors respect --json, and that guesses no abbreviations."""
        parser = super().create_parser(prog_name, subcommand, allow_abbrev=False, **kwargs)
        parse = parser.parse_args

        def parse_args(args: Any = None, namespace: Any = None) -> Any:
            self._as_json = "--json" in (args or ())
            return parse(args, namespace)

        parser.parse_args = parse_args  # type: ignore[method-assign]  # argparse tells errors nothing about what was parsed
        parser.error = lambda message: self._fail_usage(parser, message)  # type: ignore[method-assign]
        return parser

    def run_from_argv(self, argv: list[str]) -> None:
        """From a shell: exit codes, never a stack trace; of the log only what went wrong, on standard error."""
        logging.getLogger().setLevel(logging.WARNING)
        try:
            super().run_from_argv(argv)
        except KeyboardInterrupt:
            sys.exit(130)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run `act`, print its outcome, end with its exit code."""
        self._as_json = bool(options.get("json"))
        options.setdefault("wait", False)
        options.setdefault("timeout", 120.0)
        try:
            outcome = self.act(_actor(str(options.get("by") or "")), options)
        except Refusal as refusal:
            outcome = Outcome(problem=Problem.of(refusal))
        except DatabaseError as problem:
            said = str(problem).strip().partition("\n")[0]
            # One that is away or not migrated is the reader's to mend: no trace. Anything else is ours.
            ours = not (isinstance(problem, OperationalError | ProgrammingError) or type(problem) is DatabaseError)
            log.error("database_failed", problem=type(problem).__name__, said=said, exc_info=ours)
            outcome = Outcome(
                problem=Problem(
                    "database",
                    f"The database did not answer as expected: {said}.",
                    "Check DATABASE_URL, run manage.py migrate, then try again.",
                )
            )
        except Exception as problem:  # the door: a shell gets a sentence, the log gets the trace
            log.error("command_failed", problem=type(problem).__name__, exc_info=True)
            outcome = Outcome(
                problem=Problem("internal", f"fnshare met a fault of its own ({type(problem).__name__}).", "See the log above.")
            )
        self._end(outcome)

    def _end(self, outcome: Outcome) -> None:
        problem = outcome.problem
        if self._as_json:
            error = {"code": problem.code, "message": problem.message, "next": problem.next} if problem else None
            self.stdout.write(as_json({"ok": problem is None, **outcome.beside, "items": outcome.items, "error": error}))
        else:
            for line in outcome.lines:
                self.stdout.write(line)
            if problem:
                self.stderr.write(f"{problem.message} {problem.next}".strip())
        if problem:
            sys.exit(problem.exit_code)

    def _fail_usage(self, parser: CommandParser, message: str) -> NoReturn:
        text = message[:1].upper() + message[1:]
        if not text.endswith((".", "!", "?")):
            text += "."
        if self._as_json:
            hint = parser.format_usage().strip()
            self._end(Outcome(problem=Problem("usage", text, " ".join(hint.split()), USAGE)))
        else:
            self.stderr.write(f"{parser.format_usage()}{text} See --help.")
        sys.exit(USAGE)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise ArgumentTypeError(f"“{text[:40]}” is not a number of seconds.") from None
    if not 0 < seconds <= 86_400:
        raise ArgumentTypeError("Give a number of seconds above 0 and at most 86400.")
    return seconds


def _actor(email: str) -> Actor:
    """The machine's operator, and the person they say they act for."""
    try:
        operator = getpass.getuser()
    except (OSError, KeyError):
        operator = f"uid {os.getuid()}"
    if not email:
        return Actor.at_shell(operator)
    person = User.objects.filter(email=email.strip().lower()).first()
    if person is None:
        raise Refusal(f"Nobody here has the e-mail address {email}.", next="Check --by, or add the person first.", code="usage")
    if not person.is_active:
        raise Refusal(f"{person.email} may not sign in any more.", next="Leave --by out, or name somebody else.", code="usage")
    return Actor.at_shell(operator, claimed=person)
